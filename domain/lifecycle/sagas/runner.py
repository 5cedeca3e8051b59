"""Saga runner: starts sagas once, waits for them, cancels them, and restarts them after a process died."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from domain.audit import record_audit_entry
from domain.connectors import is_dataset_here, may_run_saga, require_dataset_here
from domain.errors import (
    NothingRunningError,
    PastNoReturnError,
    ProvisionRunningError,
    Recovery,
    TeardownInProgressError,
    UnknownDatasetError,
    require_present,
)
from domain.lifecycle.sagas.dead_letter import fail_dead_letter
from domain.lifecycle.sagas.store_retry import StoreWaits
from domain.model import ClockReading, DatasetStatus, Run
from domain.policy import current_progress, find_dataset_for_update, read_clock, require_scope, time_since
from domain.ports import DeadLetter, Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from domain.errors import StoreUnavailableError
    from domain.lifecycle.sagas.definition import SagaDefinition
    from domain.model import Dataset, Fingerprint, PendingCompensation, Principal, Progress
    from domain.ports import Clock, Engine, Store, UnitOfWork

T = TypeVar("T")
ProgressListener: TypeAlias = "Callable[[Progress], Awaitable[None]]"
_log: Final = logging.getLogger(__name__)
_POLL_INTERVAL_S: Final = 0.2


class SagaRunner:
    """Saga runner: starts the sagas of datasets that have a run, and waits for them without owning them.

    It starts none of a dataset that belongs to another platform than this process is configured for: a process with the
    settings of that platform does.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Clock,
        definitions: Sequence[SagaDefinition],
        *,
        here: Fingerprint,
        attempts: int = 10,
        finishes_runs: bool = False,
        waits: StoreWaits | None = None,
    ) -> None:
        """Work on that store, with that engine; `definitions` are the sagas that can be the run of a dataset.

        `here` is the platform that this process is configured for. A saga that ends without releasing its run is
        started `attempts` times in all before it is a dead letter. `finishes_runs` is whether a call finishes a run
        that nobody works on, in place of the refusal because of it.
        """
        self._finishes_runs = finishes_runs
        self._released = False
        self._here = here
        self._definitions = {each.kind: each for each in definitions}
        self._attempts = attempts
        self._store = store
        self._engine = engine
        self._clock = clock
        self._waits = waits or StoreWaits()
        self._react_to_stuck: Callable[[StoreUnavailableError], None] | None = None

    def react_to_stuck(self, react: Callable[[StoreUnavailableError], None]) -> None:
        """Call that from now on, at each look of a wait, while its saga waits for a person, such as for a full disk.

        What it raises ends the wait, for a caller with whom nobody looks on. The saga goes on when the cause is mended,
        here or in the next process.
        """
        self._react_to_stuck = react

    async def probe(self) -> None:
        """Check that a saga could be started now. Raises StoreFailedError."""
        await self._engine.probe()

    def require_dataset_here(self, uow: UnitOfWork, dataset: Dataset) -> None:
        """Require that this process may work on that dataset. Raises OtherPlatformError."""
        require_dataset_here(uow, self._here, dataset)

    async def ensure_running(self, dataset: Dataset) -> None:
        """Ensure that the saga of a dataset's run is running, also when the process that admitted it died.

        A saga that ended without releasing its run (its last write failed) is restarted under another id; after too
        many restarts it is a dead letter. A saga that only another release knows is left to that release.
        """
        run = dataset.run
        if run is None or not await self._store.read(lambda uow: is_dataset_here(uow, self._here, dataset)):
            return
        try:
            await self._engine.start(run.kind, run.saga_id, dataset.dataset_id)
        except LookupError:
            return
        if not await self._engine.wait(run.saga_id, 0):
            return
        begun = run.id.restart
        if begun >= self._attempts:
            await self._fail_dead_letter(DeadLetter(saga_id=run.saga_id, step="", attempts=begun))
            return
        again = run.restarted()

        def restart(uow: UnitOfWork) -> bool:
            stored = uow.datasets.get(dataset.dataset_id)
            if stored is None or stored.run != run:
                return False
            uow.datasets.put(stored.evolve(run=again))
            return True

        if await self._store.transact(restart):
            await self._engine.start(again.kind, again.saga_id, dataset.dataset_id)

    async def is_abandoned(self, dataset: Dataset) -> bool:
        """Whether the dataset has a run, and no living process works on it."""
        if dataset.run is None:
            return False
        return await self._engine.find_worker(dataset.run.saga_id) is Worker.NOBODY

    async def call_past_abandoned_runs(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call; when a run that nobody else works on refuses the call, finish that run here, and call again.

        Without `finishes_runs` the refusal is raised at once: then this process resumes such runs by itself. Raises
        what the call raises.
        """
        while True:
            try:
                return await call()
            except _RUN_REFUSALS as refusal:
                dataset_id = str(refusal.facts.get("dataset_id"))
                if not self._finishes_runs or not await self._finish_abandoned_run(dataset_id):
                    raise

    async def _finish_abandoned_run(self, dataset_id: str) -> bool:
        """Finish the dataset's run, unless another process works on it; return whether there was something to do.

        A dataset on another Glean than this process is configured for is left alone.
        """
        dataset = await self._store.read(partial(self._load_if_here, dataset_id))
        if dataset is None or dataset.run is None or dataset.run.kind not in self._definitions:
            return False
        if await self._engine.find_worker(dataset.run.saga_id) is Worker.OTHER_PROCESS:
            return False
        _log.warning("A process ended in the middle of work on %s. That is finished first.", dataset.name)
        await self.fail_dead_letters()
        await self.ensure_running(dataset)
        await self.wait(dataset_id, None)
        return True

    def _load_if_here(self, dataset_id: str, uow: UnitOfWork) -> Dataset | None:
        dataset = uow.datasets.get(dataset_id)
        return dataset if dataset is not None and is_dataset_here(uow, self._here, dataset) else None

    async def fail_dead_letters(self) -> None:
        """Fail every dead letter: release its dataset with the failure, and discard the saga."""
        for each in await self._engine.fetch_dead_letters():
            if each.kind in self._definitions and await self._store.read(partial(self._may_run, each)):
                await self._fail_dead_letter(each)
                await self._engine.discard_saga(each.saga_id)

    def _may_run(self, dead_letter: DeadLetter, uow: UnitOfWork) -> bool:
        return may_run_saga(uow, self._here, dead_letter.saga_id)

    async def _fail_dead_letter(self, dead_letter: DeadLetter) -> None:
        definition = self._definitions[dead_letter.kind]
        await self._store.transact(partial(fail_dead_letter, definition, dead_letter, self._clock.now()))
        self._store.report(dead_letter.dataset_id, None)

    async def resume(self, *, respect_backoff: bool = True) -> int:
        """Start every saga that is admitted and not running, and retry pending compensations; return their number.

        They are started in the order of their admission, in which those that wait for their turn then get it.

        Called when a process that runs sagas starts (then without `respect_backoff`, so that everything is tried at
        once), and regularly while it lives.
        """
        await self.fail_dead_letters()
        reading = read_clock(self._clock)

        def claim_compensations(uow: UnitOfWork) -> list[Dataset]:
            left = [each for each in uow.compensations.find() if not each.stopped]
            due = {each.dataset_id for each in left if not respect_backoff or _is_retry_due(each, reading)}
            for dataset_id in sorted(due):
                dataset = uow.datasets.get(dataset_id)
                if (
                    dataset
                    and dataset.run is None
                    and dataset.status not in _TEARDOWN_STATUSES
                    and is_dataset_here(uow, self._here, dataset)
                ):
                    tries = max(each.tries for each in uow.compensations.find(dataset_id))
                    run = Run.start("undo", dataset_id, f"{dataset.attempt}:{tries}", reading.at)
                    uow.datasets.put(dataset.evolve(run=run))
            return uow.datasets.list_running()

        pending = await self._store.transact(claim_compensations)
        for dataset in sorted(pending, key=_admitted_at):
            await self.ensure_running(dataset)
        return len(pending)

    async def wait(
        self, dataset_id: str, seconds: float | None, listener: ProgressListener | None = None
    ) -> tuple[Dataset, Progress | None]:
        """Wait until the dataset's run has ended, at most that long (None: as long as it takes).

        Returns the dataset, and its progress while it runs; at once after `release_waiters`. Raises what the reaction
        to a stuck saga raises. Cancelling the wait does not affect the saga.
        """
        until = None if seconds is None else self._clock.monotonic() + seconds
        reported: Progress | None = None
        while True:
            dataset, progress = await self._store.read(partial(_dataset_with_progress, dataset_id))
            if dataset is None:
                msg = f"There is no dataset {dataset_id!r}."
                raise UnknownDatasetError(msg, field="dataset_id")
            if dataset.run is None:
                return dataset, None
            if listener and progress and progress != reported:
                reported = progress
                await listener(progress)
            if self._react_to_stuck and (stuck := self._waits.needing_person(dataset.run.saga_id)):
                self._react_to_stuck(stuck)
            left = _POLL_INTERVAL_S if until is None else until - self._clock.monotonic()
            if left <= 0 or self._released:
                return dataset, progress
            if await self._engine.wait(dataset.run.saga_id, min(_POLL_INTERVAL_S, left)):
                settled = await self._store.read(lambda uow: uow.datasets.get(dataset_id))
                if settled and settled.run == dataset.run:
                    await self.ensure_running(settled)

    def release_waiters(self) -> None:
        """Have every wait return within a moment, and from now on at once, because this process ends."""
        self._released = True

    async def wait_until_idle(self) -> None:
        """Wait until there is no run on which this process works or which it would resume."""
        while await self._has_work():
            await self._clock.sleep(_POLL_INTERVAL_S)

    async def _has_work(self) -> bool:
        running = await self._store.read(lambda uow: uow.datasets.list_running())
        runs = [each.run for each in running if each.run and each.run.kind in self._definitions]
        return any(
            [await self._engine.find_worker(each.saga_id) is not Worker.OTHER_PROCESS for each in runs]
        )

    async def cancel(self, dataset_id: str, principal: Principal) -> Dataset:
        """Ask the dataset's saga to stop and compensate; it does so between two steps.

        A teardown that stopped before the disconnect is resumed, to give the dataset back.
        Raises UnknownDatasetError, NothingRunningError, or PastNoReturnError past a teardown's point of no return.
        """
        return await self.call_past_abandoned_runs(partial(self._cancel, dataset_id, principal))

    async def _cancel(self, dataset_id: str, principal: Principal) -> Dataset:
        await self.fail_dead_letters()
        now = self._clock.now()

        def request_cancel(uow: UnitOfWork) -> Dataset:
            before = find_dataset_for_update(uow, dataset_id, principal)
            self.require_dataset_here(uow, before)
            dataset = self._with_resumed_run(before, now)
            if dataset.run is None or not self._is_cancellable(dataset.run):
                msg = f"Nothing that can be cancelled is running on {dataset.name}; it is {dataset.status}."
                raise NothingRunningError(msg, field="dataset_id", dataset_id=dataset_id)
            require_scope(principal, f"cancel {dataset.run.kind}")
            if dataset.teardown and dataset.teardown.disconnecting:
                msg = f"{dataset.name} is disconnected already, so its teardown can no longer be cancelled."
                if before.stalled:
                    raise PastNoReturnError(
                        f"{msg} It has stopped.",
                        recovery=Recovery.CHOOSE_OTHER,
                        suggested_action="Call the teardown again: it continues from where it stopped.",
                        dataset_id=dataset_id,
                    )
                raise PastNoReturnError(msg, dataset_id=dataset_id)
            changed = dataset.evolve(run=replace(dataset.run, cancel_requested=True))
            if changed != before:
                uow.datasets.put(changed)
                record_audit_entry(uow, principal, "cancel requested", dataset=changed, of=dataset.run.kind)
            return changed

        dataset = await self._store.transact(request_cancel)
        await self.ensure_running(dataset)
        return dataset

    def _is_cancellable(self, run: Run) -> bool:
        definition = self._definitions.get(run.kind)
        return definition is not None and definition.cancellable

    def _with_resumed_run(self, dataset: Dataset, now: datetime) -> Dataset:
        for each in self._definitions.values():
            if each.resume is not None:
                dataset = each.resume(dataset, now)
        return dataset


_RUN_REFUSALS: Final = (ProvisionRunningError, TeardownInProgressError, NothingRunningError)
"""The refusals because of a dataset's run; each names the dataset."""
_QUICK_TRIES: Final = 6
_LONGEST_BACKOFF_S: Final = 300
_TEARDOWN_STATUSES: Final = frozenset({DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED})
"""The statuses in which a teardown takes care of pending compensations."""


def _dataset_with_progress(dataset_id: str, uow: UnitOfWork) -> tuple[Dataset | None, Progress | None]:
    dataset = uow.datasets.get(dataset_id)
    return dataset, current_progress(uow, dataset)


def _is_retry_due(pending: PendingCompensation, reading: ClockReading) -> bool:
    """Whether a compensation is tried again: after 5, 10, 20 … seconds, finally every five minutes.

    Also when nothing tells how long ago it failed.
    """
    passed = time_since(pending.tried or ClockReading(at=pending.since), reading)
    pause_s = 5 * 2 ** (pending.tries - 1) if pending.tries <= _QUICK_TRIES else _LONGEST_BACKOFF_S
    return passed is None or passed >= timedelta(seconds=pause_s)


def _admitted_at(dataset: Dataset) -> datetime:
    return require_present(dataset.run, "a running dataset has a run").started_at
