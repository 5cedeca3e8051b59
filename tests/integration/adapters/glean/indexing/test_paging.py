"""Pages of the Indexing dialect: never beyond what Glean takes, nothing lost, added or reordered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.content.documents import encode_document
from domain.content.documents.neutral import Body
from domain.errors import PlatformInvalidError
from server.adapters.glean.indexing import wire
from server.adapters.glean.indexing.documents import DocumentEncoder
from server.adapters.glean.indexing.names import datasource_of
from server.adapters.glean.transport.paging import EncodedPage, repaginate
from server.sandbox.indexing_api.operations import PAGE_BYTES, PAGE_DOCUMENTS
from tests.support.glean.datasources import (
    MARK,
    NAME,
    datasource_spec,
    indexing_platform,
    neutral_document,
    push_run,
    staged_pages,
    sync_run,
)

if TYPE_CHECKING:
    from tests.support.sandbox.embedded import EmbeddedSandbox

HANDLE: Final = datasource_of(NAME)
RUN: Final = MARK.dataset_id + "-" + "9" * 200


def line(number: int, text: str) -> bytes:
    return encode_document(replace(neutral_document(number), body=Body("text/plain", text), references=()))


def encode_line(line: bytes) -> bytes:
    return DocumentEncoder(HANDLE).encode(line)


LINES: Final = st.lists(
    st.tuples(st.integers(0, 10**6), st.text(max_size=120)), max_size=25, unique_by=lambda each: each[0]
).map(lambda several: [line(*each) for each in several])


async def cut(
    lines: list[bytes], *, count: int, size: int, at_once: int
) -> tuple[list[EncodedPage], int | None]:
    """The pages, and the position of the document at which it was refused to go on."""
    made: list[EncodedPage] = []
    cutting = repaginate(
        staged_pages(lines, at_once), DocumentEncoder(HANDLE).encode, max_count=count, max_bytes=size
    )
    try:
        while (page := await anext(cutting, None)) is not None:
            made.append(page)
    except PlatformInvalidError as error:
        return made, int(error.facts["position"])
    return made, None


@given(lines=LINES, count=st.integers(1, 9), size=st.integers(700, 2_500), at_once=st.integers(1, 9))
def test_pages_keep_to_their_limits_and_to_the_order(
    lines: list[bytes], count: int, size: int, at_once: int
) -> None:
    made, refused_at = anyio.run(lambda: cut(lines, count=count, size=size, at_once=at_once))

    fitting = [encode_line(each) for each in lines]
    too_large = [number for number, each in enumerate(fitting, 1) if len(each) > size]
    assert refused_at == (too_large[0] if too_large else None)
    sent = [document for page in made for document in json.loads(b"[" + page.documents + b"]")]
    wanted = [json.loads(each) for each in fitting]
    assert sent == (wanted[: len(sent)] if too_large else wanted)
    assert len(sent) < (too_large[0] if too_large else len(wanted) + 1)
    for page in made:
        assert page.count == len(json.loads(b"[" + page.documents + b"]")) <= count
        assert len(page.documents) <= size


def sized_line(number: int, size: int) -> bytes:
    """A line whose document in the Indexing dialect has exactly so many bytes."""
    return line(number, "x" * (size - len(encode_line(line(number, "")))))


@pytest.mark.parametrize(
    ("sizes", "counts"),
    [
        ([1_000] * (wire.PAGE_COUNT + 1), [1_000, 1]),
        ([wire.PAGE_BYTES, 1_000], [1, 1]),
        ([1_000, wire.PAGE_BYTES - 1_001], [2]),
        ([1_000, wire.PAGE_BYTES - 1_000], [1, 1]),
        ([wire.PAGE_BYTES // 3] * 4, [2, 2]),
    ],
    ids=["count", "one that fills a page", "two that fill a page", "two that just do not", "thirds"],
)
async def test_what_fills_a_page_to_the_last_byte_is_taken_with_all_that_stands_around_it(
    glean: EmbeddedSandbox, monkeypatch: pytest.MonkeyPatch, sizes: list[int], counts: list[int]
) -> None:
    bodies: list[bytes] = []
    send = httpx.AsyncClient.send

    async def heard(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        if request.url.path.endswith("/bulkindexdocuments"):
            bodies.append(await request.aread())
        return await send(self, request, **options)

    monkeypatch.setattr(httpx.AsyncClient, "send", heard)
    async with indexing_platform(glean) as platform:
        assert await platform.ensure(datasource_spec()) == HANDLE
        await push_run(platform, HANDLE, RUN, [sized_line(number, size) for number, size in enumerate(sizes)])
        await sync_run(platform, HANDLE, RUN)

    sent = [len(each["documents"]) for each in map(json.loads, bodies)]
    assert (sent[0], sorted(sent[1:-1]), sent[-1]) == (counts[0], sorted(counts[1:]), 0)
    assert max(map(len, bodies)) <= PAGE_BYTES
    assert max(sent) <= PAGE_DOCUMENTS
    assert len(glean.sandbox.documents(HANDLE)) == len(sizes)
    assert ("bulkindexdocuments", 413) not in glean.sandbox.request_counts()


async def test_a_document_that_is_too_large_is_refused_before_it_is_sent(glean: EmbeddedSandbox) -> None:
    async with indexing_platform(glean) as platform:
        await platform.ensure(datasource_spec())
        with pytest.raises(PlatformInvalidError, match="Document 3 has") as refused:
            await push_run(
                platform,
                HANDLE,
                RUN,
                [sized_line(1, 1_000), sized_line(2, 1_000), sized_line(3, wire.PAGE_BYTES + 1)],
            )

    assert refused.value.facts == {"position": 3}
    assert "bulkindexdocuments" not in {operation for operation, _ in glean.sandbox.request_counts()}
