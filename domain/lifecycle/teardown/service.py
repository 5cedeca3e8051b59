"""Teardown service: claims datasets for teardown.

The platform is observed, a person is asked where that is required, and then one transaction decides: the rules run
inside the claim, on the rows of that transaction, after everything that takes time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.audit import record_audit_entry
from domain.connectors import require_dataset_here, require_home_platform
from domain.errors import (
    ConfirmationRequiredError,
    LifecycleError,
    Recovery,
    StaleDatasetError,
    StoreFailedError,
    error_from_code,
)
from domain.lifecycle.teardown.saga import (
    find_blocking_checks,
    observe_connector,
    teardown_findings,
    with_resumed_teardown,
    with_teardown_run,
)
from domain.lifecycle.teardown.waivers import find_required_waiver
from domain.model import ApprovalState, ConfirmationRequest, DatasetStatus, Journey, Teardown, Waiver
from domain.policy import (
    confirmation_facts,
    find_dataset_for_update,
    find_matching_approval,
    raise_if_blocked,
    read_clock,
    record_lapse,
    require_approval,
    require_confirmation,
    required_confirmation_kind,
    spend_grant,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from domain.lifecycle.sagas import ProgressListener, SagaRunner
    from domain.model import (
        Confirmation,
        ConfirmationKind,
        Confirmer,
        Dataset,
        Failure,
        LifecycleSettings,
        Principal,
        Progress,
        TeardownReason,
    )
    from domain.policy import RateLimiter
    from domain.ports import Clock, Observation, Platform, Staging, Store, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class TeardownResult:
    """Teardown result: the dataset after the call."""

    dataset: Dataset
    progress: Progress | None = None


class TeardownService:
    """Teardown service: claims datasets for teardown, or attaches to a running one."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        staging: Staging,
        platform: Platform,
        settings: LifecycleSettings,
        sagas: SagaRunner,
        confirmer: Confirmer,
        rates: RateLimiter,
    ) -> None:
        """Work with these ports; a person is asked through `confirmer`, unless a call brings its own."""
        self._store = store
        self._clock = clock
        self._staging = staging
        self._platform = platform
        self._settings = settings
        self._sagas = sagas
        self._confirmer = confirmer
        self._rates = rates

    async def start_or_attach(
        self,
        dataset_id: str,
        reason: TeardownReason,
        principal: Principal,
        confirmer: Confirmer | None = None,
        *,
        generation: int | None = None,
        abandon: bool = False,
        grant: Confirmation | None = None,
    ) -> TeardownResult:
        """Claim the dataset and start its teardown, resume one that stopped, or attach to one that runs or is done.

        `generation` is the one that the caller decided on, None for the current one. With `abandon` the teardown goes
        without a platform that cannot be reached, once a person has approved that waiver. With a `grant`, approved
        earlier for this claim, no person is asked. Raises the refusal that applies, with every check that forbids; then
        nothing was changed.
        """
        start = partial(
            self._start_or_attach,
            dataset_id,
            reason,
            principal,
            confirmer,
            generation=generation,
            abandon=abandon,
            grant=grant,
        )
        return await self._sagas.call_past_abandoned_runs(start)

    async def _start_or_attach(
        self,
        dataset_id: str,
        reason: TeardownReason,
        principal: Principal,
        confirmer: Confirmer | None,
        *,
        generation: int | None,
        abandon: bool,
        grant: Confirmation | None,
    ) -> TeardownResult:
        await self._sagas.fail_dead_letters()
        read = self._store.read
        dataset = await self._load_as_of_now(dataset_id, principal)
        if dataset.status in _CLAIMED_OR_ARCHIVED:
            return await self._resume_or_attach(dataset, principal, confirmer, abandon=abandon)
        _require_generation(dataset, generation)
        waiver = await self._find_required_waiver(dataset, abandon=abandon)
        request = self._build_confirmation_request(dataset, reason, principal, waiver)
        observation = await observe_connector(self._store, self._platform, dataset)
        try:
            return await self._claim(request, principal, observation, grant)
        except ConfirmationRequiredError as refusal:
            try:
                given = None if grant else await self._ask(request, confirmer)
            except StaleDatasetError:
                dataset = await read(lambda uow: find_dataset_for_update(uow, dataset_id, principal))
                if dataset.status not in _CLAIMED_OR_ARCHIVED:
                    raise
                return await self._resume_or_attach(dataset, principal, confirmer, abandon=abandon)
            if given is None:
                raise refusal from None
        observation = await observe_connector(self._store, self._platform, dataset)
        return await self._claim(request, principal, observation, given)

    async def _ask(self, request: ConfirmationRequest, confirmer: Confirmer | None) -> Confirmation | None:
        """Ask whoever this call brings, and where nobody answers there, as for a call that brings nobody."""
        given = await confirmer.ask(request) if confirmer else None
        return given or await self._confirmer.ask(request)

    async def preview(
        self, dataset_id: str, reason: TeardownReason, principal: Principal
    ) -> ConfirmationRequest | None:
        """What a person is shown before a teardown; None for a dataset whose teardown was claimed or is done.

        Raises the refusal that applies whatever a person would answer. Changes nothing, but finishes a run first that
        nobody works on.
        """
        return await self._sagas.call_past_abandoned_runs(
            partial(self._preview, dataset_id, reason, principal)
        )

    async def _preview(
        self, dataset_id: str, reason: TeardownReason, principal: Principal
    ) -> ConfirmationRequest | None:
        dataset = await self._load_as_of_now(dataset_id, principal)
        if dataset.status in _CLAIMED_OR_ARCHIVED:
            return None
        observation = await observe_connector(self._store, self._platform, dataset)
        teardown = Teardown(
            reason=reason,
            requester=principal.subject,
            former_status=dataset.status,
            started_at=self._clock.now(),
        )
        await self._store.read(lambda uow: self._raise_if_blocked(uow, dataset, observation, teardown))
        return self._build_confirmation_request(dataset, reason, principal)

    async def build_confirmation_request(
        self, dataset_id: str, reason: TeardownReason, principal: Principal
    ) -> ConfirmationRequest | None:
        """Build the request for a person at the client; None when no confirmation, or another kind, is needed.

        Nor is it built when somebody has decided already. Raises the refusal that applies whatever the person would
        answer.
        """
        read, now = self._store.read, self._clock.now()
        dataset = await self._load_as_of_now(dataset_id, principal)
        if (
            dataset.status in _CLAIMED_OR_ARCHIVED
            or self._required_confirmation_kind(dataset, reason) != "elicitation"
        ):
            return None
        observation = await observe_connector(self._store, self._platform, dataset)
        teardown = Teardown(
            reason=reason, requester=principal.subject, former_status=dataset.status, started_at=now
        )
        request = self._build_confirmation_request(dataset, reason, principal)

        def is_decided(uow: UnitOfWork) -> bool:
            self._raise_if_blocked(uow, dataset, observation, teardown)
            found = find_matching_approval(uow, request, now)
            return found is not None and found.state is not ApprovalState.OPEN

        return None if await read(is_decided) else request

    def _required_confirmation_kind(
        self, dataset: Dataset, reason: TeardownReason
    ) -> ConfirmationKind | None:
        return required_confirmation_kind(dataset, reason, at_sandbox=self._settings.sandbox_confirmation)

    def require_home(self, uow: UnitOfWork) -> None:
        """Require that this process may begin teardowns on its platform. Raises OtherPlatformError."""
        require_home_platform(uow, self._platform.location)

    async def _load_as_of_now(self, dataset_id: str, principal: Principal) -> Dataset:
        """Load the dataset, with a lapse of its journey's lease on record: it voids what was said before it.

        Raises OtherPlatformError for a dataset that is not archived and belongs to another platform than this process
        is configured for.
        """
        now = self._clock.now()

        def load(uow: UnitOfWork) -> tuple[Dataset, bool]:
            dataset = find_dataset_for_update(uow, dataset_id, principal)
            if dataset.live:
                require_dataset_here(uow, self._platform.location, dataset)
            journey = uow.journeys.get(dataset.client_id, dataset.journey_id)
            return dataset, isinstance(journey, Journey) and journey.has_lapsed(now) != journey.lapsed

        def record(uow: UnitOfWork) -> Dataset:
            record_lapse(uow, dataset.client_id, dataset.journey_id, now)
            return find_dataset_for_update(uow, dataset_id, principal)

        dataset, moved = await self._store.read(load)
        return await self._store.transact(record) if moved else dataset

    async def _find_required_waiver(self, dataset: Dataset, *, abandon: bool) -> Waiver:
        return await find_required_waiver(
            self._store, self._staging, self._platform, dataset, abandon=abandon
        )

    def _raise_if_blocked(
        self,
        uow: UnitOfWork,
        dataset: Dataset,
        observation: Observation | LifecycleError | None,
        teardown: Teardown,
    ) -> None:
        reading, settings = read_clock(self._clock), self._settings
        checks = find_blocking_checks(uow, dataset, observation, teardown, reading=reading, settings=settings)
        raise_if_blocked(dataset, checks)

    def _build_confirmation_request(
        self,
        dataset: Dataset,
        reason: TeardownReason,
        principal: Principal,
        waiver: Waiver = Waiver.NONE,
    ) -> ConfirmationRequest:
        now, policy = self._clock.now(), self._settings
        return ConfirmationRequest(
            dataset=dataset,
            reason=reason,
            requester=principal.subject,
            generation=dataset.generation,
            shown=confirmation_facts(dataset, reason, now, policy, waiver),
            concession=waiver,
            principal=principal,
        )

    async def wait(
        self, begun: TeardownResult, seconds: float | None, listener: ProgressListener | None = None
    ) -> TeardownResult:
        """Wait for the end of a teardown, at most that many seconds, and return its state then.

        Raises the error of the step that failed, or of the check that gave the dataset back.
        """
        dataset, progress = await self._sagas.wait(begun.dataset.dataset_id, seconds, listener)
        failure = dataset.teardown.failure if dataset.teardown else None
        if failure is not None and dataset.run is None:
            raise _teardown_failed_error(dataset, failure)
        return TeardownResult(dataset=dataset, progress=progress)

    async def _claim(
        self,
        request: ConfirmationRequest,
        principal: Principal,
        observation: Observation | LifecycleError | None,
        confirmation: Confirmation | None,
    ) -> TeardownResult:
        now, before = self._clock.now(), request.dataset
        reason, waiver = request.reason, request.concession

        def claim(uow: UnitOfWork) -> tuple[Dataset, bool]:
            record_lapse(uow, before.client_id, before.journey_id, now)
            dataset = find_dataset_for_update(uow, before.dataset_id, principal)
            if dataset.status in _CLAIMED_OR_ARCHIVED:
                return dataset, False
            teardown = Teardown(
                reason=reason,
                requester=principal.subject,
                former_status=dataset.status,
                started_at=now,
                run=1 + (dataset.teardown.run if dataset.teardown else 0),
                confirmation=confirmation,
                abandon_connector=waiver is Waiver.ABANDON_CONNECTOR,
            )
            self._raise_if_blocked(uow, dataset, observation, teardown)
            require_confirmation(
                dataset,
                reason,
                principal.subject,
                confirmation,
                waiver,
                at_sandbox=self._settings.sandbox_confirmation,
            )
            _require_generation(dataset, before.generation)
            spend_grant(uow, confirmation, dataset, reason, principal, now, waiver)
            claimed = with_teardown_run(dataset, teardown, now)
            uow.datasets.put(claimed)
            record_audit_entry(
                uow,
                principal,
                "teardown claimed",
                dataset=claimed,
                confirmation=confirmation,
                reason=reason.value,
                **teardown_findings(uow, dataset, observation, now),
            )
            return claimed, True

        dataset = await self._transact_within_rate_limit(claim, principal)
        await self._sagas.ensure_running(dataset)
        return TeardownResult(dataset=dataset)

    async def _transact_within_rate_limit(
        self, claim: Callable[[UnitOfWork], tuple[Dataset, bool]], principal: Principal
    ) -> Dataset:
        """Run the claim within the caller's rate limit. Only a teardown that was claimed counts."""
        use = await self._rates.count_teardown(principal)
        try:
            dataset, claimed = await self._store.transact(claim)
        except StoreFailedError:  # whether it was claimed is not known, so it counts
            raise
        except LifecycleError:
            await self._rates.refund(use)
            raise
        if not claimed:
            await self._rates.refund(use)
        return dataset

    async def _resume_or_attach(
        self, dataset: Dataset, principal: Principal, confirmer: Confirmer | None, *, abandon: bool
    ) -> TeardownResult:
        """Resume a teardown that stopped, with a person's approval of the waiver it needs; or attach."""
        request = confirmation = None
        if (stalled := dataset.stalled_teardown) is not None:
            waiver = await self._find_required_waiver(dataset, abandon=abandon)
            if waiver is not Waiver.NONE:
                request = self._build_confirmation_request(dataset, stalled.reason, principal, waiver)
                confirmation = await self._ask(request, confirmer)
        now = self._clock.now()

        def resume(uow: UnitOfWork) -> Dataset:
            record_lapse(uow, dataset.client_id, dataset.journey_id, now)
            stored = find_dataset_for_update(uow, dataset.dataset_id, principal)
            if request is not None and (stopped := stored.stalled_teardown) is not None:
                approval = _spend_waiver_approval(uow, stored, request, confirmation, principal, now)
                stored = stored.evolve(teardown=stopped.with_waiver(approval))
            again = with_resumed_teardown(stored, now)
            if again is not stored:
                uow.datasets.put(again)
                record_audit_entry(
                    uow, principal, "teardown resumed", dataset=again, confirmation=confirmation
                )
            return again

        found = await self._store.transact(resume)
        await self._sagas.ensure_running(found)
        return TeardownResult(dataset=found)


_CLAIMED_OR_ARCHIVED: Final = frozenset({DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED})
"""The statuses of a dataset whose teardown was claimed, or is done."""


def _spend_waiver_approval(
    uow: UnitOfWork,
    dataset: Dataset,
    request: ConfirmationRequest,
    confirmation: Confirmation | None,
    principal: Principal,
    now: datetime,
) -> Confirmation:
    """Spend the approval of a waiver, and return it. Raises ConfirmationRequiredError."""
    approval = require_approval(dataset, request.reason, request.requester, confirmation, request.concession)
    spend_grant(uow, approval, dataset, request.reason, principal, now, request.concession)
    return approval


def _require_generation(dataset: Dataset, generation: int | None) -> None:
    if generation not in {None, dataset.generation}:
        raise StaleDatasetError(
            f"{dataset.name} has changed since it was read: it is now {dataset.status}.",
            dataset_id=dataset.dataset_id,
        )


def _teardown_failed_error(dataset: Dataset, failure: Failure) -> LifecycleError:
    given_back = dataset.status is not DatasetStatus.TEARDOWN
    how = f"it is {dataset.status} again" if given_back else "the next call continues from there"
    return error_from_code(
        failure.code,
        f"Taking down {dataset.name} stopped at the step {failure.step!r}; {how}. {failure.message}",
        recovery=Recovery(failure.recovery),
        suggested_action=failure.suggested_action,
        dataset_id=dataset.dataset_id,
        client_id=dataset.client_id,
        status=dataset.status.value,
        step=failure.step,
    )
