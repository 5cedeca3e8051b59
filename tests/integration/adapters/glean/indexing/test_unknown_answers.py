"""Answers that Glean's official model does not know: a typed error, no crash, and nothing left half done."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from domain.errors import PlatformError, PlatformUnavailableError
from server.adapters.clock import SystemClock
from server.adapters.glean.indexing.config import (
    desired_config,
    display_name_of,
    has_config_changed,
    is_same_config,
    owner_of,
    released_config,
    site_of,
)
from server.adapters.glean.indexing.names import datasource_of
from server.adapters.glean.indexing.upload_status import (
    has_upload_ended,
    is_emptied,
    is_upload_open,
    observation_from_status,
    sync_job_of,
    upload_being_indexed,
)
from server.adapters.glean.indexing.wire import DatasourceStatus
from tests.support.glean.datasources import (
    MARK,
    NAME,
    datasource_spec,
    indexing_platform,
    push_run,
    serve_run,
    staged_line,
)
from tests.support.glean.indexing_client import IndexingClient
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from server.adapters.glean.indexing.platform import IndexingPlatform

HANDLE: Final = datasource_of(NAME)
LINES: Final = [staged_line(number) for number in range(5)]
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
        running.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
        running.sandbox.set_switches(limits_rate=False)
        yield running


@pytest.fixture
async def platform(glean: EmbeddedSandbox) -> AsyncIterator[IndexingPlatform]:
    async with indexing_platform(glean, waits=0.00001) as opened:
        yield opened


async def end(platform: IndexingPlatform) -> None:
    for _ in range(5):
        if await platform.delete_datasource(HANDLE, MARK) is not None:
            return
    raise PlatformUnavailableError("Sagas wait longer.")


async def catch_platform_error(work: Awaitable[object]) -> PlatformError | None:
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
CALLS: Final[dict[str, Callable[[IndexingPlatform], Awaitable[object]]]] = {
    "observe": lambda platform: platform.observe(HANDLE),
    "find": lambda platform: platform.find_datasources([NAME]),
    "ensure": lambda platform: platform.ensure(datasource_spec()),
    "push": lambda platform: push_run(platform, HANDLE, "run-2", LINES),
    "sync": lambda platform: platform.start_sync(HANDLE, MARK, "run-1"),
    "job": lambda platform: platform.fetch_sync_job(HANDLE, "run-1"),
    "stop": lambda platform: platform.stop_sync(HANDLE, MARK),
    "discard": lambda platform: platform.discard_run(HANDLE, MARK, "run-1"),
    "remove": lambda platform: platform.delete_datasource(HANDLE, MARK),
    "serves": lambda platform: platform.is_still_served(HANDLE, NAME, LINES),
}
SAYS_LITTLE: Final = {("debug.status", each) for each in ("nothing", "an object", "nulls", "empty parts")}
"""Bodies in which a status says nothing, as it may."""


@pytest.mark.parametrize("operation", QUESTIONS)
async def test_an_answer_in_no_known_shape_is_a_typed_error_and_changes_nothing(
    platform: IndexingPlatform, glean: EmbeddedSandbox, operation: str
) -> None:
    await serve_run(platform, "run-1", LINES)
    before, ledger = glean.sandbox.snapshot(), glean.sandbox.ledger()
    for name, body in BODIES.items():
        glean.sandbox.faults.add(Fault(kind="garbage", operation=operation, content=body, times=None))
        for call in QUESTIONS[operation]:
            little = (operation, name) in SAYS_LITTLE
            if call == "remove" and little:
                continue  # what says nothing of uploads is emptied, as it may be
            assert little or await catch_platform_error(CALLS[call](platform)), (name, call)
        glean.sandbox.faults.clear()
    assert (glean.sandbox.snapshot(), glean.sandbox.ledger()) == (before, ledger)


@pytest.mark.parametrize("applied", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("operation", ["adddatasource", "bulkindexdocuments", "bulkindexusers"])
@pytest.mark.parametrize(
    "body",
    ["nothing", "a list", *(pytest.param(each, marks=pytest.mark.exhaustive) for each in ("a page", "cut"))],
)
async def test_a_change_that_is_answered_strangely_is_made_again_wholly(
    platform: IndexingPlatform, glean: EmbeddedSandbox, operation: str, body: str, applied: bool
) -> None:
    fault = Fault(kind="garbage", operation=operation, content=BODIES[body], times=None, applied=applied)
    glean.sandbox.faults.add(fault)
    await catch_platform_error(serve_run(platform, "run-1", LINES))
    glean.sandbox.faults.clear()
    await serve_run(platform, "run-1", LINES)
    assert len(glean.sandbox.documents(HANDLE)) == len(LINES)

    glean.sandbox.faults.add(fault)
    await catch_platform_error(end(platform))
    glean.sandbox.faults.clear()
    await end(platform)
    assert glean.sandbox.documents(HANDLE) == []


@pytest.mark.parametrize("told", [b"", b"{}", b'{"documentStatuses": [{"docId": "page-1"}]}'])
async def test_documents_of_which_nothing_is_said_do_not_count_as_gone(
    platform: IndexingPlatform, glean: EmbeddedSandbox, told: bytes
) -> None:
    await serve_run(platform, "run-1", LINES)
    glean.sandbox.faults.add(Fault(kind="garbage", operation="debug.documents", content=told, times=None))

    with pytest.raises(PlatformUnavailableError, match=r"debug\.documents"):
        await platform.is_still_served(HANDLE, NAME, LINES)


async def test_documents_that_somebody_still_sees_are_not_gone(
    platform: IndexingPlatform, glean: EmbeddedSandbox
) -> None:
    await serve_run(platform, "run-1", LINES)
    await end(platform)
    glean.sandbox.faults.add(
        Fault(kind="garbage", operation="checkdocumentaccess", content=b'{"hasAccess": true}', times=1)
    )

    assert await platform.is_still_served(HANDLE, NAME, LINES)
    assert not await platform.is_still_served(HANDLE, NAME, LINES)


async def test_a_question_about_access_that_is_refused_is_no_access(
    platform: IndexingPlatform, glean: EmbeddedSandbox
) -> None:
    await serve_run(platform, "run-1", LINES)
    await end(platform)
    glean.sandbox.faults.add(Fault(kind="status", operation="checkdocumentaccess", status=400, times=None))

    assert not await platform.is_still_served(HANDLE, NAME, LINES)


def spoiled_variants(told: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
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
    platform: IndexingPlatform, glean: EmbeddedSandbox
) -> None:
    await serve_run(platform, "run-1", LINES)
    await push_run(platform, HANDLE, "run-2", LINES)
    with IndexingClient(glean) as client:
        told = client.call_operation(f"debug/{HANDLE}/status").json()
    now = SystemClock().now()
    read = refused = 0
    for each in spoiled_variants(told):
        try:
            state = msgspec.convert(each, DatasourceStatus)
        except msgspec.ValidationError:
            refused += 1
            continue
        read += 1
        seen = observation_from_status(state, now)
        assert seen.present
        assert seen.document_count in {None, 0, 5}
        sync_job_of(state, "run-1")
        upload_being_indexed(state)
        is_emptied(state, "run-1")
        has_upload_ended(state, "run-1")
        is_upload_open(state, "run-2")
    assert min(read, refused) > 50


def test_a_configuration_spoiled_in_any_place_is_somebodys_or_nobodys() -> None:
    told = {**desired_config(datasource_spec(), HANDLE), "name": f"CUSTOM_{HANDLE.upper()}"}
    for each in spoiled_variants(told):
        owner = owner_of(each)
        assert owner is None or owner.mark == MARK
        assert has_config_changed(each) in {None, True, False}
        assert not (
            is_same_config(each, desired_config(datasource_spec(), HANDLE)) and has_config_changed(each)
        )
        assert isinstance(site_of(each), str)
        assert isinstance(display_name_of(each, HANDLE, NAME), str)
        if owner is not None:
            assert owner_of(released_config(each, HANDLE, owner)) is not None


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
    state = msgspec.convert(told, DatasourceStatus)

    seen = observation_from_status(state, SystemClock().now())

    assert (seen.status, seen.run, seen.document_count) == ("healthy", "b", None)
    assert sync_job_of(state, "a") is not None
