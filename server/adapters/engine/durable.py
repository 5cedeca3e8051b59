"""Sagas that outlive processes: DBOS on SQLite or PostgreSQL, and locks that tell whose sagas are left to adopt."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, closing, suppress
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import anyio
import anyio.to_thread
import structlog

from domain.errors import LifecycleError, StoreAwayError
from domain.stranding import Stranded
from server.adapters.engine.liveness import Owners
from server.adapters.engine.sqlite import SqliteJournal

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Coroutine,
        Iterable,
        Mapping,
        Sequence,
    )
    from types import TracebackType

    from domain.ports import Json, Perform, Saga
    from server.adapters.engine.journal import Journal, Unfinished
    from server.adapters.engine.liveness import Presence
    from server.adapters.engine.postgres_liveness import DatabaseOwners, DatabasePresence
    from server.adapters.engine.runtime import Runtime
    from server.postgres.address import Address

_log = structlog.get_logger(__name__)

_FIRST_LOOK_S: Final = 0.01
_SLOWEST_LOOK_S: Final = 0.1
# A stdio server is killed two seconds after its input has ended: what runs has the first part of them to stop, the
# engine's own threads the second.
_STOP_S: Final = 1.2
_DESTROY_S: Final = 0.6
_PURGE_BATCH: Final = 500
_PASSING: Final = timedelta(days=1)
_ANSWER_S: Final = 30.0
_LOST_S: Final = 5.0
"""A saga of ours that has not been running here for so long, though it has not ended, is taken up again."""


_lingering: Final[list[Presence | DatabasePresence]] = []
"""Of engines that ended before everything of theirs had: a lock must not go with the object that held it."""


def _journal(where: Path | Address) -> Journal:
    if isinstance(where, Path):
        return SqliteJournal(where / "engine.sqlite")
    from server.adapters.engine.postgres import PostgresJournal  # noqa: PLC0415 - brings a driver that few need

    return PostgresJournal(where)


def _owners(where: Path | Address, dead_after_s: float) -> Owners | DatabaseOwners:
    if isinstance(where, Path):
        return Owners(where / "owners")
    from server.adapters.engine.postgres_liveness import DatabaseOwners  # noqa: PLC0415 - the same

    return DatabaseOwners(where, dead_after_s=dead_after_s)


@dataclass(slots=True)
class _Running:
    """A saga that runs here, and how it is stopped. `tried`: it was taken up from a dead process and is in a step."""

    saga_id: str
    scope: anyio.CancelScope
    tried: bool = False


class DurableEngine:
    """The engine of one process on one data folder or database; an async context manager, entered in the server's loop.

    Inside, sagas of dead processes are adopted; on leaving, those that run here are stopped where they wait and
    left to whoever comes next. Only one of a process may be running sagas at a time. DBOS is imported when a saga
    is started or has to be adopted, not before.
    """

    def __init__(
        self,
        where: Path | Address,
        sagas: Mapping[str, Saga],
        *,
        watch_s: float = 1.0,
        dead_after_s: float = 4.0,
        attempts: int = 10,
        keep: timedelta = timedelta(days=30),
        passing: Sequence[str] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take `sagas` by kind; whoever changes the steps of a saga in use gives it a new kind.

        `watch_s` is how often dead processes are looked for, `dead_after_s` how long a process on another machine must
        not have been seen to be one, `attempts` how many processes in a row may die in the same step of a saga before
        it is left alone (2 or more), `keep` how long ended sagas are remembered; those whose ids have a prefix that is
        `passing`, a day.
        """
        self._where = where
        self._sagas = sagas
        self._watch_s = watch_s
        self._attempts = attempts
        self._keeping = [("", keep), *((each, min(keep, _PASSING)) for each in passing)]
        self._now = now
        self._journal = _journal(where)
        self._owners = _owners(where, dead_after_s)
        self._presence: Presence | DatabasePresence | None = None
        self._runtime: Runtime | None = None
        self._ready = False
        self._launching = anyio.Lock()
        self._watcher: asyncio.Task[object]
        self._begun: set[asyncio.Task[object]] = set()
        self._running: dict[asyncio.Task[object], _Running] = {}
        self._closing = False
        self._reported: set[str] = set()
        self._idle_since: dict[str, float] = {}

    @staticmethod
    def pending(where: Path | Address) -> bool:
        """Whether sagas are unfinished there, running or left behind; a look that imports no engine."""
        with closing(_journal(where)) as journal:
            return bool(journal.unfinished())

    @staticmethod
    def killers(where: Path | Address, attempts: int) -> Sequence[str]:
        """Sagas that no process takes up any more, in words, or only one more; a look that imports no engine."""
        with closing(_journal(where)) as journal:
            found = [each for each in journal.unfinished() if each.fruitless >= attempts - 1]
        return [f"{each.saga_id}, after {each.fruitless + 1} tries of {each.step!r}" for each in found]

    async def __aenter__(self) -> Self:
        """Show this process as alive and begin to adopt. Raises SettingsError when the folder keeps no locks."""
        self._presence = await anyio.to_thread.run_sync(self._owners.enter)
        self._watcher = asyncio.create_task(self._watch(), context=Context())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self._close()

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Start the saga, or adopt it at once when its process is dead.

        Cancelling the caller leaves neither undone. Raises LookupError for a kind that is not known here,
        InternalError when the engine's database fails, and StoreAwayError when it does not answer for long.
        """
        if kind not in self._sagas:
            raise LookupError(f"No saga of kind {kind!r}; there are {sorted(self._sagas)}.")
        with anyio.move_on_after(_ANSWER_S) as late:
            await self._apart(self._start(kind, saga_id, dataset_id))
        if late.cancelled_caught:
            raise StoreAwayError(
                "The saga engine's database does not answer; what was begun goes on when it does."
            )

    async def wait(self, saga_id: str, seconds: float) -> bool:
        """Wait for the end of a saga, wherever it runs."""
        pause = _FIRST_LOOK_S
        if await anyio.to_thread.run_sync(self._journal.ended, saga_id):
            return True
        with anyio.move_on_after(seconds):
            while True:
                if here := [task for task, each in self._running.items() if each.saga_id == saga_id]:
                    await asyncio.wait(here)
                else:
                    await anyio.sleep(pause)
                if await anyio.to_thread.run_sync(self._journal.ended, saga_id):
                    return True
                pause = min(pause * 1.5, _SLOWEST_LOOK_S)
        return False

    async def resume(self) -> None:
        """Look once for sagas that dead processes left, and adopt them."""
        await self._apart(self._resume())

    async def launch(self) -> None:
        """Import and launch what runs sagas, for whoever would rather not wait for it at the first start."""
        await self._apart(self._launch())

    async def purge(self) -> None:
        """Forget sagas that ended long ago; also done whenever the engine is launched."""
        await self._purge(await self._launch())

    async def stranded(self) -> Sequence[Stranded]:
        """Sagas that are left alone, because so many processes died in the same step of them, and the last did."""
        return [
            await self._stranding(each) for each in await self._dead(self._killers(await self._unfinished()))
        ]

    async def forsake(self, saga_id: str) -> None:
        """Have a saga that is left alone never run again, and count as ended."""
        await self._apart(self._forsake(saga_id))

    async def _forsake(self, saga_id: str) -> None:
        await (await self._launch()).forsake(saga_id)

    def _killers(self, found: Iterable[Unfinished]) -> Sequence[Unfinished]:
        """What is tried no more, once its last process is dead."""
        return [each for each in found if not each.queued and each.fruitless >= self._attempts - 1]

    async def _stranding(self, saga: Unfinished) -> Stranded:
        done = await anyio.to_thread.run_sync(self._journal.done, saga.saga_id)
        return Stranded(saga_id=saga.saga_id, step=saga.step, attempts=saga.fruitless + 1, done=tuple(done))

    async def _start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        runtime = await self._launch()
        await runtime.start(kind, saga_id, dataset_id)
        await self._resume()  # it may be a dead process's

    async def _watch(self) -> None:
        await anyio.to_thread.run_sync(self._owners.sweep)
        while True:
            try:
                await anyio.to_thread.run_sync(self._owners.stay)
                await self._resume()
            except Exception as error:  # noqa: BLE001 - the watch goes on, whatever one look met
                if str(error) not in self._reported:
                    self._reported.add(str(error))
                    known = isinstance(error, LifecycleError)
                    _log.error("adoption_failed", cause=str(error), exc_info=not known)
            await anyio.sleep(self._watch_s)

    async def _resume(self) -> None:
        if not await self._left():
            return
        runtime = await self._launch()
        async with self._adopting() as alone:
            # Looked at again, alone: what another process adopted a moment ago is no longer left.
            for saga in await self._left() if alone else ():
                if not saga.queued:
                    await runtime.adopt(saga.kind, saga.saga_id)
                    _log.info("saga_adopted", saga_id=saga.saga_id, kind=saga.kind, former_owner=saga.owner)

    async def _left(self) -> Sequence[Unfinished]:
        """What dead owners left, and what is queued for whoever has an engine launched."""
        found = await self._unfinished()
        await self._leave_unknown(found)
        killers = self._killers(found)
        for each in await self._dead(each for each in killers if each.saga_id not in self._reported):
            self._reported.add(each.saga_id)
            _log.error(
                "saga_stranded",
                saga_id=each.saga_id,
                kind=each.kind,
                step=each.step,
                attempts=each.fruitless + 1,
            )
        alone = {each.saga_id for each in killers}
        kept = [each for each in found if each.kind in self._sagas and each.saga_id not in alone]
        dead = {each.saga_id for each in await self._dead(each for each in kept if not each.queued)}
        lost = self._lost(kept)
        return [each for each in kept if each.queued or each.saga_id in dead | lost]

    def _lost(self, found: Iterable[Unfinished]) -> set[str]:
        """What is ours and has not been running here for a while, because the engine could not record how it went."""
        ours = self._presence.owner if self._presence else ""
        running = {each.saga_id for each in self._running.values()}
        idle = {each.saga_id for each in found if each.owner == ours and not each.queued} - running
        now = anyio.current_time()
        self._idle_since = {each: self._idle_since.get(each, now) for each in idle}
        return {each for each, since in self._idle_since.items() if now - since >= _LOST_S}

    async def _leave_unknown(self, found: Iterable[Unfinished]) -> None:
        """Say of each kind that only others know, of another release or another task, that what is left is theirs."""
        strange = [each for each in found if each.kind not in self._sagas and each.kind not in self._reported]
        for kind in sorted({each.kind for each in await self._dead(strange)}):
            self._reported.add(kind)
            _log.info("sagas_left_to_others", kind=kind)

    async def _dead(self, sagas: Iterable[Unfinished]) -> Sequence[Unfinished]:
        """Those whose owner is no more."""
        asked = list(sagas)
        living = await anyio.to_thread.run_sync(self._living, {each.owner for each in asked})
        return [each for each in asked if each.owner not in living]

    def _living(self, owners: Iterable[str]) -> set[str]:
        return {each for each in owners if self._owners.alive(each)}

    @asynccontextmanager
    async def _adopting(self) -> AsyncIterator[bool]:
        """`Owners.adopting`, which may block, in threads."""
        turn = self._owners.adopting()
        with anyio.CancelScope(shield=True):
            alone = await anyio.to_thread.run_sync(turn.__enter__)
        try:
            yield alone
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(turn.__exit__, None, None, None)

    async def _unfinished(self) -> Sequence[Unfinished]:
        return await anyio.to_thread.run_sync(self._journal.unfinished)

    async def _launch(self) -> Runtime:
        async with self._launching:
            if self._runtime is None:
                load = await anyio.to_thread.run_sync(_load)
                await anyio.to_thread.run_sync(self._journal.prepare)
                if self._closing or self._presence is None:  # asked only now: importing takes its time
                    raise RuntimeError("The saga engine is not open.")
                bodies = {kind: partial(self._run, kind, saga) for kind, saga in self._sagas.items()}
                database = self._where if not isinstance(self._where, Path) else self._where / "engine.sqlite"
                self._runtime = load(database, self._presence.owner, bodies)
            if not self._ready:
                await self._runtime.prepare()
                await self._purge(self._runtime)
                self._ready = True
            return self._runtime

    async def _purge(self, runtime: Runtime) -> None:
        for prefix, keep in self._keeping:
            before = int((self._now() - keep).timestamp() * 1000)
            look = partial(self._journal.finished_before, before, _PURGE_BATCH, prefix)
            while old := await anyio.to_thread.run_sync(look):
                await runtime.delete(old)
        await anyio.to_thread.run_sync(self._journal.forget)

    async def _run(self, kind: str, saga: Saga, dataset_id: str, saga_id: str) -> None:
        """Run a saga, inside the workflow that records it."""
        runtime = self._runtime
        task = asyncio.current_task()
        if self._closing or runtime is None or task is None:
            raise asyncio.CancelledError  # taken from the queue too late: it stays unfinished, for the next process
        # A scope rather than the task is cancelled: it lets a step's worker thread come to its end.
        scope = anyio.CancelScope()
        self._running[task] = here = _Running(saga_id, scope)
        task.add_done_callback(self._running.pop)
        try:
            with scope:
                await saga(self._counting(runtime, here), dataset_id, saga_id)
        except Exception:
            _log.exception("saga_broke", saga_id=saga_id, kind=kind, dataset_id=dataset_id)
            raise
        if scope.cancelled_caught:
            raise asyncio.CancelledError

    def _counting(self, runtime: Runtime, here: _Running) -> Perform:
        """How that saga does its steps; when it was adopted, the first that is not done yet is counted as tried."""
        first = True

        async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
            async def counted() -> Json:
                nonlocal first
                if first:
                    first = False
                    with suppress(LifecycleError):  # at worst one attempt is not counted
                        if await anyio.to_thread.run_sync(self._journal.adopted, here.saga_id):
                            await anyio.to_thread.run_sync(self._journal.tried, here.saga_id, step)
                            here.tried = True
                return await effect()

            return await runtime.perform(step, counted)

        return perform

    async def _apart(self, work: Coroutine[Any, Any, object]) -> None:
        """Do this whatever becomes of the caller, and without what the caller's context carries."""
        task = asyncio.create_task(work, context=Context())
        self._begun.add(task)
        task.add_done_callback(self._over)
        await asyncio.shield(task)

    def _over(self, task: asyncio.Task[object]) -> None:
        self._begun.discard(task)
        if self._closing and not task.cancelled():
            task.exception()  # heard: who asked may have gone before, and what was not started is left to the next

    async def _close(self) -> None:
        deadline = anyio.current_time() + _STOP_S
        self._closing = True
        if self._runtime:
            self._runtime.stopping()
        self._watcher.cancel()
        self._begun.add(self._watcher)
        begun = await _ended(self._begun, deadline)
        running = dict(self._running)
        for each in running.values():
            each.scope.cancel()
        stopped = await _ended(running, deadline) and begun
        if self._runtime:
            with suppress(LifecycleError):  # at worst one attempt too many is counted
                left = [each.saga_id for each in running.values() if each.tried]
                await anyio.to_thread.run_sync(self._journal.forgive, left)
            left_s = max(0.0, deadline - anyio.current_time())
            stopped = await self._runtime.close(left_s + _DESTROY_S) and stopped
        # As long as anything of ours may still run, we are alive; then the lock goes with the process.
        if self._presence and stopped:
            await anyio.to_thread.run_sync(self._presence.end)
        elif self._presence:
            _lingering.append(self._presence)
        await anyio.to_thread.run_sync(self._journal.close)
        self._runtime = self._presence = None


async def _ended(tasks: Iterable[asyncio.Task[object]], deadline: float) -> bool:
    if waited := set(tasks):
        _, left = await asyncio.wait(waited, timeout=max(0.0, deadline - anyio.current_time()))
        return not left
    return True


def _load() -> type[Runtime]:
    from server.adapters.engine.runtime import Runtime  # noqa: PLC0415 - brings DBOS: a second or two of importing

    return Runtime
