"""What the Indexing adapter believes of a Glean that contradicts itself, and does again that was left half done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from domain.content.documents import Author, Document
from domain.content.documents import encode_document as encoded
from domain.content.documents.neutral import Body
from domain.errors import (
    PlatformConflictError,
    PlatformDeniedError,
    PlatformRunLostError,
    PlatformUnavailableError,
)
from server.adapters.glean.indexing.names import datasource_of
from tests.support.glean.datasources import (
    MARK,
    NAME,
    datasource_spec,
    indexing_platform,
    push_run,
    serve_run,
    staged_line,
    staged_pages,
    sync_run,
    use_small_pages,
)
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from server.adapters.glean.indexing.platform import IndexingPlatform
    from tests.support.sandbox.embedded import EmbeddedSandbox

HANDLE = datasource_of(NAME)
LINES = [staged_line(number) for number in range(8)]


@pytest.fixture
async def one(glean: EmbeddedSandbox) -> AsyncIterator[IndexingPlatform]:
    glean.sandbox.set_switches(limits_rate=False)
    with use_small_pages():
        async with indexing_platform(glean) as opened:
            yield opened


@pytest.fixture
async def another(glean: EmbeddedSandbox) -> AsyncIterator[IndexingPlatform]:
    """The same in another process."""
    async with indexing_platform(glean) as opened:
        yield opened


def refusal_fault(operation: str, **more: Any) -> Fault:
    return Fault(kind="status", operation=operation, status=400, body="plain", **({"times": None} | more))


LOOKS: dict[str, tuple[str, Callable[[IndexingPlatform], Awaitable[object]]]] = {
    "find": ("getdatasourceconfig", lambda one: one.find_datasources([NAME])),
    "observe": ("getdatasourceconfig", lambda one: one.observe(HANDLE)),
    "remove": ("getdatasourceconfig", lambda one: one.delete_datasource(HANDLE, MARK)),
    "ensure": ("getdatasourceconfig", lambda one: one.ensure(datasource_spec())),
    "job": ("debug.status", lambda one: one.fetch_sync_job(HANDLE, "run-1")),
    "stop": ("debug.status", lambda one: one.stop_sync(HANDLE, MARK)),
    "sync": ("debug.status", lambda one: one.start_sync(HANDLE, MARK, "run-1")),
    "serves": ("debug.documents", lambda one: one.is_still_served(HANDLE, NAME, LINES)),
}


@pytest.mark.parametrize("look", LOOKS)
async def test_one_call_that_says_that_a_datasource_is_gone_is_not_believed_while_another_tells_of_it(
    one: IndexingPlatform, glean: EmbeddedSandbox, look: str
) -> None:
    await serve_run(one, "run-1", LINES)
    operation, ask = LOOKS[look]
    before = glean.sandbox.snapshot()
    glean.sandbox.faults.add(refusal_fault(operation))

    with pytest.raises(PlatformUnavailableError, match="exists, another that it does not"):
        await ask(one)

    assert glean.sandbox.snapshot() == before


async def test_what_two_calls_say_is_gone_is_gone(one: IndexingPlatform, glean: EmbeddedSandbox) -> None:
    await serve_run(one, "run-1", LINES)
    glean.sandbox.delete_datasource(HANDLE)

    assert await one.find_datasources([NAME]) == []
    assert await one.fetch_sync_job(HANDLE, "run-1") is None
    assert not await one.is_still_served(HANDLE, NAME, LINES)


async def test_only_who_pushed_a_whole_run_ends_it(
    one: IndexingPlatform, another: IndexingPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await one.ensure(datasource_spec())
    await push_run(one, handle, "run-1", LINES)

    with pytest.raises(PlatformRunLostError):
        await another.start_sync(handle, MARK, "run-1")

    assert glean.sandbox.documents(handle) == []
    await sync_run(one, handle, "run-1")
    assert len(glean.sandbox.documents(handle)) == len(LINES)
    assert (await another.start_sync(handle, MARK, "run-1")).state == "succeeded"


async def test_a_run_whose_place_another_took_is_lost_to_who_pushed_it(
    one: IndexingPlatform, another: IndexingPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await one.ensure(datasource_spec())
    await push_run(one, handle, "run-1", LINES)
    await push_run(another, handle, "run-2", LINES[:2])

    with pytest.raises(PlatformRunLostError):
        await one.start_sync(handle, MARK, "run-1")

    await sync_run(another, handle, "run-2")
    assert len(glean.sandbox.documents(handle)) == 2


async def test_a_push_whose_place_another_takes_is_lost(
    one: IndexingPlatform, another: IndexingPlatform
) -> None:
    handle = await one.ensure(datasource_spec())

    async def interrupted_lines() -> AsyncIterator[list[bytes]]:
        yield LINES[:4]
        await push_run(another, handle, "run-2", LINES[:2])
        yield LINES[4:]

    with pytest.raises(PlatformRunLostError):
        await one.push(handle, MARK, "run-1", interrupted_lines(), lambda _: None)


async def test_a_page_that_is_refused_though_its_upload_is_open_is_no_lost_run(
    one: IndexingPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await one.ensure(datasource_spec())
    for skip in (0, 1):
        glean.sandbox.faults.clear()
        fault = Fault(kind="status", operation="bulkindexdocuments", status=409, body="plain", skip=skip)
        glean.sandbox.faults.add(fault)
        with pytest.raises(PlatformConflictError) as caught:
            await one.push(handle, MARK, "run-1", staged_pages(LINES), lambda _: None)
        assert not isinstance(caught.value, PlatformRunLostError)


async def test_users_whom_a_dead_process_left_are_forgotten_by_the_next(
    one: IndexingPlatform, another: IndexingPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await serve_run(one, "run-1", [_for_one_reader()])
    glean.sandbox.faults.add(Fault(kind="status", operation="bulkindexusers", status=403))
    assert await one.delete_datasource(handle, MARK) is None
    with pytest.raises(PlatformDeniedError):
        await one.delete_datasource(handle, MARK)
    assert _users(glean) == 1

    assert await another.delete_datasource(handle, MARK) is not None

    assert _users(glean) == 0


def _for_one_reader() -> bytes:
    return encoded(
        Document(
            type="confluence_pages",
            id="page-1",
            title="Page 1",
            body=Body("text/html", "<p>secret</p>"),
            container="ENG",
            author=Author("mira@acme.example", "Mira"),
            url=f"{datasource_spec().site}/pages/1",
            updated=datetime(2026, 1, 2, tzinfo=UTC),
            readers=("mira@acme.example",),
        )
    )


def _users(glean: EmbeddedSandbox) -> int:
    with glean.sandbox.world.database.read() as connection:
        (number,) = connection.execute("SELECT count(*) FROM identity").fetchone()
    return int(number)
