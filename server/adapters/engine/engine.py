"""Durable saga engine: DBOS on SQLite or PostgreSQL, with locks that show which processes are dead."""

from __future__ import annotations

import asyncio
import math
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
from domain.ports import DeadLetter, Worker
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
# MCP clients kill a stdio server two seconds after they close its input: the sagas get the first part of that time to
# stop, the threads of DBOS the second.
_STOP_S: Final = 1.2
_DESTROY_S: Final = 0.6
_PURGE_BATCH: Final = 500
_SHORT_LIVED_RETENTION: Final = timedelta(days=1)
_ANSWER_S: Final = 30.0
_DEAD_AFTER_S: Final = 4.0
_REST_S: Final = 2.0
"""Seconds without a saga here after which DBOS is closed: launched, its polls take seven hundredths of a core."""
_RELEASE_S: Final = 1.0
_LOST_S: Final = 5.0
"""Seconds after which a saga of ours that has not ended and does not run here is started again."""
_PROBED_S: Final = 5.0
"""Seconds for which it counts that the database took something."""
_unreleased_presences: Final[list[Presence | PostgresPresence]] = []
"""Presences of engines whose sagas outlived them: these locks must be held until the process ends."""


def _journal_at(where: Path | PostgresAddress) -> Journal:
    if isinstance(where, Path):
        return SqliteJournal(where / "engine.sqlite")
    # Imported here: the PostgreSQL driver is needed only where there is a PostgreSQL.
    from server.adapters.engine.postgres_journal import PostgresJournal  # noqa: PLC0415

    return PostgresJournal(where)


def _liveness_at(where: Path | PostgresAddress, dead_after_s: float) -> FileLiveness | PostgresLiveness:
    if isinstance(where, Path):
        return FileLiveness(where / "owners")
    # Imported here for the same reason.
    from server.adapters.engine.postgres_liveness import PostgresLiveness  # noqa: PLC0415

    return PostgresLiveness(where, dead_after_s=dead_after_s)


@dataclass(slots=True)
class _RunningSaga:
    """A saga that runs here, with the scope that stops it. `tried`: an attempt was counted for its present step."""

    saga_id: str
    scope: anyio.CancelScope
    tried: bool = False


class DurableEngine:
    """The `SagaEngine` of one process on one data folder or database: an async context manager of the server's loop.

    While it is open, sagas of dead processes are adopted. On exit, the sagas that run here are stopped where they wait,
    and the next process continues them. A process may have only one engine that runs sagas. DBOS is launched when a
    saga is started or adopted, and closed when none has run here for a while: its threads poll as long as it is open.
    """

    # Its arguments are everything that a process decides about its engine.
    def __init__(  # noqa: PLR0913
        self,
        where: Path | PostgresAddress,
        sagas: Mapping[str, Saga],
        *,
        watch_s: float = 1.0,
        dead_after_s: float = _DEAD_AFTER_S,
        attempts: int = 10,
        may_run: Callable[[str], Awaitable[bool]] | None = None,
        keep: timedelta = timedelta(days=30),
        short_lived_prefixes: Sequence[str] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare to run `sagas`, by kind. A change to the steps of a saga that is in use needs a new kind.

        Args:
            where: the data folder, or the address of the database.
            sagas: the sagas by kind.
            watch_s: seconds between two searches for dead processes.
            dead_after_s: seconds without a lock after which a process on another machine counts as dead.
            attempts: how many processes in a row may die in the same step until the saga is a dead letter; 2 or more.
            may_run: whether this process may adopt the saga of an id; all of them by default.
            keep: how long ended sagas are remembered.
            short_lived_prefixes: prefixes of the ids of sagas that are remembered for a day only.
            now: the clock.
        """
        self._where = where
        self._sagas = sagas
        self._watch_s = watch_s
        self._attempts = attempts
        self._may_run = may_run
        self._retentions = [
            ("", keep),
            *((each, min(keep, _SHORT_LIVED_RETENTION)) for each in short_lived_prefixes),
        ]
        self._now = now
        self._journal = _journal_at(where)
        self._owners = _liveness_at(where, dead_after_s)
        self._presence: Presence | PostgresPresence | None = None
        self._runtime: DbosRuntime | None = None
        self._former: DbosRuntime | None = None
        self._ready = self._purged = False
        self._busy_at = 0.0
        self._launching = anyio.Lock()
        self._watcher: asyncio.Task[object]
        self._begun: set[asyncio.Task[object]] = set()
        self._running: dict[asyncio.Task[object], _RunningSaga] = {}
        self._closing = False
        self._reported: set[str] = set()
        self._idle_since: dict[str, float] = {}
        self._probed: float | None = None

    @staticmethod
    def has_unfinished_sagas(where: Path | PostgresAddress) -> bool:
        """Whether there are unfinished sagas, running or abandoned. Does not import DBOS."""
        with closing(_journal_at(where)) as journal:
            return bool(journal.list_unfinished())

    @staticmethod
    def list_worked_on(where: Path | PostgresAddress, saga_ids: Iterable[str]) -> set[str]:
        """Those sagas that living processes run, as far as their locks show now. Does not import DBOS."""
        with closing(_journal_at(where)) as journal:
            found = {each: journal.find_owner(each) for each in saga_ids}
        if not any(found.values()):
            return set()
        with closing(_liveness_at(where, _DEAD_AFTER_S)) as owners:
            return {saga_id for saga_id, owner in found.items() if owner and owners.is_lock_held(owner)}

    @staticmethod
    def describe_dead_letters(where: Path | PostgresAddress, attempts: int) -> Sequence[str]:
        """Descriptions of dead letters, and of sagas with one attempt left. Does not import DBOS."""
        with closing(_journal_at(where)) as journal:
            sagas = [each for each in journal.list_unfinished() if each.fruitless >= attempts - 1]
        return [f"{each.saga_id}, after {each.fruitless + 1} tries of {each.step!r}" for each in sagas]

    async def __aenter__(self) -> Self:
        """Register this process as alive and begin to adopt. Raises SettingsError when the folder supports no locks."""
        self._presence = await anyio.to_thread.run_sync(self._owners.register)
        self._watcher = asyncio.create_task(self._watch_for_abandoned(), context=Context())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self._close()

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Start the saga, or adopt it at once if its process is dead.

        It is done even if the caller is cancelled.

        Raises:
            LookupError: the kind is not known here.
            StoreFailedError: the engine's database failed.
            StoreUnavailableError: the engine's database did not answer for half a minute.
        """
        if kind not in self._sagas:
            raise LookupError(f"There is no saga of kind {kind!r}; the kinds are {sorted(self._sagas)}.")
        with anyio.move_on_after(_ANSWER_S) as late:
            await self._run_detached(self._start_or_adopt(kind, saga_id, dataset_id))
        if late.cancelled_caught:
            raise StoreUnavailableError(
                "The saga engine's database does not answer. Work that was begun continues when it does."
            )

    async def wait(self, saga_id: str, seconds: float) -> bool:
        """Wait for the end of a saga, wherever it runs; False when `seconds` have passed before."""
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

    async def find_worker(self, saga_id: str) -> Worker:
        """Find out who runs the saga. On PostgreSQL it takes some seconds to be sure that a process died."""
        owner = await anyio.to_thread.run_sync(self._journal.find_owner, saga_id)
        if owner is None:
            return Worker.NOBODY
        if self._presence is not None and owner == self._presence.owner:
            return Worker.THIS_PROCESS
        while await anyio.to_thread.run_sync(self._owners.is_alive, owner):
            if await anyio.to_thread.run_sync(self._owners.is_lock_held, owner):
                return Worker.OTHER_PROCESS
            await anyio.sleep(_SLOWEST_POLL_S)
        return Worker.NOBODY

    async def probe(self) -> None:
        """Check that a saga could be started now. Raises StoreFailedError.

        The engine's database is written to, at most once in a few seconds: whoever asks may ask often.
        """
        now = anyio.current_time()
        if self._probed is None or now - self._probed >= _PROBED_S:
            await anyio.to_thread.run_sync(self._journal.probe)
            self._probed = now

    async def resume(self) -> None:
        """Adopt the sagas of dead processes, once."""
        await self._run_detached(self._adopt_abandoned())

    async def launch(self) -> None:
        """Import and launch DBOS now, so that the first start does not wait for it."""
        await self._run_detached(self._launch())

    async def purge(self) -> None:
        """Delete the records of sagas that ended long ago; also done when DBOS is first launched."""
        await self._run_detached(self._purge_ended())

    async def _purge_ended(self) -> None:
        await self._purge(await self._launch())

    async def fetch_dead_letters(self) -> Sequence[DeadLetter]:
        """The dead letters: sagas in whose same step too many processes died in a row, the last one included."""
        return [
            await self._fetch_dead_letter(each)
            for each in await self._filter_abandoned(self._dead_letters_in(await self._list_unfinished()))
        ]

    async def discard_saga(self, saga_id: str) -> None:
        """Mark a dead letter as ended, so that it never runs again."""
        await self._run_detached(self._discard_saga(saga_id))

    async def _discard_saga(self, saga_id: str) -> None:
        await (await self._launch()).discard_saga(saga_id)

    def _dead_letters_in(self, sagas: Iterable[UnfinishedSaga]) -> Sequence[UnfinishedSaga]:
        """The sagas that get no further attempt once their last process is dead."""
        return [each for each in sagas if not each.queued and each.fruitless >= self._attempts - 1]

    async def _fetch_dead_letter(self, saga: UnfinishedSaga) -> DeadLetter:
        steps = await anyio.to_thread.run_sync(self._journal.list_finished_steps, saga.saga_id)
        return DeadLetter(
            saga_id=saga.saga_id, step=saga.step, attempts=saga.fruitless + 1, done=tuple(steps)
        )

    async def _start_or_adopt(self, kind: str, saga_id: str, dataset_id: str) -> None:
        runtime = await self._launch()
        await runtime.start(kind, saga_id, dataset_id)
        await self._adopt_abandoned()  # the id may be of a saga whose process is dead

    async def _watch_for_abandoned(self) -> None:
        await anyio.to_thread.run_sync(self._owners.sweep)
        while True:
            try:
                await anyio.to_thread.run_sync(self._owners.renew)
                await self._adopt_abandoned()
                await self._rest_when_idle()
            except Exception as error:  # noqa: BLE001
                # The watch must go on: without it no saga of a dead process is ever adopted. Each error is logged
                # once, since the next search a second later would meet the same.
                if str(error) not in self._reported:
                    self._reported.add(str(error))
                    known = isinstance(error, LifecycleError)
                    _log.error("adoption_failed", cause=str(error), exc_info=not known)
            await anyio.sleep(self._watch_s)

    async def _adopt_abandoned(self) -> None:
        if not await self._find_adoptable():
            return
        runtime = await self._launch()
        async with self._adoption_lock() as acquired:
            # Searched again under the lock: another process may have adopted some of them a moment ago.
            for saga in await self._find_adoptable() if acquired else ():
                if not saga.queued:
                    await runtime.adopt(saga.kind, saga.saga_id)
                    _log.info("saga_adopted", saga_id=saga.saga_id, kind=saga.kind, former_owner=saga.owner)

    async def _rest_when_idle(self) -> None:
        """Close DBOS when no saga has run here for a while; the next one launches it again."""
        if self._runtime is None:
            return
        if self._running or self._begun or await self._has_saga_to_run():
            self._busy_at = anyio.current_time()
            return
        # Shielded, because a half closed DBOS could not be launched again.
        with anyio.CancelScope(shield=True):
            async with self._launching:
                runtime = self._runtime
                idle_s = anyio.current_time() - self._busy_at
                if idle_s < _REST_S or not await runtime.release_executor(_RELEASE_S):
                    return
                if not (self._running or self._begun or self._closing):
                    self._runtime, self._former, self._ready = None, runtime, False
                    await runtime.close(math.inf)

    async def _has_saga_to_run(self) -> bool:
        """Whether a saga is this process's, or is queued for the first process that takes it."""
        ours = self._presence.owner if self._presence else ""
        return any(each.queued or each.owner == ours for each in await self._list_unfinished())

    async def _find_adoptable(self) -> Sequence[UnfinishedSaga]:
        """The sagas of dead owners, the queued sagas, and the sagas that this process lost."""
        unfinished = await self._list_unfinished()
        await self._log_unknown_kinds(unfinished)
        dead_letters = self._dead_letters_in(unfinished)
        for each in await self._filter_abandoned(
            each for each in dead_letters if each.saga_id not in self._reported
        ):
            self._reported.add(each.saga_id)
            _log.error(
                "saga_stranded",
                saga_id=each.saga_id,
                kind=each.kind,
                step=each.step,
                attempts=each.fruitless + 1,
            )
        excluded = {each.saga_id for each in dead_letters}
        candidates = [
            each for each in unfinished if each.kind in self._sagas and each.saga_id not in excluded
        ]
        dead = {
            each.saga_id
            for each in await self._filter_abandoned(each for each in candidates if not each.queued)
        }
        lost = self._find_lost(candidates)
        # A queued saga runs in a process that has launched DBOS, so this one has to launch it.
        adoptable = [each for each in candidates if each.queued or each.saga_id in dead | lost]
        if self._may_run is None:
            return adoptable
        return [each for each in adoptable if await self._may_run(each.saga_id)]

    def _find_lost(self, sagas: Iterable[UnfinishedSaga]) -> set[str]:
        """The ids of our sagas that have not run here for a while: DBOS could not record how they ended."""
        ours = self._presence.owner if self._presence else ""
        running = {each.saga_id for each in self._running.values()}
        idle = {each.saga_id for each in sagas if each.owner == ours and not each.queued} - running
        now = anyio.current_time()
        self._idle_since = {each: self._idle_since.get(each, now) for each in idle}
        return {each for each, since in self._idle_since.items() if now - since >= _LOST_S}

    async def _log_unknown_kinds(self, sagas: Iterable[UnfinishedSaga]) -> None:
        """Log once a kind whose abandoned sagas only processes of another release or task can adopt."""
        unknown = [each for each in sagas if each.kind not in self._sagas and each.kind not in self._reported]
        for kind in sorted({each.kind for each in await self._filter_abandoned(unknown)}):
            self._reported.add(kind)
            _log.info("sagas_left_to_others", kind=kind)

    async def _filter_abandoned(self, sagas: Iterable[UnfinishedSaga]) -> Sequence[UnfinishedSaga]:
        """The sagas whose owner is dead."""
        candidates = list(sagas)
        living = await anyio.to_thread.run_sync(self._find_living_owners, {each.owner for each in candidates})
        return [each for each in candidates if each.owner not in living]

    def _find_living_owners(self, owners: Iterable[str]) -> set[str]:
        return {each for each in owners if self._owners.is_alive(each)}

    @asynccontextmanager
    async def _adoption_lock(self) -> AsyncIterator[bool]:
        """The adoption lock, which may block, acquired and released in worker threads."""
        # Shielded: a cancelled wait would leave the lock taken with nobody to release it.
        lock = self._owners.adoption_lock()
        with anyio.CancelScope(shield=True):
            acquired = await anyio.to_thread.run_sync(lock.__enter__)
        try:
            yield acquired
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(lock.__exit__, None, None, None)

    async def _list_unfinished(self) -> Sequence[UnfinishedSaga]:
        return await anyio.to_thread.run_sync(self._journal.list_unfinished)

    async def _launch(self) -> DbosRuntime:
        async with self._launching:
            if self._runtime is None:
                load = await anyio.to_thread.run_sync(_load)
                await anyio.to_thread.run_sync(self._journal.prepare)
                if self._closing or self._presence is None:  # checked after the import, which takes a second
                    raise RuntimeError("The saga engine is not open.")
                bodies = {kind: partial(self._run_saga, kind, saga) for kind, saga in self._sagas.items()}
                database = self._where if not isinstance(self._where, Path) else self._where / "engine.sqlite"
                self._runtime = load(database, self._presence.owner, bodies)
                self._busy_at = anyio.current_time()
            if not self._ready:
                await self._runtime.register_queues()
                if not self._purged:
                    await self._purge(self._runtime)
                self._ready = self._purged = True
            return self._runtime

    async def _purge(self, runtime: DbosRuntime) -> None:
        for prefix, keep in self._retentions:
            before = int((self._now() - keep).timestamp() * 1000)
            list_batch = partial(self._journal.list_finished_before, before, _PURGE_BATCH, prefix)
            while old := await anyio.to_thread.run_sync(list_batch):
                await runtime.delete(old)
        await anyio.to_thread.run_sync(self._journal.purge_attempts)

    async def _run_saga(self, kind: str, saga: Saga, dataset_id: str, saga_id: str) -> None:
        """Run a saga inside its DBOS workflow."""
        runtime = self._runtime
        task = asyncio.current_task()
        if self._closing or runtime is None or task is None:
            raise asyncio.CancelledError  # came from the queue too late: it stays unfinished, for the next process
        # To stop it, the scope is cancelled and not the task: so a step's worker thread can finish its work.
        scope = anyio.CancelScope()
        self._running[task] = running = _RunningSaga(saga_id, scope)
        task.add_done_callback(self._running.pop)
        try:
            with scope:
                await saga(self._counting_perform(runtime, running), dataset_id, saga_id)
        except StoreUnavailableError as error:
            # What broke is told in the error's words; every saga that runs here would repeat the same traceback.
            self._log_interruption(error)
            raise
        except Exception:
            _log.exception("saga_broke", saga_id=saga_id, kind=kind, dataset_id=dataset_id)
            raise
        if scope.cancelled_caught:
            raise asyncio.CancelledError

    def _log_interruption(self, error: StoreUnavailableError) -> None:
        """Log once why sagas stop here, and that they are taken up again."""
        if error.message not in self._reported:
            self._reported.add(error.message)
            _log.error(
                "saga_interrupted", cause=error.message, then="it continues when the database can be used"
            )

    def _counting_perform(self, runtime: DbosRuntime, running: _RunningSaga) -> StepRunner:
        """The step runner of a saga. For an adopted saga it counts an attempt of the first step that is not done."""
        first = True

        async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
            async def count_and_run() -> Json:
                nonlocal first
                if first:
                    first = False
                    with suppress(LifecycleError):  # at worst one attempt is not counted
                        # Counted before the effect: a step that kills the process would never be counted after it.
                        if await anyio.to_thread.run_sync(self._journal.is_adopted, running.saga_id):
                            await anyio.to_thread.run_sync(
                                self._journal.record_attempt, running.saga_id, step
                            )
                            running.tried = True
                return await effect()

            return await runtime.perform(step, count_and_run)

        return perform

    async def _run_detached(self, work: Coroutine[Any, Any, object]) -> None:
        """Do the work even if the caller is cancelled, and without the caller's context variables."""
        task = asyncio.create_task(work, context=Context())
        self._begun.add(task)
        task.add_done_callback(self._forget_task)
        await asyncio.shield(task)

    def _forget_task(self, task: asyncio.Task[object]) -> None:
        self._begun.discard(task)
        if self._closing and not task.cancelled():
            # Retrieved, so that asyncio does not report it: the caller may be gone, and the next process does the rest.
            task.exception()

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
        # One that is being closed because nothing ran is waited for, too.
        if runtime := self._runtime or self._former:
            # These sagas did not kill this process, so their attempt must not count; at worst one too many does.
            with suppress(LifecycleError):
                stopped_ids = [each.saga_id for each in running.values() if each.tried]
                await anyio.to_thread.run_sync(self._journal.decrement_attempts, stopped_ids)
            left_s = max(0.0, deadline - anyio.current_time())
            stopped = await runtime.close(left_s + _DESTROY_S) and stopped
        # While a saga of ours may still run, nobody may adopt it: then the lock is held until the process ends.
        if self._presence and stopped:
            await anyio.to_thread.run_sync(self._presence.release)
        elif self._presence:
            _unreleased_presences.append(self._presence)
        await anyio.to_thread.run_sync(self._journal.close)
        self._runtime = self._former = self._presence = None


async def _wait_for_tasks(tasks: Iterable[asyncio.Task[object]], deadline: float) -> bool:
    if waited := set(tasks):
        _, left = await asyncio.wait(waited, timeout=max(0.0, deadline - anyio.current_time()))
        return not left
    return True


def _load() -> type[DbosRuntime]:
    # Imported here: DBOS takes a second or two to import.
    from server.adapters.engine.dbos_runtime import DbosRuntime  # noqa: PLC0415

    return DbosRuntime
