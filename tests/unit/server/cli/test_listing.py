"""Lists that are streamed: what is read is printed before more is read, and stdout has one document in the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from rich.text import Text

from domain.errors import StoreFailedError
from server.cli import listing
from server.cli.command import Invocation
from server.cli.listing import Chunk, Listing, Paging, load_by_key, print_listing

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERYTHING = Paging(everything=True)


def invocation(*, as_json: bool) -> Invocation:
    return Invocation(as_json=as_json, data_dir=None, config=None)


def numbers(
    capsys: pytest.CaptureFixture[str], printed: list[str], *, last: int, fail_at: int | None = None
) -> Listing[int]:
    """The numbers up to `last`, which note what was printed before each chunk was loaded."""

    async def load(after: str | None, limit: int) -> Sequence[int]:
        printed.append(capsys.readouterr().out)
        first = int(after or 0) + 1
        if fail_at is not None and first >= fail_at:
            raise StoreFailedError("The disk is gone.")
        return range(first, min(first + limit, last + 1))

    return Listing(
        load=load_by_key("numbers", load, str),
        serialize=lambda each: {"number": each, "text": "a b"},
        render=lambda rows: [Text(" ".join(map(str, rows)) or "None.")],
        extra=lambda: {"at": "now"},
        notes=lambda: ["That is all."],
    )


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_CHUNK", 2)


async def test_a_chunk_is_printed_before_the_next_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    printed: list[str] = []
    await print_listing(invocation(as_json=True), numbers(capsys, printed, last=5), EVERYTHING)
    printed.append(capsys.readouterr().out)

    assert [each.count('"number"') for each in printed] == [0, 2, 2, 1]
    document: dict[str, Any] = {
        "items": [{"number": each, "text": "a b"} for each in range(1, 6)],
        "count": 5,
        "at": "now",
    }
    assert "".join(printed) == json.dumps(document, indent=2) + "\n"


async def test_people_see_each_chunk_as_it_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    printed: list[str] = []
    await print_listing(invocation(as_json=False), numbers(capsys, printed, last=3), EVERYTHING)
    assert printed == ["", "1 2\n"]
    assert capsys.readouterr().out == "3\nThat is all.\n"


@pytest.mark.parametrize("paging", [EVERYTHING, Paging()])
async def test_an_empty_list_is_told_in_the_same_form(
    capsys: pytest.CaptureFixture[str], paging: Paging
) -> None:
    await print_listing(invocation(as_json=True), numbers(capsys, [], last=0), paging)
    assert capsys.readouterr().out == '{\n  "items": [],\n  "count": 0,\n  "at": "now"\n}\n'
    await print_listing(invocation(as_json=False), numbers(capsys, [], last=0), paging)
    assert "None." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fail_at", "wanted"),
    [
        (1, {"error": {"code": "store_failed"}}),
        (
            3,
            {
                "items": [{"number": 1, "text": "a b"}, {"number": 2, "text": "a b"}],
                "error": {"code": "store_failed"},
            },
        ),
    ],
    ids=["before the first row", "in between"],
)
async def test_an_error_ends_the_document_that_was_begun(
    capsys: pytest.CaptureFixture[str], fail_at: int, wanted: dict[str, Any]
) -> None:
    run, printed = invocation(as_json=True), list[str]()
    with pytest.raises(StoreFailedError):
        await print_listing(run, numbers(capsys, printed, last=9, fail_at=fail_at), EVERYTHING)
    run.output.print_error({"error": {"code": "store_failed"}}, "The disk is gone.")
    printed.append(capsys.readouterr().out)
    assert json.loads("".join(printed)) == wanted


async def test_a_page_is_of_as_many_chunks_as_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    limits: list[int] = []

    async def load(cursor: str | None, limit: int) -> Chunk[int]:
        limits.append(limit)
        first = int(cursor or 0)
        return Chunk(rows=range(first, first + limit), next_cursor=str(first + limit))

    endless = Listing(load=load, serialize=lambda each: {"number": each}, render=lambda _: [])
    await print_listing(invocation(as_json=True), endless, Paging(limit=5, cursor="10"))
    page = json.loads(capsys.readouterr().out)
    assert [each["number"] for each in page["items"]] == [10, 11, 12, 13, 14]
    assert (page["count"], page["next_cursor"], limits) == (5, "15", [2, 2, 1])
