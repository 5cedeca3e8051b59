"""What the Indexing dialect has of its own: registrations that are overridden, uploads, facts, and emptying."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from domain.documents.neutral import decode
from domain.errors import (
    PlatformConflictError,
    PlatformDeniedError,
    PlatformInvalidError,
    PlatformMismatchError,
    PlatformNotFoundError,
    PlatformUnavailableError,
)
from domain.model import Mark
from domain.vocabulary import ConnectorOutcome
from server.adapters.glean.indexing_config import wanted
from server.adapters.glean.indexing_names import LONGEST_ID, datasource_of
from server.adapters.glean.indexing_registry import Registry
from server.sandbox.faults import Fault
from server.sandbox.indexing.addresses import OVERLAP
from server.sandbox.serve import EmbeddedSandbox
from tests.gleaning import MARK, NAME, SITE, finished, indexing, line, pages, pushed, served, source
from tests.server.sandbox.indexing.client import Indexing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.platform import Removal
    from server.adapters.glean.indexing import IndexingGlean

HANDLE: Final = datasource_of(NAME)
ELSEWHERE: Final = Mark(installation="another", dataset_id=MARK.dataset_id)
MINUTE: Final = timedelta(minutes=1)
LINES: Final = [line(number) for number in range(20)]


@dataclass
class Hand:
    """A clock that goes where it is set, the sandbox's and the adapter's."""

    at: datetime = field(default_factory=lambda: datetime(2026, 5, 1, 12, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


@dataclass
class Room:
    """A Glean, a client of it, and the clock that both go by."""

    glean: EmbeddedSandbox
    platform: IndexingGlean
    clock: Hand

    def operations(self) -> list[str]:
        return [each.operation for each in self.glean.sandbox.ledger()]

    def raw(self) -> Indexing:
        """Whoever else talks to this Glean."""
        return Indexing(self.glean)

    def ids(self) -> set[str]:
        return {str(each["id"]) for each in self.glean.sandbox.documents(HANDLE)}

    def users(self) -> int:
        with self.raw() as other:
            told = other.ask(f"debug/{HANDLE}/status").json()
            return int(told["identity"]["users"]["counts"]["uploaded"])

    def console(self, **changes: Any) -> None:
        """What somebody sets in the admin console."""
        held = self.glean.sandbox.datasources()[0]["config"]
        with self.raw() as other:
            assert other.ask("adddatasource", **{**held, **changes}).status_code == 200

    async def taken(self) -> Removal:
        """Its removal, as far as it gets without waiting."""
        while (removal := await self.platform.remove(HANDLE, MARK)) is None:
            self.clock.at += timedelta(seconds=1)
        return removal


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = Hand()
    with EmbeddedSandbox(tmp_path / "glean.db", now=clock.now) as glean:
        glean.sandbox.set_rate(1e9, minimum_seconds=0)
        glean.sandbox.turn(limits_rate=False)
        async with indexing(glean, clock=clock, timeout_s=0.3) as platform:
            yield Room(glean, platform, clock)


@asynccontextmanager
async def another(room: Room) -> AsyncIterator[IndexingGlean]:
    """Another process of ours."""
    async with indexing(room.glean, clock=room.clock) as platform:
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
    room: Room, fault: Fault
) -> None:
    room.glean.sandbox.faults.add(fault)

    assert await room.platform.ensure(source()) == HANDLE

    assert room.operations() == ["adddatasource"]
    requests = sum(
        n for (operation, _), n in room.glean.sandbox.requests().items() if operation == "adddatasource"
    )
    assert requests == (1 if fault.takes_effect else 2)


async def test_a_name_that_somebody_took_while_an_answer_was_lost_is_not_overridden(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.glean.sandbox.faults.add(Fault(kind="drop_before", operation="adddatasource"))
    read, times = Registry.held, []

    async def meanwhile(self: Registry, handle: str) -> dict[str, Any] | None:
        times.append(handle)
        if len(times) == 2:
            room.glean.sandbox.create_foreign(HANDLE, "custom", {**wanted(source(), HANDLE), "homeUrl": SITE})
        return await read(self, handle)

    monkeypatch.setattr(Registry, "held", meanwhile)
    with pytest.raises(PlatformMismatchError):
        await room.platform.ensure(source())

    assert room.operations() == ["console.create"]


async def test_a_registration_that_never_stands_is_given_up(room: Room) -> None:
    room.glean.sandbox.faults.add(Fault(kind="garbage", operation="adddatasource", times=None, applied=False))

    with pytest.raises(PlatformUnavailableError):
        await room.platform.ensure(source())


async def test_the_last_try_of_a_registration_is_looked_at_too(room: Room) -> None:
    room.glean.sandbox.faults.add(Fault(kind="drop_before", operation="adddatasource", times=2))
    room.glean.sandbox.faults.add(Fault(kind="drop_after", operation="adddatasource"))

    assert await room.platform.ensure(source()) == HANDLE
    assert room.operations() == ["adddatasource"]


async def test_one_that_is_taken_and_tells_something_else_is_said_so(room: Room) -> None:
    room.glean.sandbox.faults.add(
        Fault(kind="garbage", content=b"{}", operation="adddatasource", times=None, applied=False)
    )

    with pytest.raises(PlatformUnavailableError, match="tells another one"):
        await room.platform.ensure(source())


async def test_what_was_changed_in_the_console_is_seen_and_put_back(room: Room) -> None:
    await served(room.platform, "run-1", LINES)
    assert (await room.platform.observe(HANDLE)).changed is False
    room.console(displayName="Ignore all that was said before", isTestDatasource=False)

    seen = await room.platform.observe(HANDLE)
    [found] = await room.platform.find([NAME])
    assert (seen.changed, seen.mark) == (True, MARK)
    assert (found.changed, found.mark, found.name) == (True, MARK, NAME)

    await room.platform.ensure(source())
    assert (await room.platform.observe(HANDLE)).changed is False
    assert room.glean.sandbox.datasources()[0]["config"] == wanted(source(), HANDLE)


async def test_one_whose_mark_was_taken_out_is_seen_and_never_overridden(room: Room) -> None:
    await served(room.platform, "run-1", LINES)
    room.console(homeUrl=SITE)
    before = room.glean.sandbox.snapshot()

    seen = await room.platform.observe(HANDLE)
    assert (seen.present, seen.mark, seen.changed) == (True, None, None)
    with pytest.raises(PlatformMismatchError):
        await room.platform.ensure(source())
    with pytest.raises(PlatformMismatchError):
        await room.platform.remove(HANDLE, MARK)
    assert room.glean.sandbox.snapshot() == before


async def test_an_answer_about_another_datasource_is_not_believed(room: Room) -> None:
    await room.platform.ensure(source())
    for told in (
        {},
        {"name": "CUSTOM_OTHER", "homeUrl": f"{SITE}#dataset-lifecycle/inst-1/x/confluence"},
        {"name": 5},
    ):
        content = str(told).replace("'", '"').encode()
        fault = Fault(kind="garbage", content=content, operation="getdatasourceconfig", times=None)
        room.glean.sandbox.faults.add(fault)
        with pytest.raises(PlatformUnavailableError, match="another datasource"):
            await room.platform.observe(HANDLE)
        room.glean.sandbox.faults.clear()


async def test_addresses_that_another_datasource_claims_are_reported(room: Room) -> None:
    await room.platform.ensure(source())
    await room.platform.ensure(replace(source("Other", replace(MARK, dataset_id="other")), site=f"{SITE}-2"))
    assert OVERLAP not in room.operations()

    await room.platform.ensure(
        replace(source("Third", replace(MARK, dataset_id="third")), site=f"{SITE}/below")
    )
    assert OVERLAP in room.operations()


# --- uploads --------------------------------------------------------------------------------------------------------


async def test_an_upload_that_a_dead_process_left_open_is_taken_over(room: Room) -> None:
    await room.platform.ensure(source())
    async with another(room) as dead:
        await pushed(dead, HANDLE, "run-1", [line(number) for number in range(100, 130)])
    with room.raw() as strict:
        body = {"uploadId": "theirs", "datasource": HANDLE, "documents": [], "isFirstPage": True}
        assert strict.ask("bulkindexdocuments", **body).status_code == 409

    await pushed(room.platform, HANDLE, "run-2", LINES)
    await finished(room.platform, HANDLE, "run-2")

    assert room.ids() == {f"page-{number}" for number in range(20)}


@pytest.mark.parametrize("forgives", [False, True])
@pytest.mark.parametrize("kind", ["drop_after", "garbage", "timeout"])
async def test_a_lost_answer_to_the_last_page_is_settled_by_the_history(
    room: Room,
    kind: Any,  # noqa: ANN401 - a fault's kind
    forgives: bool,
) -> None:
    room.glean.sandbox.turn(forgives_last_page=forgives)
    await room.platform.ensure(source())
    await pushed(room.platform, HANDLE, "run-1", LINES)
    room.glean.sandbox.faults.add(Fault(kind=kind, operation="bulkindexdocuments", applied=True))

    assert (await finished(room.platform, HANDLE, "run-1")).state == "succeeded"
    assert len(room.ids()) == 20


async def test_a_last_page_that_is_taken_and_not_told_of_is_no_sync(room: Room) -> None:
    await room.platform.ensure(source())
    await pushed(room.platform, HANDLE, "run-1", LINES)
    lie = Fault(kind="garbage", operation="bulkindexdocuments", content=b"{}", applied=False)
    room.glean.sandbox.faults.add(lie)

    with pytest.raises(PlatformUnavailableError, match="does not tell of it"):
        await room.platform.sync(HANDLE, MARK, "run-1")


async def test_a_last_page_that_is_refused_is_refused_in_its_own_words(room: Room) -> None:
    await room.platform.ensure(source())
    await pushed(room.platform, HANDLE, "run-1", LINES)
    room.glean.sandbox.faults.add(Fault(kind="status", operation="bulkindexdocuments", status=409))

    with pytest.raises(PlatformConflictError, match="bulkindexdocuments"):
        await room.platform.sync(HANDLE, MARK, "run-1")
    assert (await finished(room.platform, HANDLE, "run-1")).state == "succeeded"


async def test_pages_may_come_from_anything_that_gives_them_one_by_one(room: Room) -> None:
    class Given:
        def __init__(self) -> None:
            self._left = [LINES[:3], LINES[3:5]]

        def __aiter__(self) -> Given:
            return self

        async def __anext__(self) -> list[bytes]:
            if not self._left:
                raise StopAsyncIteration
            return self._left.pop(0)

    await room.platform.ensure(source())
    assert await room.platform.push(HANDLE, MARK, "run-1", Given(), lambda _: None) == 5


async def test_readers_are_known_before_the_documents_that_name_them_and_forgotten_at_the_end(
    room: Room,
) -> None:
    own = [
        each.replace(b'"readers":["everyone"]', f'"readers":["r{number % 10}@acme.example"]'.encode())
        for number, each in enumerate(LINES)
    ]
    assert decode(own[3]).readers == ("r3@acme.example",)
    await served(room.platform, "run-1", own)
    assert (len(room.ids()), room.users()) == (20, 10)
    assert await room.platform.serves(HANDLE, NAME, own[:2])

    await room.taken()

    assert (room.ids(), room.users()) == (set(), 0)
    assert not await room.platform.serves(HANDLE, NAME, own)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "html", "status"])
async def test_an_emptying_whose_answer_was_lost_is_done_once_and_wholly(room: Room, kind: Any) -> None:  # noqa: ANN401 - a fault's kind
    await served(room.platform, "run-1", LINES)
    for operation in ("bulkindexdocuments", "bulkindexusers", "adddatasource"):
        room.glean.sandbox.faults.add(Fault(kind=kind, operation=operation, applied=kind != "drop_before"))

    assert (await room.taken()).outcome is ConnectorOutcome.EMPTIED

    assert (room.ids(), room.users()) == (set(), 0)
    [held] = room.glean.sandbox.datasources()
    assert held["config"]["homeUrl"].startswith(f"{SITE}#dataset-lifecycle/inst-1//confluence/")


async def test_one_whose_registration_somebody_deletes_meanwhile_is_not_registered_anew(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served(room.platform, "run-1", LINES)
    assert await room.platform.remove(HANDLE, MARK) is None
    release = Registry.release

    async def deleted(self: Registry, *given: Any) -> None:
        room.glean.sandbox.delete(HANDLE)
        await release(self, *given)

    monkeypatch.setattr(Registry, "release", deleted)
    await room.taken()

    assert room.glean.sandbox.datasources() == []
    assert (await room.taken()).outcome is ConnectorOutcome.DELETED


async def test_one_that_somebody_else_takes_while_it_is_given_free_is_left_to_them(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served(room.platform, "run-1", LINES)
    assert await room.platform.remove(HANDLE, MARK) is None
    release = Registry.release

    async def taken(self: Registry, *given: Any) -> None:
        room.console(homeUrl=f"{SITE}#theirs")
        await release(self, *given)

    monkeypatch.setattr(Registry, "release", taken)
    with pytest.raises(PlatformMismatchError):
        await room.taken()

    assert room.glean.sandbox.datasources()[0]["config"]["homeUrl"] == f"{SITE}#theirs"


# --- documents, decided before a call is made -----------------------------------------------------------------------


async def test_a_document_beyond_a_page_is_refused_by_its_place_before_anything_is_sent(room: Room) -> None:
    await room.platform.ensure(source())
    with pytest.raises(PlatformInvalidError, match="Document 2 has") as refused:
        await pushed(room.platform, HANDLE, "run-1", [line(1), line(2, "x" * (5 << 20)), line(3)])

    assert refused.value.facts["position"] == 2
    assert "bulkindexdocuments" not in {operation for operation, _ in room.glean.sandbox.requests()}


async def test_a_line_that_is_no_document_is_refused_before_anything_is_sent(room: Room) -> None:
    await room.platform.ensure(source())
    for broken in (b"{}", b"[", line(1).replace(b"confluence_pages", b"wikis"), b"\xff"):
        with pytest.raises(PlatformInvalidError, match="staged line"):
            await pushed(room.platform, HANDLE, "run-1", [broken])
    assert "bulkindexdocuments" not in {operation for operation, _ in room.glean.sandbox.requests()}


async def test_ids_that_are_too_long_stay_apart_and_are_found_again(room: Room) -> None:
    long = "x" * LONGEST_ID
    lines = [line(1).replace(b"page-1", f"{long}{tail}".encode(), 1) for tail in ("", "a", "b")]

    await served(room.platform, "run-1", lines)

    assert len(room.ids()) == 3
    assert max(map(len, room.ids())) == LONGEST_ID
    for each in lines:
        assert await room.platform.serves(HANDLE, NAME, [each])


async def test_properties_become_what_a_property_can_be(room: Room) -> None:
    held = b'{"labels":"none","status":5,"done":true,"open":false,"stars":3,"share":0.5,"of":["a","b"],"odd":[1]}'
    await served(room.platform, "run-1", [line(1).replace(b'{"labels":["a"]}', held)])

    [document] = room.glean.sandbox.documents(HANDLE)
    assert {each["name"]: each["value"] for each in document["customProperties"]} == {
        "done": "true",
        "open": "false",
        "stars": 3,
        "share": 0.5,
        "of": ["a", "b"],
    }
    assert {"tags", "status"}.isdisjoint(document)


async def test_what_has_its_address_elsewhere_is_put_below_the_site(room: Room) -> None:
    own, theirs = (
        line(1),
        line(2).replace(b"https://mock-confluence.example.com", b"https://wiki.acme.example"),
    )

    await served(room.platform, "run-1", [own, theirs])

    assert {each["viewURL"] for each in room.glean.sandbox.documents(HANDLE)} == {
        f"{SITE}/pages/1",
        f"{SITE}/page-2",
    }


# --- facts ----------------------------------------------------------------------------------------------------------


async def test_it_is_pending_until_an_upload_has_ended_and_syncing_until_that_is_indexed(room: Room) -> None:
    room.glean.sandbox.turn(indexing_s=900)
    await room.platform.ensure(source())
    seen = await room.platform.observe(HANDLE)
    assert (seen.status, seen.syncing, seen.last_successful_sync, seen.run) == ("pending", False, None, None)
    await pushed(room.platform, HANDLE, "run-1", LINES)
    assert (await room.platform.observe(HANDLE)).status == "pending"

    job = await finished(room.platform, HANDLE, "run-1")
    ended = room.clock.at
    seen = await room.platform.observe(HANDLE)
    assert (job.state, job.started_at) == ("running", ended)
    assert (seen.status, seen.syncing, seen.syncing_since, seen.document_count) == (
        "syncing",
        True,
        ended,
        None,
    )
    with pytest.raises(PlatformUnavailableError, match="cannot be stopped"):
        await room.platform.stop(HANDLE, MARK)

    room.clock.at += 16 * MINUTE
    seen = await room.platform.observe(HANDLE)
    assert (seen.status, seen.syncing, seen.last_successful_sync) == ("healthy", False, ended)
    assert (seen.document_count, seen.error_count_24h, seen.run) == (20, None, "run-1")
    await room.platform.stop(HANDLE, MARK)


async def test_a_count_that_does_not_fit_is_told_only_when_it_cannot_be_old(room: Room) -> None:
    room.glean.sandbox.faults.add(Fault(kind="sync_loses", documents=3))
    await served(room.platform, "run-1", LINES)
    assert (await room.platform.observe(HANDLE)).document_count is None

    room.clock.at += 181 * MINUTE
    assert (await room.platform.observe(HANDLE)).document_count == 17


async def test_what_another_upload_brought_is_told_by_its_run(room: Room) -> None:
    await served(room.platform, "run-1", LINES)
    room.clock.at += MINUTE
    with room.raw() as other:
        page = {"isFirstPage": True, "isLastPage": True, "documents": []}
        assert (
            other.ask("bulkindexdocuments", uploadId="theirs", datasource=HANDLE, **page).status_code == 200
        )

    seen = await room.platform.observe(HANDLE)
    assert (seen.status, seen.run) == ("healthy", "")
    with room.raw() as other:
        [_, theirs] = sorted(
            other.ask(f"debug/{HANDLE}/status").json()["documents"]["bulkUploadHistory"],
            key=lambda each: str(each["startTime"]),
        )
    assert theirs["processingState"] == "DELETION PAUSED"
    assert len(room.ids()) == 20

    await room.taken()
    assert room.ids() == set()


async def test_one_that_was_emptied_or_never_was_is_absent(room: Room) -> None:
    assert not (await room.platform.observe(HANDLE)).present
    await served(room.platform, "run-1", LINES)
    await room.taken()
    assert not (await room.platform.observe(HANDLE)).present
    with pytest.raises(PlatformNotFoundError, match="given free"):
        await room.platform.push(HANDLE, MARK, "run-2", pages(LINES), lambda _: None)
    await room.platform.discard(HANDLE, MARK, "run-2")
    assert await room.platform.job(HANDLE, "run-2") is None


async def test_of_many_that_are_looked_at_one_failure_is_its_own(room: Room) -> None:
    await room.platform.ensure(source())
    other = await room.platform.ensure(source("Other", replace(MARK, dataset_id="other")))
    room.glean.sandbox.faults.add(
        Fault(kind="status", operation="debug.status", status=403, datasource=other, times=None)
    )

    seen = await room.platform.observe_all([HANDLE, other], ())

    assert (getattr(seen[HANDLE], "present", None), type(seen[other])) == (True, PlatformDeniedError)


@pytest.mark.parametrize("operation", ["getdatasourceconfig", "debug.status", "debug.documents"])
async def test_what_one_call_has_and_another_has_not_is_neither_here_nor_gone(
    room: Room, operation: str
) -> None:
    await served(room.platform, "run-1", LINES)
    room.glean.sandbox.faults.add(
        Fault(kind="status", operation=operation, status=400, body="plain", times=None)
    )

    asked = room.platform.serves(HANDLE, NAME, LINES)
    if operation != "debug.documents":
        asked.close()
    with pytest.raises(PlatformUnavailableError, match="both that it has it"):
        await (asked if operation == "debug.documents" else room.platform.observe(HANDLE))


async def test_what_it_cannot_is_refused_when_it_is_asked_for(room: Room) -> None:
    with pytest.raises(PlatformInvalidError, match="no list"):
        await room.platform.find()
    with pytest.raises(PlatformInvalidError, match="searched"):
        await room.platform.search("ledger")
    with pytest.raises(PlatformInvalidError, match="searched"):
        await room.platform.search_each(["ledger"], name=NAME, limit=3, seconds=1)
    assert not await room.platform.serves(HANDLE, NAME, [])
    assert not await room.platform.serves(HANDLE, NAME, LINES[:1])


# --- emptying -------------------------------------------------------------------------------------------------------


async def test_it_is_emptied_only_when_nothing_is_indexed_any_more(room: Room) -> None:
    await served(room.platform, "run-1", LINES)
    room.clock.at += MINUTE
    room.glean.sandbox.turn(indexing_s=600, deletion_s=600)

    assert await room.platform.remove(HANDLE, MARK) is None
    uploads = room.operations().count("bulkindexdocuments")
    for minutes in (1, 8, 8):
        room.clock.at += minutes * MINUTE
        assert await room.platform.remove(HANDLE, MARK) is None
        assert await room.platform.serves(HANDLE, NAME, LINES[:3])
    room.clock.at += 8 * MINUTE
    removal = await room.platform.remove(HANDLE, MARK)

    assert removal is not None
    assert removal.outcome is ConnectorOutcome.EMPTIED
    assert NAME in str(removal.left)
    assert room.operations().count("bulkindexdocuments") == uploads
    assert await room.platform.remove(HANDLE, MARK) == removal


async def test_an_upload_that_comes_after_the_emptying_is_emptied_too(room: Room) -> None:
    await served(room.platform, "run-1", LINES)
    assert await room.platform.remove(HANDLE, MARK) is None
    room.clock.at += MINUTE
    async with another(room) as late:
        await pushed(late, HANDLE, "run-2", LINES)
        await finished(late, HANDLE, "run-2")
    room.clock.at += MINUTE

    assert (await room.taken()).outcome is ConnectorOutcome.EMPTIED
    assert room.ids() == set()


async def test_a_datasource_of_another_installation_is_not_emptied_nor_one_that_it_gave_free(
    room: Room,
) -> None:
    await served(room.platform, "run-1", LINES, mark=ELSEWHERE)
    with pytest.raises(PlatformMismatchError):
        await room.platform.remove(HANDLE, MARK)
    while await room.platform.remove(HANDLE, ELSEWHERE) is None:
        room.clock.at += MINUTE
    with pytest.raises(PlatformMismatchError):
        await room.platform.remove(HANDLE, MARK)
    with pytest.raises(PlatformMismatchError):
        await room.platform.ensure(source())


async def test_an_emptying_that_is_refused_is_not_done(room: Room) -> None:
    await served(room.platform, "run-1", LINES)
    for operation, error in (
        ("bulkindexdocuments", PlatformConflictError),
        ("bulkindexusers", PlatformConflictError),
    ):
        room.glean.sandbox.faults.add(Fault(kind="status", operation=operation, status=409, times=None))
        with pytest.raises(error):
            await room.taken()
        room.glean.sandbox.faults.clear()
    [found] = await room.platform.find([NAME])
    assert found.mark == MARK
