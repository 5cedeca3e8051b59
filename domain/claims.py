"""Whether a dataset is taken down.

The platform is observed, a person is asked where one must be, and one transaction decides: the rules run inside the
claim, on the rows of that transaction, after everything that took time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain import approvals, safety
from domain.errors import (
    ChangedMeanwhileError,
    ConfirmationRequiredError,
    LifecycleError,
    Recovery,
    from_code,
)
from domain.model import DatasetStatus, Teardown
from domain.requests import Question
from domain.running import changeable_dataset
from domain.teardown import blocks, observe, resumed, with_run

if TYPE_CHECKING:
    from domain.callers import Caller
    from domain.job import Outside
    from domain.model import Confirmation, Dataset, Failure, Progress, TeardownReason
    from domain.platform import Observation
    from domain.records import Records
    from domain.requests import Confirmer
    from domain.running import Listener, Sagas


@dataclass(frozen=True, slots=True, kw_only=True)
class TornDown:
    """A dataset as a teardown call leaves it."""

    dataset: Dataset
    progress: Progress | None = None


class Teardowns:
    """Claims datasets for their taking-down, or attaches to one that is going on."""

    def __init__(self, outside: Outside, sagas: Sagas, confirmer: Confirmer) -> None:
        """Work with these ports; a person is asked through `confirmer`, unless a call brings its own."""
        self._outside = outside
        self._sagas = sagas
        self._confirmer = confirmer

    async def start_or_attach(
        self,
        dataset_id: str,
        reason: TeardownReason,
        caller: Caller,
        confirmer: Confirmer | None = None,
        *,
        generation: int | None = None,
    ) -> TornDown:
        """Claim the dataset and start its teardown, go on with one that stopped, or attach to one that runs or is done.

        `generation` is the one that the caller decided on, None for whichever there is now. Raises the refusal that
        applies, with every check that forbids; then nothing was changed.
        """
        look = self._outside.store.read
        dataset = await look(lambda records: changeable_dataset(records, dataset_id, caller))
        if dataset.status not in {DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED}:
            _unchanged(dataset, generation)
            seen = await observe(self._outside, dataset)
            try:
                return await self._claimed(dataset, reason, caller, seen, None)
            except ConfirmationRequiredError as refusal:
                question = self._question(dataset, reason, caller)
                given = await (confirmer or self._confirmer).ask(question)
                if given is None:
                    raise refusal from None
            seen = await observe(self._outside, dataset)
            return await self._claimed(dataset, reason, caller, seen, given)
        return await self._resumed(dataset_id, caller)

    async def question(self, dataset_id: str, reason: TeardownReason, caller: Caller) -> Question | None:
        """What a person at the client can be asked before this teardown; None when that is not needed or not enough.

        Raises the refusal that applies whatever they would answer.
        """
        look, now = self._outside.store.read, self._outside.clock.now()
        dataset = await look(lambda records: changeable_dataset(records, dataset_id, caller))
        settled = dataset.status in {DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED}
        if settled or safety.needs_confirmation(dataset, reason) != "elicitation":
            return None
        seen = await observe(self._outside, dataset)
        teardown = Teardown(
            reason=reason, requester=caller.subject, former_status=dataset.status, started_at=now
        )
        await look(
            lambda records: safety.refuse(dataset, blocks(records, self._outside, dataset, seen, teardown))
        )
        return self._question(dataset, reason, caller)

    def _question(self, dataset: Dataset, reason: TeardownReason, caller: Caller) -> Question:
        return Question(
            dataset=dataset,
            reason=reason,
            requester=caller.subject,
            generation=dataset.generation,
            shown=approvals.shown(dataset, reason, self._outside.clock.now(), self._outside.policy),
        )

    async def wait(
        self, begun: TornDown, seconds: float | None, listener: Listener | None = None
    ) -> TornDown:
        """Wait for the end of what was begun, at most that long, and tell how it stands.

        Raises the error of the step that failed, or of the check that gave the dataset back.
        """
        dataset, progress = await self._sagas.wait(begun.dataset.dataset_id, seconds, listener)
        failure = dataset.teardown.failure if dataset.teardown else None
        if failure is not None and dataset.run is None:
            raise _failed(dataset, failure)
        return TornDown(dataset=dataset, progress=progress)

    async def _claimed(
        self,
        before: Dataset,
        reason: TeardownReason,
        caller: Caller,
        seen: Observation | LifecycleError | None,
        confirmation: Confirmation | None,
    ) -> TornDown:
        now = self._outside.clock.now()

        def claim(records: Records) -> Dataset:
            dataset = changeable_dataset(records, before.dataset_id, caller)
            if dataset.status in {DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED}:
                return dataset
            teardown = Teardown(
                reason=reason,
                requester=caller.subject,
                former_status=dataset.status,
                started_at=now,
                run=1 + (dataset.teardown.run if dataset.teardown else 0),
                confirmation=confirmation,
            )
            safety.refuse(dataset, blocks(records, self._outside, dataset, seen, teardown))
            safety.confirmed(dataset, reason, caller.subject, confirmation)
            _unchanged(dataset, before.generation)
            approvals.spend(records, confirmation, dataset, reason, caller.subject, now)
            claimed = with_run(dataset, teardown, now)
            records.put_dataset(claimed)
            return claimed

        dataset = await self._outside.store.transact(claim)
        await self._sagas.ensure(dataset)
        return TornDown(dataset=dataset)

    async def _resumed(self, dataset_id: str, caller: Caller) -> TornDown:
        now = self._outside.clock.now()

        def go_on(records: Records) -> Dataset:
            dataset = changeable_dataset(records, dataset_id, caller)
            again = resumed(dataset, now)
            if again is not dataset:
                records.put_dataset(again)
            return again

        dataset = await self._outside.store.transact(go_on)
        await self._sagas.ensure(dataset)
        return TornDown(dataset=dataset)


def _unchanged(dataset: Dataset, generation: int | None) -> None:
    if generation not in {None, dataset.generation}:
        raise ChangedMeanwhileError(
            f"{dataset.name} has changed since it was looked at: it is {dataset.status} by now.",
            dataset_id=dataset.dataset_id,
        )


def _failed(dataset: Dataset, failure: Failure) -> LifecycleError:
    given_back = dataset.status is not DatasetStatus.TEARDOWN
    how = f"it is {dataset.status} again" if given_back else "it goes on from there when called again"
    return from_code(
        failure.code,
        f"Taking down {dataset.name} stopped at the step {failure.step!r}; {how}. {failure.message}",
        recovery=Recovery(failure.recovery),
        suggested_action=failure.suggested_action,
        dataset_id=dataset.dataset_id,
        client_id=dataset.client_id,
        status=dataset.status.value,
        step=failure.step,
    )
