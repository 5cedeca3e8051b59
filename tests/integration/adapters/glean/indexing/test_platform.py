"""What the Indexing dialect has of its own: registrations that are overridden, uploads, facts, and emptying."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from domain.content.documents.neutral import decode_document
from domain.errors import (
    PlatformConflictError,
    PlatformDeniedError,
    PlatformInvalidError,
    PlatformMismatchError,
    PlatformNotFoundError,
    PlatformUnavailableError,
)
from domain.model.connector import OwnerTag
from domain.model.enums import ConnectorOutcome
from server.adapters.glean.indexing.config import desired_config
from server.adapters.glean.indexing.names import LONGEST_ID, datasource_of
from server.adapters.glean.indexing.registry import DatasourceRegistry
from server.sandbox.indexing_api.urls import OVERLAP_OPERATION
from tests.support.glean.datasources import (
    MARK,
    NAME,
    SITE,
    datasource_spec,
    indexing_platform,
    push_run,
    serve_run,
    staged_line,
    staged_pages,
    sync_run,
)
from tests.support.glean.indexing_client import IndexingClient
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.ports.platform import Removal
    from server.adapters.glean.indexing.platform import IndexingPlatform

HANDLE: Final = datasource_of(NAME)
ELSEWHERE: Final = OwnerTag(installation="another", dataset_id=MARK.dataset_id)
MINUTE: Final = timedelta(minutes=1)
LINES: Final = [staged_line(number) for number in range(20)]


@dataclass
class HandDrivenClock:
    """A clock that goes where it is set, the sandbox's and the adapter's."""

    at: datetime = field(default_factory=lambda: datetime(2026, 5, 1, 12, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def uptime(self) -> None:
        return None

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


@dataclass
class IndexingSetup:
    """A Glean, a client of it, and the clock that both go by."""

    glean: EmbeddedSandbox
    platform: IndexingPlatform
    clock: HandDrivenClock

    def operations(self) -> list[str]:
        return [each.operation for each in self.glean.sandbox.ledger()]

    def raw(self) -> IndexingClient:
        """Whoever else talks to this Glean."""
        return IndexingClient(self.glean)

    def ids(self) -> set[str]:
        return {str(each["id"]) for each in self.glean.sandbox.documents(HANDLE)}

    def users(self) -> int:
        with self.raw() as other:
            told = other.call_operation(f"debug/{HANDLE}/status").json()
            return int(told["identity"]["users"]["counts"]["uploaded"])

    def edit_at_console(self, **changes: Any) -> None:
        """What somebody sets in the admin console."""
        held = self.glean.sandbox.datasources()[0]["config"]
        with self.raw() as other:
            assert other.call_operation("adddatasource", **{**held, **changes}).status_code == 200

    async def remove_datasource(self) -> Removal:
        """Its removal, as far as it gets without waiting."""
        while (removal := await self.platform.delete_datasource(HANDLE, MARK)) is None:
            self.clock.at += timedelta(seconds=1)
        return removal


@pytest.fixture
async def indexing_setup(tmp_path: Path) -> AsyncIterator[IndexingSetup]:
    clock = HandDrivenClock()
    with EmbeddedSandbox(tmp_path / "glean.db", now=clock.now) as glean:
        glean.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
        glean.sandbox.set_switches(limits_rate=False)
        async with indexing_platform(glean, clock=clock, timeout_s=0.3) as platform:
            yield IndexingSetup(glean, platform, clock)


@asynccontextmanager
async def another_process(room: IndexingSetup) -> AsyncIterator[IndexingPlatform]:
    """Another process of ours."""
    async with indexing_platform(room.glean, clock=room.clock) as platform:
        yield platform


# --- registration ---------------------------------------------------------------------------------------------------

LOST: Final = [
    Fault(kind="drop_before", operation="adddatasource"),
    Fault(kind="drop_after", operation="adddatasource"),
    Fault(kind="timeout", operation="adddatasource", applied=True),
    Fault(kind="html", operation="adddatasource"),
    Fault(kind="status", operation="adddatasource", status=502, body="html", applied=True),
]


@pytest.mark.parametrize("fault", LOST, ids=lambda each: each.kind)
async def test_a_lost_answer_to_a_registration_is_settled_by_reading_what_stands(
    indexing_setup: IndexingSetup, fault: Fault
) -> None:
    indexing_setup.glean.sandbox.faults.add(fault)

    assert await indexing_setup.platform.ensure(datasource_spec()) == HANDLE

    assert indexing_setup.operations() == ["adddatasource"]
    requests = sum(
        n
        for (operation, _), n in indexing_setup.glean.sandbox.request_counts().items()
        if operation == "adddatasource"
    )
    assert requests == (1 if fault.takes_effect else 2)


async def test_a_name_that_somebody_took_while_an_answer_was_lost_is_not_overridden(
    indexing_setup: IndexingSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexing_setup.glean.sandbox.faults.add(Fault(kind="drop_before", operation="adddatasource"))
    read, times = DatasourceRegistry.fetch_config, []

    async def meanwhile(self: DatasourceRegistry, handle: str) -> dict[str, Any] | None:
        times.append(handle)
        if len(times) == 2:
            indexing_setup.glean.sandbox.create_foreign_datasource(
                HANDLE, "custom", {**desired_config(datasource_spec(), HANDLE), "homeUrl": SITE}
            )
        return await read(self, handle)

    monkeypatch.setattr(DatasourceRegistry, "fetch_config", meanwhile)
    with pytest.raises(PlatformMismatchError):
        await indexing_setup.platform.ensure(datasource_spec())

    assert indexing_setup.operations() == ["console.create"]


async def test_a_registration_that_never_stands_is_given_up(indexing_setup: IndexingSetup) -> None:
    indexing_setup.glean.sandbox.faults.add(
        Fault(kind="garbage", operation="adddatasource", times=None, applied=False)
    )

    with pytest.raises(PlatformUnavailableError):
        await indexing_setup.platform.ensure(datasource_spec())


async def test_the_last_try_of_a_registration_is_looked_at_too(indexing_setup: IndexingSetup) -> None:
    indexing_setup.glean.sandbox.faults.add(Fault(kind="drop_before", operation="adddatasource", times=2))
    indexing_setup.glean.sandbox.faults.add(Fault(kind="drop_after", operation="adddatasource"))

    assert await indexing_setup.platform.ensure(datasource_spec()) == HANDLE
    assert indexing_setup.operations() == ["adddatasource"]


async def test_one_that_is_taken_and_tells_something_else_is_said_so(indexing_setup: IndexingSetup) -> None:
    indexing_setup.glean.sandbox.faults.add(
        Fault(kind="garbage", content=b"{}", operation="adddatasource", times=None, applied=False)
    )

    with pytest.raises(PlatformUnavailableError, match="returns another one"):
        await indexing_setup.platform.ensure(datasource_spec())


async def test_what_was_changed_in_the_console_is_seen_and_put_back(indexing_setup: IndexingSetup) -> None:
    await serve_run(indexing_setup.platform, "run-1", LINES)
    assert (await indexing_setup.platform.observe(HANDLE)).changed is False
    indexing_setup.edit_at_console(displayName="Ignore all that was said before", isTestDatasource=False)

    seen = await indexing_setup.platform.observe(HANDLE)
    [found] = await indexing_setup.platform.find_datasources([NAME])
    assert (seen.changed, seen.mark) == (True, MARK)
    assert (found.changed, found.mark, found.name) == (True, MARK, NAME)

    await indexing_setup.platform.ensure(datasource_spec())
    assert (await indexing_setup.platform.observe(HANDLE)).changed is False
    assert indexing_setup.glean.sandbox.datasources()[0]["config"] == desired_config(
        datasource_spec(), HANDLE
    )


async def test_one_whose_mark_was_taken_out_is_seen_and_never_overridden(
    indexing_setup: IndexingSetup,
) -> None:
    await serve_run(indexing_setup.platform, "run-1", LINES)
    indexing_setup.edit_at_console(homeUrl=SITE)
    before = indexing_setup.glean.sandbox.snapshot()

    seen = await indexing_setup.platform.observe(HANDLE)
    assert (seen.present, seen.mark, seen.changed) == (True, None, None)
    with pytest.raises(PlatformMismatchError):
        await indexing_setup.platform.ensure(datasource_spec())
    with pytest.raises(PlatformMismatchError):
        await indexing_setup.platform.delete_datasource(HANDLE, MARK)
    assert indexing_setup.glean.sandbox.snapshot() == before


async def test_an_answer_about_another_datasource_is_not_believed(indexing_setup: IndexingSetup) -> None:
    await indexing_setup.platform.ensure(datasource_spec())
    for told in (
        {},
        {"name": "CUSTOM_OTHER", "homeUrl": f"{SITE}#dataset-lifecycle/inst-1/x/confluence"},
        {"name": 5},
    ):
        content = str(told).replace("'", '"').encode()
        fault = Fault(kind="garbage", content=content, operation="getdatasourceconfig", times=None)
        indexing_setup.glean.sandbox.faults.add(fault)
        with pytest.raises(PlatformUnavailableError, match="another datasource"):
            await indexing_setup.platform.observe(HANDLE)
        indexing_setup.glean.sandbox.faults.clear()


async def test_addresses_that_another_datasource_claims_are_reported(indexing_setup: IndexingSetup) -> None:
    await indexing_setup.platform.ensure(datasource_spec())
    await indexing_setup.platform.ensure(
        replace(datasource_spec("Other", replace(MARK, dataset_id="other")), site=f"{SITE}-2")
    )
    assert OVERLAP_OPERATION not in indexing_setup.operations()

    await indexing_setup.platform.ensure(
        replace(datasource_spec("Third", replace(MARK, dataset_id="third")), site=f"{SITE}/below")
    )
    assert OVERLAP_OPERATION in indexing_setup.operations()


# --- uploads --------------------------------------------------------------------------------------------------------


async def test_an_upload_that_a_dead_process_left_open_is_taken_over(indexing_setup: IndexingSetup) -> None:
    await indexing_setup.platform.ensure(datasource_spec())
    async with another_process(indexing_setup) as dead:
        await push_run(dead, HANDLE, "run-1", [staged_line(number) for number in range(100, 130)])
    with indexing_setup.raw() as strict:
        body = {"uploadId": "theirs", "datasource": HANDLE, "documents": [], "isFirstPage": True}
        assert strict.call_operation("bulkindexdocuments", **body).status_code == 409

    await push_run(indexing_setup.platform, HANDLE, "run-2", LINES)
    await sync_run(indexing_setup.platform, HANDLE, "run-2")

    assert indexing_setup.ids() == {f"page-{number}" for number in range(20)}


@pytest.mark.parametrize("forgives", [False, True])
@pytest.mark.parametrize("kind", ["drop_after", "garbage", "timeout"])
async def test_a_lost_answer_to_the_last_page_is_settled_by_the_history(
    indexing_setup: IndexingSetup,
    kind: Any,  # noqa: ANN401 - a fault's kind
    forgives: bool,
) -> None:
    indexing_setup.glean.sandbox.set_switches(forgives_last_page=forgives)
    await indexing_setup.platform.ensure(datasource_spec())
    await push_run(indexing_setup.platform, HANDLE, "run-1", LINES)
    indexing_setup.glean.sandbox.faults.add(Fault(kind=kind, operation="bulkindexdocuments", applied=True))

    assert (await sync_run(indexing_setup.platform, HANDLE, "run-1")).state == "succeeded"
    assert len(indexing_setup.ids()) == 20


async def test_a_last_page_that_is_taken_and_not_told_of_is_no_sync(indexing_setup: IndexingSetup) -> None:
    await indexing_setup.platform.ensure(datasource_spec())
    await push_run(indexing_setup.platform, HANDLE, "run-1", LINES)
    lie = Fault(kind="garbage", operation="bulkindexdocuments", content=b"{}", applied=False)
    indexing_setup.glean.sandbox.faults.add(lie)

    with pytest.raises(PlatformUnavailableError, match="does not list the upload as completed"):
        await indexing_setup.platform.start_sync(HANDLE, MARK, "run-1")


async def test_a_last_page_that_is_refused_is_refused_in_its_own_words(indexing_setup: IndexingSetup) -> None:
    await indexing_setup.platform.ensure(datasource_spec())
    await push_run(indexing_setup.platform, HANDLE, "run-1", LINES)
    indexing_setup.glean.sandbox.faults.add(Fault(kind="status", operation="bulkindexdocuments", status=409))

    with pytest.raises(PlatformConflictError, match="bulkindexdocuments"):
        await indexing_setup.platform.start_sync(HANDLE, MARK, "run-1")
    assert (await sync_run(indexing_setup.platform, HANDLE, "run-1")).state == "succeeded"


async def test_pages_may_come_from_anything_that_gives_them_one_by_one(indexing_setup: IndexingSetup) -> None:
    class Given:
        def __init__(self) -> None:
            self._left = [LINES[:3], LINES[3:5]]

        def __aiter__(self) -> Given:
            return self

        async def __anext__(self) -> list[bytes]:
            if not self._left:
                raise StopAsyncIteration
            return self._left.pop(0)

    await indexing_setup.platform.ensure(datasource_spec())
    assert await indexing_setup.platform.push(HANDLE, MARK, "run-1", Given(), lambda _: None) == 5


async def test_readers_are_known_before_the_documents_that_name_them_and_forgotten_at_the_end(
    indexing_setup: IndexingSetup,
) -> None:
    own = [
        each.replace(b'"readers":["everyone"]', f'"readers":["r{number % 10}@acme.example"]'.encode())
        for number, each in enumerate(LINES)
    ]
    assert decode_document(own[3]).readers == ("r3@acme.example",)
    await serve_run(indexing_setup.platform, "run-1", own)
    assert (len(indexing_setup.ids()), indexing_setup.users()) == (20, 10)
    assert await indexing_setup.platform.is_still_served(HANDLE, NAME, own[:2])

    await indexing_setup.remove_datasource()

    assert (indexing_setup.ids(), indexing_setup.users()) == (set(), 0)
    assert not await indexing_setup.platform.is_still_served(HANDLE, NAME, own)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "html", "status"])
async def test_an_emptying_whose_answer_was_lost_is_done_once_and_wholly(
    indexing_setup: IndexingSetup,
    kind: Any,  # noqa: ANN401 - a fault's kind
) -> None:
    await serve_run(indexing_setup.platform, "run-1", LINES)
    for operation in ("bulkindexdocuments", "bulkindexusers", "adddatasource"):
        indexing_setup.glean.sandbox.faults.add(
            Fault(kind=kind, operation=operation, applied=kind != "drop_before")
        )

    assert (await indexing_setup.remove_datasource()).outcome is ConnectorOutcome.EMPTIED

    assert (indexing_setup.ids(), indexing_setup.users()) == (set(), 0)
    [held] = indexing_setup.glean.sandbox.datasources()
    assert held["config"]["homeUrl"].startswith(f"{SITE}#dataset-lifecycle/inst-1//confluence/")


async def test_one_whose_registration_somebody_deletes_meanwhile_is_not_registered_anew(
    indexing_setup: IndexingSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    await serve_run(indexing_setup.platform, "run-1", LINES)
    assert await indexing_setup.platform.delete_datasource(HANDLE, MARK) is None
    release = DatasourceRegistry.release

    async def delete_then_release(self: DatasourceRegistry, *given: Any) -> None:
        indexing_setup.glean.sandbox.delete_datasource(HANDLE)
        await release(self, *given)

    monkeypatch.setattr(DatasourceRegistry, "release", delete_then_release)
    await indexing_setup.remove_datasource()

    assert indexing_setup.glean.sandbox.datasources() == []
    assert (await indexing_setup.remove_datasource()).outcome is ConnectorOutcome.DELETED


async def test_one_that_somebody_else_takes_while_it_is_given_free_is_left_to_them(
    indexing_setup: IndexingSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    await serve_run(indexing_setup.platform, "run-1", LINES)
    assert await indexing_setup.platform.delete_datasource(HANDLE, MARK) is None
    release = DatasourceRegistry.release

    async def take_then_release(self: DatasourceRegistry, *given: Any) -> None:
        indexing_setup.edit_at_console(homeUrl=f"{SITE}#theirs")
        await release(self, *given)

    monkeypatch.setattr(DatasourceRegistry, "release", take_then_release)
    with pytest.raises(PlatformMismatchError):
        await indexing_setup.remove_datasource()

    assert indexing_setup.glean.sandbox.datasources()[0]["config"]["homeUrl"] == f"{SITE}#theirs"


# --- documents, decided before a call is made -----------------------------------------------------------------------


async def test_a_document_beyond_a_page_is_refused_by_its_place_before_anything_is_sent(
    indexing_setup: IndexingSetup,
) -> None:
    await indexing_setup.platform.ensure(datasource_spec())
    with pytest.raises(PlatformInvalidError, match="Document 2 has") as refused:
        await push_run(
            indexing_setup.platform,
            HANDLE,
            "run-1",
            [staged_line(1), staged_line(2, "x" * (5 << 20)), staged_line(3)],
        )

    assert refused.value.facts["position"] == 2
    assert "bulkindexdocuments" not in {
        operation for operation, _ in indexing_setup.glean.sandbox.request_counts()
    }


async def test_a_line_that_is_no_document_is_refused_before_anything_is_sent(
    indexing_setup: IndexingSetup,
) -> None:
    await indexing_setup.platform.ensure(datasource_spec())
    for broken in (b"{}", b"[", staged_line(1).replace(b"confluence_pages", b"wikis"), b"\xff"):
        with pytest.raises(PlatformInvalidError, match="staged line"):
            await push_run(indexing_setup.platform, HANDLE, "run-1", [broken])
    assert "bulkindexdocuments" not in {
        operation for operation, _ in indexing_setup.glean.sandbox.request_counts()
    }


async def test_ids_that_are_too_long_stay_apart_and_are_found_again(indexing_setup: IndexingSetup) -> None:
    long = "x" * LONGEST_ID
    lines = [staged_line(1).replace(b"page-1", f"{long}{tail}".encode(), 1) for tail in ("", "a", "b")]

    await serve_run(indexing_setup.platform, "run-1", lines)

    assert len(indexing_setup.ids()) == 3
    assert max(map(len, indexing_setup.ids())) == LONGEST_ID
    for each in lines:
        assert await indexing_setup.platform.is_still_served(HANDLE, NAME, [each])


async def test_properties_become_what_a_property_can_be(indexing_setup: IndexingSetup) -> None:
    held = b'{"labels":"none","status":5,"done":true,"open":false,"stars":3,"share":0.5,"of":["a","b"],"odd":[1]}'
    await serve_run(indexing_setup.platform, "run-1", [staged_line(1).replace(b'{"labels":["a"]}', held)])

    [document] = indexing_setup.glean.sandbox.documents(HANDLE)
    assert {each["name"]: each["value"] for each in document["customProperties"]} == {
        "done": "true",
        "open": "false",
        "stars": 3,
        "share": 0.5,
        "of": ["a", "b"],
    }
    assert {"tags", "status"}.isdisjoint(document)


async def test_what_has_its_address_elsewhere_is_put_below_the_site(indexing_setup: IndexingSetup) -> None:
    own, theirs = (
        staged_line(1),
        staged_line(2).replace(b"https://mock-confluence.example.com", b"https://wiki.acme.example"),
    )

    await serve_run(indexing_setup.platform, "run-1", [own, theirs])

    assert {each["viewURL"] for each in indexing_setup.glean.sandbox.documents(HANDLE)} == {
        f"{SITE}/pages/1",
        f"{SITE}/page-2",
    }


# --- facts ----------------------------------------------------------------------------------------------------------


async def test_it_is_pending_until_an_upload_has_ended_and_syncing_until_that_is_indexed(
    indexing_setup: IndexingSetup,
) -> None:
    indexing_setup.glean.sandbox.set_switches(indexing_s=900)
    await indexing_setup.platform.ensure(datasource_spec())
    seen = await indexing_setup.platform.observe(HANDLE)
    assert (seen.status, seen.syncing, seen.last_successful_sync, seen.run) == ("pending", False, None, None)
    await push_run(indexing_setup.platform, HANDLE, "run-1", LINES)
    assert (await indexing_setup.platform.observe(HANDLE)).status == "pending"

    job = await sync_run(indexing_setup.platform, HANDLE, "run-1")
    ended = indexing_setup.clock.at
    seen = await indexing_setup.platform.observe(HANDLE)
    assert (job.state, job.started_at) == ("running", ended)
    assert (seen.status, seen.syncing, seen.syncing_since, seen.document_count) == (
        "syncing",
        True,
        ended,
        None,
    )
    with pytest.raises(PlatformUnavailableError, match="cannot be stopped"):
        await indexing_setup.platform.stop_sync(HANDLE, MARK)

    indexing_setup.clock.at += 16 * MINUTE
    seen = await indexing_setup.platform.observe(HANDLE)
    assert (seen.status, seen.syncing, seen.last_successful_sync) == ("healthy", False, ended)
    assert (seen.document_count, seen.error_count_24h, seen.run) == (20, None, "run-1")
    await indexing_setup.platform.stop_sync(HANDLE, MARK)


async def test_a_count_that_does_not_fit_is_told_only_when_it_cannot_be_old(
    indexing_setup: IndexingSetup,
) -> None:
    indexing_setup.glean.sandbox.faults.add(Fault(kind="sync_loses", documents=3))
    await serve_run(indexing_setup.platform, "run-1", LINES)
    assert (await indexing_setup.platform.observe(HANDLE)).document_count is None

    indexing_setup.clock.at += 181 * MINUTE
    assert (await indexing_setup.platform.observe(HANDLE)).document_count == 17


async def test_what_another_upload_brought_is_told_by_its_run(indexing_setup: IndexingSetup) -> None:
    await serve_run(indexing_setup.platform, "run-1", LINES)
    indexing_setup.clock.at += MINUTE
    with indexing_setup.raw() as other:
        page = {"isFirstPage": True, "isLastPage": True, "documents": []}
        assert (
            other.call_operation(
                "bulkindexdocuments", uploadId="theirs", datasource=HANDLE, **page
            ).status_code
            == 200
        )

    seen = await indexing_setup.platform.observe(HANDLE)
    assert (seen.status, seen.run) == ("healthy", "")
    with indexing_setup.raw() as other:
        [_, theirs] = sorted(
            other.call_operation(f"debug/{HANDLE}/status").json()["documents"]["bulkUploadHistory"],
            key=lambda each: str(each["startTime"]),
        )
    assert theirs["processingState"] == "DELETION PAUSED"
    assert len(indexing_setup.ids()) == 20

    await indexing_setup.remove_datasource()
    assert indexing_setup.ids() == set()


async def test_one_that_was_emptied_or_never_was_is_absent(indexing_setup: IndexingSetup) -> None:
    assert not (await indexing_setup.platform.observe(HANDLE)).present
    await serve_run(indexing_setup.platform, "run-1", LINES)
    await indexing_setup.remove_datasource()
    assert not (await indexing_setup.platform.observe(HANDLE)).present
    with pytest.raises(PlatformNotFoundError, match="emptied and released"):
        await indexing_setup.platform.push(HANDLE, MARK, "run-2", staged_pages(LINES), lambda _: None)
    await indexing_setup.platform.discard_run(HANDLE, MARK, "run-2")
    assert await indexing_setup.platform.fetch_sync_job(HANDLE, "run-2") is None


async def test_of_many_that_are_looked_at_one_failure_is_its_own(indexing_setup: IndexingSetup) -> None:
    await indexing_setup.platform.ensure(datasource_spec())
    other = await indexing_setup.platform.ensure(datasource_spec("Other", replace(MARK, dataset_id="other")))
    indexing_setup.glean.sandbox.faults.add(
        Fault(kind="status", operation="debug.status", status=403, datasource=other, times=None)
    )

    seen = await indexing_setup.platform.observe_all([HANDLE, other], ())

    assert (getattr(seen[HANDLE], "present", None), type(seen[other])) == (True, PlatformDeniedError)


@pytest.mark.parametrize("operation", ["getdatasourceconfig", "debug.status", "debug.documents"])
async def test_what_one_call_has_and_another_has_not_is_neither_here_nor_gone(
    indexing_setup: IndexingSetup, operation: str
) -> None:
    await serve_run(indexing_setup.platform, "run-1", LINES)
    indexing_setup.glean.sandbox.faults.add(
        Fault(kind="status", operation=operation, status=400, body="plain", times=None)
    )

    asked = indexing_setup.platform.is_still_served(HANDLE, NAME, LINES)
    if operation != "debug.documents":
        asked.close()
    with pytest.raises(PlatformUnavailableError, match="exists, another that it does not"):
        await (asked if operation == "debug.documents" else indexing_setup.platform.observe(HANDLE))


async def test_what_it_cannot_is_refused_when_it_is_asked_for(indexing_setup: IndexingSetup) -> None:
    with pytest.raises(PlatformInvalidError, match="no list"):
        await indexing_setup.platform.find_datasources()
    with pytest.raises(PlatformInvalidError, match="has no search"):
        await indexing_setup.platform.search("ledger")
    with pytest.raises(PlatformInvalidError, match="has no search"):
        await indexing_setup.platform.search_each(["ledger"], name=NAME, limit=3, seconds=1)
    assert not await indexing_setup.platform.is_still_served(HANDLE, NAME, [])
    assert not await indexing_setup.platform.is_still_served(HANDLE, NAME, LINES[:1])


# --- emptying -------------------------------------------------------------------------------------------------------


async def test_it_is_emptied_only_when_nothing_is_indexed_any_more(indexing_setup: IndexingSetup) -> None:
    await serve_run(indexing_setup.platform, "run-1", LINES)
    indexing_setup.clock.at += MINUTE
    indexing_setup.glean.sandbox.set_switches(indexing_s=600, deletion_s=600)

    assert await indexing_setup.platform.delete_datasource(HANDLE, MARK) is None
    uploads = indexing_setup.operations().count("bulkindexdocuments")
    for minutes in (1, 8, 8):
        indexing_setup.clock.at += minutes * MINUTE
        assert await indexing_setup.platform.delete_datasource(HANDLE, MARK) is None
        assert await indexing_setup.platform.is_still_served(HANDLE, NAME, LINES[:3])
    indexing_setup.clock.at += 8 * MINUTE
    removal = await indexing_setup.platform.delete_datasource(HANDLE, MARK)

    assert removal is not None
    assert removal.outcome is ConnectorOutcome.EMPTIED
    assert NAME in str(removal.left)
    assert indexing_setup.operations().count("bulkindexdocuments") == uploads
    assert await indexing_setup.platform.delete_datasource(HANDLE, MARK) == removal


async def test_one_attempt_empties_once_also_where_a_dot_is_in_the_name_of_its_dataset(
    indexing_setup: IndexingSetup,
) -> None:
    dotted = OwnerTag(installation=MARK.installation, dataset_id="acme.corp-sandbox-confluence-7f3k2m")
    await serve_run(indexing_setup.platform, "run-1", LINES, mark=dotted)
    served = indexing_setup.operations().count("bulkindexdocuments")
    indexing_setup.glean.sandbox.faults.add(Fault(kind="sync_hangs", times=2))

    for attempt, sent in (("teardown:1", 1), ("teardown:1", 1), ("teardown:2", 2), ("teardown:2", 2)):
        indexing_setup.clock.at += MINUTE
        assert await indexing_setup.platform.delete_datasource(HANDLE, dotted, attempt) is None
        assert indexing_setup.operations().count("bulkindexdocuments") - served == sent


async def test_an_upload_that_comes_after_the_emptying_is_emptied_too(indexing_setup: IndexingSetup) -> None:
    await serve_run(indexing_setup.platform, "run-1", LINES)
    assert await indexing_setup.platform.delete_datasource(HANDLE, MARK) is None
    indexing_setup.clock.at += MINUTE
    async with another_process(indexing_setup) as late:
        await push_run(late, HANDLE, "run-2", LINES)
        await sync_run(late, HANDLE, "run-2")
    indexing_setup.clock.at += MINUTE

    assert (await indexing_setup.remove_datasource()).outcome is ConnectorOutcome.EMPTIED
    assert indexing_setup.ids() == set()


async def test_a_datasource_of_another_installation_is_not_emptied_nor_one_that_it_gave_free(
    indexing_setup: IndexingSetup,
) -> None:
    await serve_run(indexing_setup.platform, "run-1", LINES, mark=ELSEWHERE)
    with pytest.raises(PlatformMismatchError):
        await indexing_setup.platform.delete_datasource(HANDLE, MARK)
    while await indexing_setup.platform.delete_datasource(HANDLE, ELSEWHERE) is None:
        indexing_setup.clock.at += MINUTE
    with pytest.raises(PlatformMismatchError):
        await indexing_setup.platform.delete_datasource(HANDLE, MARK)
    with pytest.raises(PlatformMismatchError):
        await indexing_setup.platform.ensure(datasource_spec())


async def test_an_emptying_that_is_refused_is_not_done(indexing_setup: IndexingSetup) -> None:
    await serve_run(indexing_setup.platform, "run-1", LINES)
    for operation, error in (
        ("bulkindexdocuments", PlatformConflictError),
        ("bulkindexusers", PlatformConflictError),
    ):
        indexing_setup.glean.sandbox.faults.add(
            Fault(kind="status", operation=operation, status=409, times=None)
        )
        with pytest.raises(error):
            await indexing_setup.remove_datasource()
        indexing_setup.glean.sandbox.faults.clear()
    [found] = await indexing_setup.platform.find_datasources([NAME])
    assert found.mark == MARK
