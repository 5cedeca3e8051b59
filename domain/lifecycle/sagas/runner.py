"""Saga runner: starts sagas once, waits for them, cancels them, and restarts them after a process died."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from domain.audit import record_audit_entry
from domain.errors import NothingRunningError, PastNoReturnError, UnknownDatasetError
from domain.lifecycle.sagas.dead_letter import fail_dead_letter
from domain.lifecycle.sagas.store_retry import StoreWaits
from domain.model import DatasetStatus, Run
from domain.policy import current_progress, find_dataset_for_update, require_scope
from domain.ports import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from domain.lifecycle.sagas.definition import SagaDefinition
    from domain.model import Dataset, PendingCompensation, Principal, Progress
    from domain.ports import Clock, Engine, Store, UnitOfWork

ProgressListener: TypeAlias = "Callable[[Progress], Awaitable[None]]"
_POLL_INTERVAL_S: Final = 0.2


class SagaRunner:
    """Saga runner: starts the sagas of datasets that have a run, and waits for them without owning them."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Clock,
        definitions: Sequence[SagaDefinition],
        *,
        attempts: int = 10,
        waits: StoreWaits | None = None,
    ) -> None:
        """Work on that store, with that engine; `definitions` are the sagas that can be the run of a dataset.

        A saga that ends without releasing its run is started `attempts` times in all before it is a dead letter.
        """
        self._definitions = {each.kind: each for each in definitions}
        self._attempts = attempts
        self._store = store
        self._engine = engine
        self._clock = clock
        self._waits = waits or StoreWaits()
        self._fails_when_stuck = False

    def fail_when_stuck(self) -> None:
        """End waits from now on when a saga itself waits for what only a person can mend, such as a full disk.

        For a caller with whom nobody would look on. The saga goes on when it is mended, here or in the next process.
        """
        self._fails_when_stuck = True

    async def probe(self) -> None:
        """Check that a saga could be started now. Raises StoreFailedError."""
        await self._engine.probe()

    async def ensure_running(self, dataset: Dataset) -> None:
        """Ensure that the saga of a dataset's run is running, also when the process that admitted it died.

        A saga that ended without releasing its run (its last write failed) is restarted under another id; after too
        many restarts it is a dead letter. A saga that only another release knows is left to that release.
        """
        run = dataset.run
        if run is None:
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

    async def fail_dead_letters(self) -> None:
        """Fail every dead letter: release its dataset with the failure, and discard the saga."""
        for each in await self._engine.fetch_dead_letters():
            if each.kind in self._definitions:
                await self._fail_dead_letter(each)
                await self._engine.discard_saga(each.saga_id)

    async def _fail_dead_letter(self, dead_letter: DeadLetter) -> None:
        definition = self._definitions[dead_letter.kind]
        await self._store.transact(partial(fail_dead_letter, definition, dead_letter, self._clock.now()))
        self._store.report(dead_letter.dataset_id, None)

    async def resume(self, *, respect_backoff: bool = True) -> int:
        """Start every saga that is admitted and not running, and retry pending compensations; return their number.

        Called when a process that runs sagas starts (then without `respect_backoff`, so that everything is tried at
        once), and regularly while it lives.
        """
        await self.fail_dead_letters()
        now = self._clock.now()

        def claim_compensations(uow: UnitOfWork) -> list[Dataset]:
            left = [each for each in uow.compensations.find() if not each.stopped]
            due = {each.dataset_id for each in left if not respect_backoff or _next_retry_at(each) <= now}
            for dataset_id in sorted(due):
                dataset = uow.datasets.get(dataset_id)
                if dataset and dataset.run is None and dataset.status not in _TEARDOWN_STATUSES:
                    tries = max(each.tries for each in uow.compensations.find(dataset_id))
                    run = Run.start("undo", dataset_id, f"{dataset.attempt}:{tries}", now)
                    uow.datasets.put(dataset.evolve(run=run))
            return uow.datasets.list_running()

        pending = await self._store.transact(claim_compensations)
        for dataset in pending:
            await self.ensure_running(dataset)
        return len(pending)

    async def wait(
        self, dataset_id: str, seconds: float | None, listener: ProgressListener | None = None
    ) -> tuple[Dataset, Progress | None]:
        """Wait until the dataset's run has ended, at most that long (None: as long as it takes).

        Returns the dataset, and its progress while it runs. Raises StoreUnavailableError after `fail_when_stuck`, for a
        saga that is stuck. Cancelling the wait does not affect the saga.
        """
        until = None if seconds is None else self._clock.now().timestamp() + seconds
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
            if self._fails_when_stuck and (stuck := self._waits.needing_person(dataset.run.saga_id)):
                raise stuck
            left = _POLL_INTERVAL_S if until is None else until - self._clock.now().timestamp()
            if left <= 0:
                return dataset, progress
            if await self._engine.wait(dataset.run.saga_id, min(_POLL_INTERVAL_S, left)):
                settled = await self._store.read(lambda uow: uow.datasets.get(dataset_id))
                if settled and settled.run == dataset.run:
                    await self.ensure_running(settled)

    async def cancel(self, dataset_id: str, principal: Principal) -> Dataset:
        """Ask the dataset's saga to stop and compensate; it does so between two steps.

        A teardown that stopped before the disconnect is resumed, to give the dataset back.
        Raises UnknownDatasetError, NothingRunningError, or PastNoReturnError past a teardown's point of no return.
        """
        await self.fail_dead_letters()
        now = self._clock.now()

        def request_cancel(uow: UnitOfWork) -> Dataset:
            before = find_dataset_for_update(uow, dataset_id, principal)
            dataset = self._with_resumed_run(before, now)
            if dataset.run is None or not self._is_cancellable(dataset.run):
                msg = f"Nothing that can be cancelled is running on {dataset.name}; it is {dataset.status}."
                raise NothingRunningError(msg, field="dataset_id")
            require_scope(principal, f"cancel {dataset.run.kind}")
            if dataset.teardown and dataset.teardown.disconnecting:
                msg = f"{dataset.name} is disconnected already, so its teardown can no longer be cancelled."
                raise PastNoReturnError(msg)
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


_QUICK_TRIES: Final = 6
_TEARDOWN_STATUSES: Final = frozenset({DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED})
"""The statuses in which a teardown takes care of pending compensations."""


def _dataset_with_progress(dataset_id: str, uow: UnitOfWork) -> tuple[Dataset | None, Progress | None]:
    dataset = uow.datasets.get(dataset_id)
    return dataset, current_progress(uow, dataset)


def _next_retry_at(pending: PendingCompensation) -> datetime:
    """When a compensation is tried next: after 5, 10, 20 … seconds, finally every five minutes."""
    quick = min(pending.tries, _QUICK_TRIES)
    return pending.since + timedelta(seconds=5 * (2**quick - 1) + 300 * (pending.tries - quick))
