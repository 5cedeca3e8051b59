"""What the Indexing adapter believes of a Glean that contradicts itself, and does again that was left half done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from domain.documents import Author, Document
from domain.documents import encode as encoded
from domain.documents.neutral import Body
from domain.errors import (
    PlatformConflictError,
    PlatformDeniedError,
    PlatformRunLostError,
    PlatformUnavailableError,
)
from server.adapters.glean.indexing_names import datasource_of
from server.sandbox.faults import Fault
from tests.gleaning import MARK, NAME, finished, indexing, line, pages, pushed, served, small_pages, source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from server.adapters.glean.indexing import IndexingGlean
    from server.sandbox.serve import EmbeddedSandbox

HANDLE = datasource_of(NAME)
LINES = [line(number) for number in range(8)]


@pytest.fixture
async def one(glean: EmbeddedSandbox) -> AsyncIterator[IndexingGlean]:
    glean.sandbox.turn(limits_rate=False)
    with small_pages():
        async with indexing(glean) as opened:
            yield opened


@pytest.fixture
async def another(glean: EmbeddedSandbox) -> AsyncIterator[IndexingGlean]:
    """The same in another process."""
    async with indexing(glean) as opened:
        yield opened


def refused(operation: str, **more: Any) -> Fault:
    return Fault(kind="status", operation=operation, status=400, body="plain", **({"times": None} | more))


LOOKS: dict[str, tuple[str, Callable[[IndexingGlean], Awaitable[object]]]] = {
    "find": ("getdatasourceconfig", lambda one: one.find([NAME])),
    "observe": ("getdatasourceconfig", lambda one: one.observe(HANDLE)),
    "remove": ("getdatasourceconfig", lambda one: one.remove(HANDLE, MARK)),
    "ensure": ("getdatasourceconfig", lambda one: one.ensure(source())),
    "job": ("debug.status", lambda one: one.job(HANDLE, "run-1")),
    "stop": ("debug.status", lambda one: one.stop(HANDLE, MARK)),
    "sync": ("debug.status", lambda one: one.sync(HANDLE, MARK, "run-1")),
    "serves": ("debug.documents", lambda one: one.serves(HANDLE, NAME, LINES)),
}


@pytest.mark.parametrize("look", LOOKS)
async def test_one_call_that_says_that_a_datasource_is_gone_is_not_believed_while_another_tells_of_it(
    one: IndexingGlean, glean: EmbeddedSandbox, look: str
) -> None:
    await served(one, "run-1", LINES)
    operation, ask = LOOKS[look]
    before = glean.sandbox.snapshot()
    glean.sandbox.faults.add(refused(operation))

    with pytest.raises(PlatformUnavailableError, match="both"):
        await ask(one)

    assert glean.sandbox.snapshot() == before


async def test_what_two_calls_say_is_gone_is_gone(one: IndexingGlean, glean: EmbeddedSandbox) -> None:
    await served(one, "run-1", LINES)
    glean.sandbox.delete(HANDLE)

    assert await one.find([NAME]) == []
    assert await one.job(HANDLE, "run-1") is None
    assert not await one.serves(HANDLE, NAME, LINES)


async def test_only_who_pushed_a_whole_run_ends_it(
    one: IndexingGlean, another: IndexingGlean, glean: EmbeddedSandbox
) -> None:
    handle = await one.ensure(source())
    await pushed(one, handle, "run-1", LINES)

    with pytest.raises(PlatformRunLostError):
        await another.sync(handle, MARK, "run-1")

    assert glean.sandbox.documents(handle) == []
    await finished(one, handle, "run-1")
    assert len(glean.sandbox.documents(handle)) == len(LINES)
    assert (await another.sync(handle, MARK, "run-1")).state == "succeeded"


async def test_a_run_whose_place_another_took_is_lost_to_who_pushed_it(
    one: IndexingGlean, another: IndexingGlean, glean: EmbeddedSandbox
) -> None:
    handle = await one.ensure(source())
    await pushed(one, handle, "run-1", LINES)
    await pushed(another, handle, "run-2", LINES[:2])

    with pytest.raises(PlatformRunLostError):
        await one.sync(handle, MARK, "run-1")

    await finished(another, handle, "run-2")
    assert len(glean.sandbox.documents(handle)) == 2


async def test_a_push_whose_place_another_takes_is_lost(one: IndexingGlean, another: IndexingGlean) -> None:
    handle = await one.ensure(source())

    async def interrupted() -> AsyncIterator[list[bytes]]:
        yield LINES[:4]
        await pushed(another, handle, "run-2", LINES[:2])
        yield LINES[4:]

    with pytest.raises(PlatformRunLostError):
        await one.push(handle, MARK, "run-1", interrupted(), lambda _: None)


async def test_a_page_that_is_refused_though_its_upload_is_open_is_no_lost_run(
    one: IndexingGlean, glean: EmbeddedSandbox
) -> None:
    handle = await one.ensure(source())
    for skip in (0, 1):
        glean.sandbox.faults.clear()
        fault = Fault(kind="status", operation="bulkindexdocuments", status=409, body="plain", skip=skip)
        glean.sandbox.faults.add(fault)
        with pytest.raises(PlatformConflictError) as caught:
            await one.push(handle, MARK, "run-1", pages(LINES), lambda _: None)
        assert not isinstance(caught.value, PlatformRunLostError)


async def test_users_whom_a_dead_process_left_are_forgotten_by_the_next(
    one: IndexingGlean, another: IndexingGlean, glean: EmbeddedSandbox
) -> None:
    handle = await served(one, "run-1", [_for_one_reader()])
    glean.sandbox.faults.add(Fault(kind="status", operation="bulkindexusers", status=403))
    assert await one.remove(handle, MARK) is None
    with pytest.raises(PlatformDeniedError):
        await one.remove(handle, MARK)
    assert _users(glean) == 1

    assert await another.remove(handle, MARK) is not None

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
            url=f"{source().site}/pages/1",
            updated=datetime(2026, 1, 2, tzinfo=UTC),
            readers=("mira@acme.example",),
        )
    )


def _users(glean: EmbeddedSandbox) -> int:
    with glean.sandbox.world.database.read() as connection:
        (number,) = connection.execute("SELECT count(*) FROM identity").fetchone()
    return int(number)
