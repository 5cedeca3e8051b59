"""Whether a dataset is taken down.

The platform is observed, a person is asked where one must be, and one transaction decides: the rules run inside the
claim, on the rows of that transaction, after everything that took time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain import approvals, safety
from domain.audit import note
from domain.conceding import to_concede
from domain.errors import (
    ChangedMeanwhileError,
    ConfirmationRequiredError,
    LifecycleError,
    Recovery,
    StoreFailedError,
    from_code,
)
from domain.model import Teardown
from domain.requests import Question
from domain.running import changeable_dataset
from domain.teardown import blocks, grounds, observe, resumed, with_run
from domain.vocabulary import Concession, DatasetStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from domain.callers import Caller
    from domain.job import Outside
    from domain.model import Confirmation, Dataset, Failure, Progress
    from domain.platform import Observation
    from domain.rates import Rates
    from domain.records import Records
    from domain.requests import Confirmer
    from domain.running import Listener, Sagas
    from domain.vocabulary import TeardownReason


@dataclass(frozen=True, slots=True, kw_only=True)
class TornDown:
    """A dataset as a teardown call leaves it."""

    dataset: Dataset
    progress: Progress | None = None


class Teardowns:
    """Claims datasets for their taking-down, or attaches to one that is going on."""

    def __init__(self, outside: Outside, sagas: Sagas, confirmer: Confirmer, rates: Rates) -> None:
        """Work with these ports; a person is asked through `confirmer`, unless a call brings its own."""
        self._rates = rates
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
        abandon: bool = False,
        grant: Confirmation | None = None,
    ) -> TornDown:
        """Claim the dataset and start its teardown, go on with one that stopped, or attach to one that runs or is done.

        `generation` is the one that the caller decided on, None for whichever there is now. With `abandon` it goes on
        without a platform that has gone, once a person has approved just that. A `grant` is what was approved for this
        claim before; then nobody is asked. Raises the refusal that applies, with every check that forbids; then nothing
        was changed.
        """
        await self._sagas.relieve()
        look = self._outside.store.read
        dataset = await look(lambda records: changeable_dataset(records, dataset_id, caller))
        if dataset.status in _SETTLED:
            return await self._gone_on(dataset, caller, confirmer, abandon=abandon)
        _unchanged(dataset, generation)
        concession = await to_concede(self._outside, dataset, abandon=abandon)
        question = self._question(dataset, reason, caller, concession)
        seen = await observe(self._outside, dataset)
        try:
            return await self._claimed(question, caller, seen, grant)
        except ConfirmationRequiredError as refusal:
            try:
                given = None if grant else await (confirmer or self._confirmer).ask(question)
            except ChangedMeanwhileError:
                dataset = await look(lambda records: changeable_dataset(records, dataset_id, caller))
                if dataset.status not in _SETTLED:
                    raise
                return await self._gone_on(dataset, caller, confirmer, abandon=abandon)
            if given is None:
                raise refusal from None
        seen = await observe(self._outside, dataset)
        return await self._claimed(question, caller, seen, given)

    async def question(self, dataset_id: str, reason: TeardownReason, caller: Caller) -> Question | None:
        """What a person at the client can be asked before this teardown; None when that is not needed or not enough.

        Raises the refusal that applies whatever they would answer.
        """
        look, now = self._outside.store.read, self._outside.clock.now()
        dataset = await look(lambda records: changeable_dataset(records, dataset_id, caller))
        if dataset.status in _SETTLED or safety.needs_confirmation(dataset, reason) != "elicitation":
            return None
        seen = await observe(self._outside, dataset)
        teardown = Teardown(
            reason=reason, requester=caller.subject, former_status=dataset.status, started_at=now
        )
        await look(
            lambda records: safety.refuse(dataset, blocks(records, self._outside, dataset, seen, teardown))
        )
        return self._question(dataset, reason, caller)

    def _question(
        self,
        dataset: Dataset,
        reason: TeardownReason,
        caller: Caller,
        concession: Concession = Concession.NONE,
    ) -> Question:
        now, policy = self._outside.clock.now(), self._outside.policy
        return Question(
            dataset=dataset,
            reason=reason,
            requester=caller.subject,
            generation=dataset.generation,
            shown=approvals.shown(dataset, reason, now, policy, concession),
            concession=concession,
            caller=caller,
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
        question: Question,
        caller: Caller,
        seen: Observation | LifecycleError | None,
        confirmation: Confirmation | None,
    ) -> TornDown:
        now, before = self._outside.clock.now(), question.dataset
        reason, concession = question.reason, question.concession

        def claim(records: Records) -> tuple[Dataset, bool]:
            dataset = changeable_dataset(records, before.dataset_id, caller)
            if dataset.status in _SETTLED:
                return dataset, False
            teardown = Teardown(
                reason=reason,
                requester=caller.subject,
                former_status=dataset.status,
                started_at=now,
                run=1 + (dataset.teardown.run if dataset.teardown else 0),
                confirmation=confirmation,
                abandon_connector=concession is Concession.ABANDON_CONNECTOR,
            )
            safety.refuse(dataset, blocks(records, self._outside, dataset, seen, teardown))
            safety.confirmed(dataset, reason, caller.subject, confirmation, concession)
            _unchanged(dataset, before.generation)
            approvals.spend(records, confirmation, dataset, reason, caller.subject, now, concession)
            claimed = with_run(dataset, teardown, now)
            records.put_dataset(claimed)
            note(
                records,
                caller,
                "teardown claimed",
                dataset=claimed,
                confirmation=confirmation,
                reason=reason.value,
                **grounds(records, dataset, seen, now),
            )
            return claimed, True

        dataset = await self._within_rates(claim, caller)
        await self._sagas.ensure(dataset)
        return TornDown(dataset=dataset)

    async def _within_rates(
        self, claim: Callable[[Records], tuple[Dataset, bool]], caller: Caller
    ) -> Dataset:
        """The dataset as the claim leaves it. Only what was claimed counts as a teardown of the caller's."""
        use = await self._rates.teardown(caller)
        try:
            dataset, claimed = await self._outside.store.transact(claim)
        except StoreFailedError:  # whether it was claimed is not known, so it counts
            raise
        except LifecycleError:
            await self._rates.give_back(use)
            raise
        if not claimed:
            await self._rates.give_back(use)
        return dataset

    async def _gone_on(
        self, dataset: Dataset, caller: Caller, confirmer: Confirmer | None, *, abandon: bool
    ) -> TornDown:
        """Go on with a teardown that stopped, with a person's word for what it cannot go on without; or attach."""
        question = given = None
        if dataset.teardown is not None and dataset.stalled:
            concession = await to_concede(self._outside, dataset, abandon=abandon)
            if concession is not Concession.NONE:
                question = self._question(dataset, dataset.teardown.reason, caller, concession)
                given = await (confirmer or self._confirmer).ask(question)
        now = self._outside.clock.now()

        def go_on(records: Records) -> Dataset:
            held = changeable_dataset(records, dataset.dataset_id, caller)
            if question is not None and held.stalled:
                held = self._conceded(records, held, question, given, now)
            again = resumed(held, now)
            if again is not held:
                records.put_dataset(again)
                note(records, caller, "teardown resumed", dataset=again, confirmation=given)
            return again

        found = await self._outside.store.transact(go_on)
        await self._sagas.ensure(found)
        return TornDown(dataset=found)

    def _conceded(
        self,
        records: Records,
        dataset: Dataset,
        question: Question,
        given: Confirmation | None,
        now: datetime,
    ) -> Dataset:
        """The dataset with its teardown allowed to go without. Raises ConfirmationRequiredError."""
        asked = (question.reason, question.requester)
        safety.confirmed(dataset, *asked, given, question.concession)
        approvals.spend(records, given, dataset, *asked, now, question.concession)
        assert given is not None and dataset.teardown is not None  # noqa: S101, PT018 - no concession without a word
        return dataset.evolve(teardown=dataset.teardown.conceding(given))


_SETTLED: Final = frozenset({DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED})
"""What is claimed already, or done."""


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
