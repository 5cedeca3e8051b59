"""A process seals what is on record while its services are open, and once more when they close."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import anyio
from anyio import lowlevel
from structlog.testing import capture_logs

from domain.audit.sealer import AuditSealer
from domain.errors import StoreFailedError
from server.adapters.store.sqlite.store import SqliteStore
from server.workers.audit_sealer import seal_audit_in_background

if TYPE_CHECKING:
    from pathlib import Path

    from domain.ports import UnitOfWork


class ScriptedSealer:
    """A sealer whose tries meet these, one after another; then it has nothing to do."""

    def __init__(self, *met: Exception | None) -> None:
        self.met = list(met)
        self.over = anyio.Event()

    async def seal(self) -> int:
        if self.met:
            if met := self.met.pop(0):
                raise met
            return 0
        self.over.set()
        await lowlevel.checkpoint()
        return 0


def append(uow: UnitOfWork) -> None:
    uow.audit.append("{}")


async def sealed_position(store: SqliteStore) -> int:
    last = await store.read(lambda uow: uow.audit.chain_head())
    return last.position if last else 0


async def test_what_is_appended_is_sealed_meanwhile(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        positions = [0]

        async def wait_for_seal() -> None:
            while positions[-1] < 1:
                positions.append(await sealed_position(store))

        async with seal_audit_in_background(AuditSealer(store), every_s=0):
            await store.transact(append)
            with anyio.fail_after(10):
                await wait_for_seal()
        assert positions[-1] == 1


async def test_what_a_short_process_appends_last_is_sealed_when_it_ends(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        async with seal_audit_in_background(AuditSealer(store), every_s=3600):
            await store.transact(append)
            await store.transact(append)
        assert await sealed_position(store) == 2


async def test_nothing_to_seal_begins_no_write_transaction(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        begun: list[object] = []

        class Counting:
            read = store.read

            async def transact(self, work: object, **_: object) -> None:
                begun.append(work)

        assert await AuditSealer(cast("SqliteStore", Counting())).seal() == 0
        assert begun == []


async def test_a_try_that_fails_is_told_once_and_the_next_is_made() -> None:
    full, broken = StoreFailedError("The disk is full."), RuntimeError("A bug.")
    sealer = ScriptedSealer(full, full, broken, None, full)
    with capture_logs() as said, anyio.fail_after(5):
        async with seal_audit_in_background(cast("AuditSealer", sealer), every_s=0):
            await sealer.over.wait()
    assert [(each["cause"], each["exc_info"]) for each in said] == [
        ("The disk is full.", False),
        ("A bug.", True),
        ("The disk is full.", False),
    ]


async def test_a_last_try_that_fails_does_not_keep_the_process() -> None:
    sealer = ScriptedSealer()
    with capture_logs() as said:
        async with seal_audit_in_background(cast("AuditSealer", sealer), every_s=3600):
            await sealer.over.wait()
            sealer.met = [StoreFailedError("The disk is full.")]
    assert [each["cause"] for each in said] == ["The disk is full."]
