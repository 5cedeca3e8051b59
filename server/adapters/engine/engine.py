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

from domain.errors import LifecycleError, StoreUnavailableError
from domain.ports import DeadLetter
from server.adapters.engine.file_liveness import FileLiveness
from server.adapters.engine.sqlite_journal import SqliteJournal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
    from types import TracebackType

    from domain.ports import Json, Saga, StepRunner
    from server.adapters.engine.dbos_runtime import DbosRuntime
    from server.adapters.engine.file_liveness import Presence
    from server.adapters.engine.journal import Journal, UnfinishedSaga
    from server.adapters.engine.postgres_liveness import PostgresLiveness, PostgresPresence
    from server.infra.postgres.dsn import PostgresAddress

_log = structlog.get_logger(__name__)

_FIRST_POLL_S: Final = 0.01
_SLOWEST_POLL_S: Final = 0.1
# A stdio server is killed two seconds after its input has ended: what runs has the first part of them to stop, the
# engine's own threads the second.
_STOP_S: Final = 1.2
_DESTROY_S: Final = 0.6
_PURGE_BATCH: Final = 500
_SHORT_LIVED_RETENTION: Final = timedelta(days=1)
_ANSWER_S: Final = 30.0
_LOST_S: Final = 5.0
"""A saga of ours that has not been running here for so long, though it has not ended, is taken up again."""
_unreleased_presences: Final[list[Presence | PostgresPresence]] = []
"""Of engines that ended before everything of theirs had: a lock must not go with the object that held it."""


def _journal_at(where: Path | PostgresAddress) -> Journal:
    if isinstance(where, Path):
        return SqliteJournal(where / "engine.sqlite")
    # It brings a driver that few need.
    from server.adapters.engine.postgres_journal import PostgresJournal  # noqa: PLC0415

    return PostgresJournal(where)


def _liveness_at(where: Path | PostgresAddress, dead_after_s: float) -> FileLiveness | PostgresLiveness:
    if isinstance(where, Path):
        return FileLiveness(where / "owners")
    # It brings the same driver.
    from server.adapters.engine.postgres_liveness import PostgresLiveness  # noqa: PLC0415

    return PostgresLiveness(where, dead_after_s=dead_after_s)


@dataclass(slots=True)
class _RunningSaga:
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
        where: Path | PostgresAddress,
        sagas: Mapping[str, Saga],
        *,
        watch_s: float = 1.0,
        dead_after_s: float = 4.0,
        attempts: int = 10,
        keep: timedelta = timedelta(days=30),
        short_lived_prefixes: Sequence[str] = (),
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
        self._keeping = [
            ("", keep),
            *((each, min(keep, _SHORT_LIVED_RETENTION)) for each in short_lived_prefixes),
        ]
        self._now = now
        self._journal = _journal_at(where)
        self._owners = _liveness_at(where, dead_after_s)
        self._presence: Presence | PostgresPresence | None = None
        self._runtime: DbosRuntime | None = None
        self._ready = False
        self._launching = anyio.Lock()
        self._watcher: asyncio.Task[object]
        self._begun: set[asyncio.Task[object]] = set()
        self._running: dict[asyncio.Task[object], _RunningSaga] = {}
        self._closing = False
        self._reported: set[str] = set()
        self._idle_since: dict[str, float] = {}

    @staticmethod
    def has_unfinished_sagas(where: Path | PostgresAddress) -> bool:
        """Whether sagas are unfinished there, running or left behind; a look that imports no engine."""
        with closing(_journal_at(where)) as journal:
            return bool(journal.list_unfinished())

    @staticmethod
    def describe_dead_letters(where: Path | PostgresAddress, attempts: int) -> Sequence[str]:
        """Sagas that no process takes up any more, in words, or only one more; a look that imports no engine."""
        with closing(_journal_at(where)) as journal:
            found = [each for each in journal.list_unfinished() if each.fruitless >= attempts - 1]
        return [f"{each.saga_id}, after {each.fruitless + 1} tries of {each.step!r}" for each in found]

    async def __aenter__(self) -> Self:
        """Show this process as alive and begin to adopt. Raises SettingsError when the folder keeps no locks."""
        self._presence = await anyio.to_thread.run_sync(self._owners.register)
        self._watcher = asyncio.create_task(self._watch_for_abandoned(), context=Context())
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
            await self._run_detached(self._start_or_adopt(kind, saga_id, dataset_id))
        if late.cancelled_caught:
            raise StoreUnavailableError(
                "The saga engine's database does not answer; what was begun goes on when it does."
            )

    async def wait(self, saga_id: str, seconds: float) -> bool:
        """Wait for the end of a saga, wherever it runs."""
        pause = _FIRST_POLL_S
        if await anyio.to_thread.run_sync(self._journal.has_ended, saga_id):
            return True
        with anyio.move_on_after(seconds):
            while True:
                if here := [task for task, each in self._running.items() if each.saga_id == saga_id]:
                    await asyncio.wait(here)
                else:
                    await anyio.sleep(pause)
                if await anyio.to_thread.run_sync(self._journal.has_ended, saga_id):
                    return True
                pause = min(pause * 1.5, _SLOWEST_POLL_S)
        return False

    async def resume(self) -> None:
        """Look once for sagas that dead processes left, and adopt them."""
        await self._run_detached(self._adopt_abandoned())

    async def launch(self) -> None:
        """Import and launch what runs sagas, for whoever would rather not wait for it at the first start."""
        await self._run_detached(self._launch())

    async def purge(self) -> None:
        """Forget sagas that ended long ago; also done whenever the engine is launched."""
        await self._purge(await self._launch())

    async def fetch_dead_letters(self) -> Sequence[DeadLetter]:
        """Sagas that are left alone, because so many processes died in the same step of them, and the last did."""
        return [
            await self._fetch_dead_letter(each)
            for each in await self._filter_abandoned(self._dead_letters_in(await self._list_unfinished()))
        ]

    async def discard_saga(self, saga_id: str) -> None:
        """Have a saga that is left alone never run again, and count as ended."""
        await self._run_detached(self._discard_saga(saga_id))

    async def _discard_saga(self, saga_id: str) -> None:
        await (await self._launch()).discard_saga(saga_id)

    def _dead_letters_in(self, found: Iterable[UnfinishedSaga]) -> Sequence[UnfinishedSaga]:
        """What is tried no more, once its last process is dead."""
        return [each for each in found if not each.queued and each.fruitless >= self._attempts - 1]

    async def _fetch_dead_letter(self, saga: UnfinishedSaga) -> DeadLetter:
        done = await anyio.to_thread.run_sync(self._journal.list_finished_steps, saga.saga_id)
        return DeadLetter(saga_id=saga.saga_id, step=saga.step, attempts=saga.fruitless + 1, done=tuple(done))

    async def _start_or_adopt(self, kind: str, saga_id: str, dataset_id: str) -> None:
        runtime = await self._launch()
        await runtime.start(kind, saga_id, dataset_id)
        await self._adopt_abandoned()  # it may be a dead process's

    async def _watch_for_abandoned(self) -> None:
        await anyio.to_thread.run_sync(self._owners.sweep)
        while True:
            try:
                await anyio.to_thread.run_sync(self._owners.renew)
                await self._adopt_abandoned()
            except Exception as error:  # noqa: BLE001
                # The watch goes on, whatever one look met.
                if str(error) not in self._reported:
                    self._reported.add(str(error))
                    known = isinstance(error, LifecycleError)
                    _log.error("adoption_failed", cause=str(error), exc_info=not known)
            await anyio.sleep(self._watch_s)

    async def _adopt_abandoned(self) -> None:
        if not await self._find_adoptable():
            return
        runtime = await self._launch()
        async with self._adoption_lock() as alone:
            # Looked at again, alone: what another process adopted a moment ago is no longer left.
            for saga in await self._find_adoptable() if alone else ():
                if not saga.queued:
                    await runtime.adopt(saga.kind, saga.saga_id)
                    _log.info("saga_adopted", saga_id=saga.saga_id, kind=saga.kind, former_owner=saga.owner)

    async def _find_adoptable(self) -> Sequence[UnfinishedSaga]:
        """What dead owners left, and what is queued for whoever has an engine launched."""
        found = await self._list_unfinished()
        await self._log_unknown_kinds(found)
        killers = self._dead_letters_in(found)
        for each in await self._filter_abandoned(
            each for each in killers if each.saga_id not in self._reported
        ):
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
        dead = {
            each.saga_id for each in await self._filter_abandoned(each for each in kept if not each.queued)
        }
        lost = self._find_lost(kept)
        return [each for each in kept if each.queued or each.saga_id in dead | lost]

    def _find_lost(self, found: Iterable[UnfinishedSaga]) -> set[str]:
        """What is ours and has not been running here for a while, because the engine could not record how it went."""
        ours = self._presence.owner if self._presence else ""
        running = {each.saga_id for each in self._running.values()}
        idle = {each.saga_id for each in found if each.owner == ours and not each.queued} - running
        now = anyio.current_time()
        self._idle_since = {each: self._idle_since.get(each, now) for each in idle}
        return {each for each, since in self._idle_since.items() if now - since >= _LOST_S}

    async def _log_unknown_kinds(self, found: Iterable[UnfinishedSaga]) -> None:
        """Say of each kind that only others know, of another release or another task, that what is left is theirs."""
        strange = [each for each in found if each.kind not in self._sagas and each.kind not in self._reported]
        for kind in sorted({each.kind for each in await self._filter_abandoned(strange)}):
            self._reported.add(kind)
            _log.info("sagas_left_to_others", kind=kind)

    async def _filter_abandoned(self, sagas: Iterable[UnfinishedSaga]) -> Sequence[UnfinishedSaga]:
        """Those whose owner is no more."""
        asked = list(sagas)
        living = await anyio.to_thread.run_sync(self._find_living_owners, {each.owner for each in asked})
        return [each for each in asked if each.owner not in living]

    def _find_living_owners(self, owners: Iterable[str]) -> set[str]:
        return {each for each in owners if self._owners.is_alive(each)}

    @asynccontextmanager
    async def _adoption_lock(self) -> AsyncIterator[bool]:
        """`Owners.adopting`, which may block, in threads."""
        turn = self._owners.adoption_lock()
        with anyio.CancelScope(shield=True):
            alone = await anyio.to_thread.run_sync(turn.__enter__)
        try:
            yield alone
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(turn.__exit__, None, None, None)

    async def _list_unfinished(self) -> Sequence[UnfinishedSaga]:
        return await anyio.to_thread.run_sync(self._journal.list_unfinished)

    async def _launch(self) -> DbosRuntime:
        async with self._launching:
            if self._runtime is None:
                load = await anyio.to_thread.run_sync(_load)
                await anyio.to_thread.run_sync(self._journal.prepare)
                if self._closing or self._presence is None:  # asked only now: importing takes its time
                    raise RuntimeError("The saga engine is not open.")
                bodies = {kind: partial(self._run_saga, kind, saga) for kind, saga in self._sagas.items()}
                database = self._where if not isinstance(self._where, Path) else self._where / "engine.sqlite"
                self._runtime = load(database, self._presence.owner, bodies)
            if not self._ready:
                await self._runtime.register_queues()
                await self._purge(self._runtime)
                self._ready = True
            return self._runtime

    async def _purge(self, runtime: DbosRuntime) -> None:
        for prefix, keep in self._keeping:
            before = int((self._now() - keep).timestamp() * 1000)
            look = partial(self._journal.list_finished_before, before, _PURGE_BATCH, prefix)
            while old := await anyio.to_thread.run_sync(look):
                await runtime.delete(old)
        await anyio.to_thread.run_sync(self._journal.purge_attempts)

    async def _run_saga(self, kind: str, saga: Saga, dataset_id: str, saga_id: str) -> None:
        """Run a saga, inside the workflow that records it."""
        runtime = self._runtime
        task = asyncio.current_task()
        if self._closing or runtime is None or task is None:
            raise asyncio.CancelledError  # taken from the queue too late: it stays unfinished, for the next process
        # A scope rather than the task is cancelled: it lets a step's worker thread come to its end.
        scope = anyio.CancelScope()
        self._running[task] = here = _RunningSaga(saga_id, scope)
        task.add_done_callback(self._running.pop)
        try:
            with scope:
                await saga(self._counting_perform(runtime, here), dataset_id, saga_id)
        except Exception:
            _log.exception("saga_broke", saga_id=saga_id, kind=kind, dataset_id=dataset_id)
            raise
        if scope.cancelled_caught:
            raise asyncio.CancelledError

    def _counting_perform(self, runtime: DbosRuntime, here: _RunningSaga) -> StepRunner:
        """How that saga does its steps; when it was adopted, the first that is not done yet is counted as tried."""
        first = True

        async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
            async def count_and_run() -> Json:
                nonlocal first
                if first:
                    first = False
                    with suppress(LifecycleError):  # at worst one attempt is not counted
                        if await anyio.to_thread.run_sync(self._journal.is_adopted, here.saga_id):
                            await anyio.to_thread.run_sync(self._journal.record_attempt, here.saga_id, step)
                            here.tried = True
                return await effect()

            return await runtime.perform(step, count_and_run)

        return perform

    async def _run_detached(self, work: Coroutine[Any, Any, object]) -> None:
        """Do this whatever becomes of the caller, and without what the caller's context carries."""
        task = asyncio.create_task(work, context=Context())
        self._begun.add(task)
        task.add_done_callback(self._forget_task)
        await asyncio.shield(task)

    def _forget_task(self, task: asyncio.Task[object]) -> None:
        self._begun.discard(task)
        if self._closing and not task.cancelled():
            task.exception()  # heard: who asked may have gone before, and what was not started is left to the next

    async def _close(self) -> None:
        deadline = anyio.current_time() + _STOP_S
        self._closing = True
        if self._runtime:
            self._runtime.begin_shutdown()
        self._watcher.cancel()
        self._begun.add(self._watcher)
        begun = await _wait_for_tasks(self._begun, deadline)
        running = dict(self._running)
        for each in running.values():
            each.scope.cancel()
        stopped = await _wait_for_tasks(running, deadline) and begun
        if self._runtime:
            with suppress(LifecycleError):  # at worst one attempt too many is counted
                left = [each.saga_id for each in running.values() if each.tried]
                await anyio.to_thread.run_sync(self._journal.decrement_attempts, left)
            left_s = max(0.0, deadline - anyio.current_time())
            stopped = await self._runtime.close(left_s + _DESTROY_S) and stopped
        # As long as anything of ours may still run, we are alive; then the lock goes with the process.
        if self._presence and stopped:
            await anyio.to_thread.run_sync(self._presence.release)
        elif self._presence:
            _unreleased_presences.append(self._presence)
        await anyio.to_thread.run_sync(self._journal.close)
        self._runtime = self._presence = None


async def _wait_for_tasks(tasks: Iterable[asyncio.Task[object]], deadline: float) -> bool:
    if waited := set(tasks):
        _, left = await asyncio.wait(waited, timeout=max(0.0, deadline - anyio.current_time()))
        return not left
    return True


def _load() -> type[DbosRuntime]:
    # It brings DBOS, which takes a second or two to import.
    from server.adapters.engine.dbos_runtime import DbosRuntime  # noqa: PLC0415

    return DbosRuntime
