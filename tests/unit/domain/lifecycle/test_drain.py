"""What a drain keeps, and what it says to whoever wants something new."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from domain.errors import DrainingError, StoreFailedError
from domain.lifecycle.drain import DrainService, DrainStatus, require_not_draining
from domain.model.principal import Principal, RequestContext
from domain.model.run import Run
from domain.ports import AuditQuery, Setting
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, ManualClock, client, dataset, journey

if TYPE_CHECKING:
    from pathlib import Path

OPS = Principal(
    subject="person:ops",
    call=RequestContext(audit_id="au-ops", at=NOW, verb="drain on", via="cli", arguments={}),
)
OTHER = replace(OPS, subject="person:other")


async def read_audit(store: SqliteStore) -> list[tuple[str, str, dict[str, object]]]:
    """What was put on record, oldest first: by whom, what became of it, and the data."""
    rows = await store.read(lambda uow: uow.audit.find(AuditQuery()))
    entries = [msgspec.json.decode(each.document) for each in reversed(rows)]
    return [(each["principal"], each["outcome"], each.get("data", {})) for each in entries]


async def test_a_drain_says_since_when_and_by_whom_to_people_and_to_whoever_is_refused(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        draining = DrainService(store, clock)
        await store.read(require_not_draining)

        begun = await draining.begin_drain(OPS)
        clock.instant += timedelta(hours=1)

        assert begun == DrainStatus(draining=True, since=NOW, by="person:ops", running=())
        assert await draining.begin_drain(OTHER) == begun
        with pytest.raises(DrainingError) as refusal:
            await store.transact(require_not_draining)
        assert refusal.value.as_dict() == {
            "code": "draining",
            "message": (
                "New work is refused since 2026-03-01T12:00:00Z: this installation is being drained."
            ),
            "recovery": "wait",
            "retry_after_s": 60,
            "suggested_action": DrainingError.action,
        }

        for _ in range(2):
            assert await draining.end_drain(OTHER) == DrainStatus(
                draining=False, since=None, by=None, running=()
            )
        assert await read_audit(store) == [
            ("person:ops", "drain begun", {}),
            ("person:other", "drain ended", {"since": "2026-03-01T12:00:00Z", "by": "person:ops"}),
        ]
        await store.read(require_not_draining)


async def test_a_drain_is_kept_as_other_releases_read_it_and_one_that_cannot_be_read_is_not_taken_for_none(
    tmp_path: Path,
) -> None:
    kept: Setting[object] = Setting("drain", object)
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        draining = DrainService(store, ManualClock())
        await draining.begin_drain(OPS)
        assert await store.read(lambda uow: uow.settings.get(kept)) == {
            "since": "2026-03-01T12:00:00Z",
            "by": "person:ops",
        }

        await store.transact(lambda uow: uow.settings.put(kept, {"until": "2026-03-01T12:00:00Z"}))

        with pytest.raises(StoreFailedError, match="the setting 'drain'"):
            await store.transact(require_not_draining)
        with pytest.raises(StoreFailedError):
            await draining.end_drain(OPS)


async def test_a_drain_is_settled_once_nothing_runs_and_looks_again_until_then(tmp_path: Path) -> None:
    at_work = dataset(run=Run(saga_id="provision:d:1", started_at=NOW))

    class EndingClock(ManualClock):
        """A clock on whose first sleep the work ends."""

        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            await store.transact(lambda uow: uow.datasets.put(dataset()))

    clock = EndingClock()
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        await store.transact(lambda uow: uow.clients.put(client()))
        await store.transact(lambda uow: uow.journeys.put(journey()))
        await store.transact(lambda uow: uow.datasets.put(at_work))
        draining = DrainService(store, clock)

        assert await draining.load_status() == DrainStatus(
            draining=False, since=None, by=None, running=(at_work,)
        )
        assert await draining.wait_until_idle() == DrainStatus(
            draining=False, since=None, by=None, running=()
        )
        assert clock.now() - NOW == timedelta(seconds=0.2)
