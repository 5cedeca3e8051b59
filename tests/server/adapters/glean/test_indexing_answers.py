"""Answers that Glean's official model does not know: a typed error, no crash, and nothing left half done."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from domain.errors import PlatformError, PlatformUnavailableError
from server.adapters.glean import indexing_status as status
from server.adapters.glean import indexing_wire as wire
from server.adapters.glean.indexing_config import (
    changed,
    is_same,
    name_of,
    owner_of,
    released,
    site_of,
    wanted,
)
from server.adapters.glean.indexing_names import datasource_of
from server.adapters.system import SystemClock
from server.sandbox.faults import Fault
from server.sandbox.serve import EmbeddedSandbox
from tests.gleaning import MARK, NAME, indexing, line, pushed, served, source
from tests.server.sandbox.indexing.client import Indexing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from server.adapters.glean.indexing import IndexingGlean

HANDLE: Final = datasource_of(NAME)
LINES: Final = [line(number) for number in range(5)]
BODIES: Final = {
    "nothing": b"",
    "spaces": b"   ",
    "an object": b"{}",
    "a list": b"[]",
    "null": b"null",
    "a number": b"5",
    "a text": b'"ok"',
    "a page": b"<!doctype html><title>Sign in</title>",
    "cut": b'{"name": "CUSTOM_A',
    "no text": b"\xff\xfe\x00",
    "wrong types": b'{"name": 1, "documents": "none", "documentStatuses": {}, "hasAccess": "yes"}',
    "nulls": b'{"name": null, "documents": null, "documentStatuses": null, "hasAccess": null}',
    "empty parts": b'{"documents": {}, "documentStatuses": [], "homeUrl": []}',
    "deep": b"[" * 5000 + b"]" * 5000,
}
WRONG: Final[tuple[Any, ...]] = (
    None,
    True,
    5,
    -1,
    1.5,
    "",
    "NA",
    "2026-13-45",
    "2026-01-02T03:04:05",
    [],
    [None],
    {},
    {"a": 1},
)


@pytest.fixture
def glean(tmp_path: Path) -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox(tmp_path / "glean.db") as running:
        running.sandbox.set_rate(1e9, minimum_seconds=0)
        running.sandbox.turn(limits_rate=False)
        yield running


@pytest.fixture
async def platform(glean: EmbeddedSandbox) -> AsyncIterator[IndexingGlean]:
    async with indexing(glean, waits=0.00001) as opened:
        yield opened


async def end(platform: IndexingGlean) -> None:
    for _ in range(5):
        if await platform.remove(HANDLE, MARK) is not None:
            return
    raise PlatformUnavailableError("Sagas wait longer.")


async def told(work: Awaitable[object]) -> PlatformError | None:
    """What it was refused with, if it was, in words of our own."""
    try:
        await work
    except PlatformError as error:
        assert not any(each in error.message for each in ("CUSTOM", "Sign", 'ok"')), error.message  # noqa: PT017
        return error
    return None


QUESTIONS: Final[dict[str, tuple[str, ...]]] = {
    "getdatasourceconfig": ("observe", "find", "ensure", "push", "sync", "discard", "remove"),
    "debug.status": ("observe", "job", "sync", "stop", "remove"),
    "debug.documents": ("serves",),
}
CALLS: Final[dict[str, Callable[[IndexingGlean], Awaitable[object]]]] = {
    "observe": lambda platform: platform.observe(HANDLE),
    "find": lambda platform: platform.find([NAME]),
    "ensure": lambda platform: platform.ensure(source()),
    "push": lambda platform: pushed(platform, HANDLE, "run-2", LINES),
    "sync": lambda platform: platform.sync(HANDLE, MARK, "run-1"),
    "job": lambda platform: platform.job(HANDLE, "run-1"),
    "stop": lambda platform: platform.stop(HANDLE, MARK),
    "discard": lambda platform: platform.discard(HANDLE, MARK, "run-1"),
    "remove": lambda platform: platform.remove(HANDLE, MARK),
    "serves": lambda platform: platform.serves(HANDLE, NAME, LINES),
}
SAYS_LITTLE: Final = {("debug.status", each) for each in ("nothing", "an object", "nulls", "empty parts")}
"""Bodies in which a status says nothing, as it may."""


@pytest.mark.parametrize("operation", QUESTIONS)
async def test_an_answer_in_no_known_shape_is_a_typed_error_and_changes_nothing(
    platform: IndexingGlean, glean: EmbeddedSandbox, operation: str
) -> None:
    await served(platform, "run-1", LINES)
    before, ledger = glean.sandbox.snapshot(), glean.sandbox.ledger()
    for name, body in BODIES.items():
        glean.sandbox.faults.add(Fault(kind="garbage", operation=operation, content=body, times=None))
        for call in QUESTIONS[operation]:
            little = (operation, name) in SAYS_LITTLE
            if call == "remove" and little:
                continue  # what says nothing of uploads is emptied, as it may be
            assert little or await told(CALLS[call](platform)), (name, call)
        glean.sandbox.faults.clear()
    assert (glean.sandbox.snapshot(), glean.sandbox.ledger()) == (before, ledger)


@pytest.mark.parametrize("applied", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("operation", ["adddatasource", "bulkindexdocuments", "bulkindexusers"])
@pytest.mark.parametrize("body", ["nothing", "a list", "a page", "cut"])
async def test_a_change_that_is_answered_strangely_is_made_again_wholly(
    platform: IndexingGlean, glean: EmbeddedSandbox, operation: str, body: str, applied: bool
) -> None:
    fault = Fault(kind="garbage", operation=operation, content=BODIES[body], times=None, applied=applied)
    glean.sandbox.faults.add(fault)
    await told(served(platform, "run-1", LINES))
    glean.sandbox.faults.clear()
    await served(platform, "run-1", LINES)
    assert len(glean.sandbox.documents(HANDLE)) == len(LINES)

    glean.sandbox.faults.add(fault)
    await told(end(platform))
    glean.sandbox.faults.clear()
    await end(platform)
    assert glean.sandbox.documents(HANDLE) == []


@pytest.mark.parametrize("told", [b"", b"{}", b'{"documentStatuses": [{"docId": "page-1"}]}'])
async def test_documents_of_which_nothing_is_said_do_not_count_as_gone(
    platform: IndexingGlean, glean: EmbeddedSandbox, told: bytes
) -> None:
    await served(platform, "run-1", LINES)
    glean.sandbox.faults.add(Fault(kind="garbage", operation="debug.documents", content=told, times=None))

    with pytest.raises(PlatformUnavailableError, match=r"debug\.documents"):
        await platform.serves(HANDLE, NAME, LINES)


async def test_documents_that_somebody_still_sees_are_not_gone(
    platform: IndexingGlean, glean: EmbeddedSandbox
) -> None:
    await served(platform, "run-1", LINES)
    await end(platform)
    glean.sandbox.faults.add(
        Fault(kind="garbage", operation="checkdocumentaccess", content=b'{"hasAccess": true}', times=1)
    )

    assert await platform.serves(HANDLE, NAME, LINES)
    assert not await platform.serves(HANDLE, NAME, LINES)


async def test_a_question_about_access_that_is_refused_is_no_access(
    platform: IndexingGlean, glean: EmbeddedSandbox
) -> None:
    await served(platform, "run-1", LINES)
    await end(platform)
    glean.sandbox.faults.add(Fault(kind="status", operation="checkdocumentaccess", status=400, times=None))

    assert not await platform.serves(HANDLE, NAME, LINES)


def spoiled(told: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    """The same with each part in turn left out, and replaced by everything that it is not."""

    def spots(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - the same
        if path:
            yield path
        keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        for key in keys:
            yield from spots(value[key], (*path, key))

    for path in list(spots(told)):
        for wrong in (*WRONG, KeyError):
            other = copy.deepcopy(told)
            parent = other
            for key in path[:-1]:
                parent = parent[key]
            if wrong is KeyError:
                del parent[path[-1]]
            else:
                parent[path[-1]] = wrong
            yield other


async def test_a_status_spoiled_in_any_place_is_refused_or_read(
    platform: IndexingGlean, glean: EmbeddedSandbox
) -> None:
    await served(platform, "run-1", LINES)
    await pushed(platform, HANDLE, "run-2", LINES)
    with Indexing(glean) as client:
        told = client.ask(f"debug/{HANDLE}/status").json()
    now = SystemClock().now()
    read = refused = 0
    for each in spoiled(told):
        try:
            state = msgspec.convert(each, wire.Status)
        except msgspec.ValidationError:
            refused += 1
            continue
        read += 1
        seen = status.observation(state, now)
        assert seen.present
        assert seen.document_count in {None, 0, 5}
        status.job_of(state, "run-1")
        status.indexing(state)
        status.emptied(state, "run-1")
        status.has_ended(state, "run-1")
        status.is_open(state, "run-2")
    assert min(read, refused) > 50


def test_a_configuration_spoiled_in_any_place_is_somebodys_or_nobodys() -> None:
    told = {**wanted(source(), HANDLE), "name": f"CUSTOM_{HANDLE.upper()}"}
    for each in spoiled(told):
        owner = owner_of(each)
        assert owner is None or owner.mark == MARK
        assert changed(each) in {None, True, False}
        assert not (is_same(each, wanted(source(), HANDLE)) and changed(each))
        assert isinstance(site_of(each), str)
        assert isinstance(name_of(each, HANDLE, NAME), str)
        if owner is not None:
            assert owner_of(released(each, HANDLE, owner)) is not None


def test_instants_with_and_without_a_zone_and_a_history_in_any_order_are_compared() -> None:
    told = {
        "documents": {
            "bulkUploadHistory": [
                {
                    "uploadId": "b~2",
                    "startTime": "2026-05-01T12:00:00Z",
                    "endTime": "2026-05-01T12:01:00",
                    "status": "SUCCESSFUL",
                },
                {
                    "uploadId": "a~1",
                    "startTime": "2026-05-01T11:00:00",
                    "endTime": "when it was done",
                    "status": "SUCCESSFUL",
                },
            ],
            "processingHistory": [{"endTime": "NA"}, {"endTime": "2026-05-01T12:30:00+00:00"}],
        }
    }
    state = msgspec.convert(told, wire.Status)

    seen = status.observation(state, SystemClock().now())

    assert (seen.status, seen.run, seen.document_count) == ("healthy", "b", None)
    assert status.job_of(state, "a") is not None
