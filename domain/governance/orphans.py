"""Orphan service: lists orphans, marks them in scans, and takes them down in sweeps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from heapq import merge
from typing import TYPE_CHECKING, Any, Final

from domain.audit import publish_events, record_audit_entry
from domain.errors import InvalidArgumentError, LifecycleError, Recovery, format_timestamp
from domain.governance.orphan_facts import OrphanFacts, OrphanPage, ScanResult, SweepPlan, SweepResult
from domain.lifecycle import orphan_cleared_event, published_reason
from domain.model import Journey, Orphaned, build_event, dataset_facts, decode_cursor, encode_cursor
from domain.policy import (
    DAY,
    HUMAN_DECISION_REASONS,
    ORPHAN_SCAN_CLOCK,
    ORPHANABLE_STATUSES,
    SweepCaps,
    can_be_orphan,
    check_clock,
    check_orphan_teardown,
    check_protection,
    check_sweep,
    current_orphan_mark,
    find_client,
    load_clock_record,
    next_clock_record,
    next_orphan_mark,
    orphan_reason,
    read_clock,
    record_lapse,
    span_in_days,
    time_to_count,
    unknown_protection_reason,
)
from domain.ports import DatasetQuery, paginate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from datetime import datetime

    from domain.errors import BlockingCheck
    from domain.model import (
        Approval,
        ClockRecord,
        Dataset,
        Event,
        OrphanMark,
        OrphanReason,
        Principal,
        Stage,
        UnreadableRow,
    )
    from domain.ports import Clock, DatasetWithJourney, Store, UnitOfWork

MAX_LIMIT: Final = 200
_MAX_AGE_DAYS: Final = 36_500
_BATCH: Final = 500
_LISTING: Final = "orphans"


class OrphanService:
    """Orphan service: lists, marks and sweeps orphans."""

    def __init__(
        self, store: Store, clock: Clock, *, grace_days: float = 7, caps: SweepCaps | None = None
    ) -> None:
        """Work on that store, by that clock."""
        self._store = store
        self._clock = clock
        self._grace = timedelta(days=grace_days)
        self._caps = caps or SweepCaps()

    async def list(
        self,
        principal: Principal,
        *,
        client_id: str | None = None,
        stage: Stage | None = None,
        min_age_days: float = 7,
        limit: int = 50,
        cursor: str | None = None,
    ) -> OrphanPage:
        """The orphans that the caller may see and that are older than `min_age_days`. Writes nothing.

        Raises InvalidArgumentError and UnknownClientError.
        """
        reading = read_clock(self._clock)
        now = reading.at
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidArgumentError(f"limit must be 1 to {MAX_LIMIT}, not {limit}.", field="limit")
        query = DatasetQuery(
            client_id=client_id,
            stage=stage,
            statuses=ORPHANABLE_STATUSES,
            created_before=_created_before(min_age_days, now),
            after=decode_cursor(_LISTING, cursor),
            limit=limit + 1,
        )

        def load_page(uow: UnitOfWork) -> OrphanPage:
            if client_id is not None:
                find_client(uow, client_id, principal)
            scans, clock = load_clock_record(uow), check_clock(uow, reading)
            items: list[OrphanFacts] = []
            unknown: list[str] = []
            more = False
            for dataset, journey in _iterate_visible(uow, query, now, principal):
                reason = orphan_reason(dataset, journey, now)
                if len(items) == limit and reason:
                    more = True
                    break
                if reason:
                    facts = self._orphan_facts(dataset, journey, reason, now, scans)
                    items.append(
                        facts if clock is None or facts.blocking else replace(facts, blocking=(clock,))
                    )
                elif can_be_orphan(dataset) and unknown_protection_reason(dataset, journey, now):
                    unknown.append(dataset.dataset_id)
            return OrphanPage(
                items=tuple(items),
                unknown=tuple(unknown),
                next_cursor=encode_cursor(_LISTING, items[-1].dataset.dataset_id) if more else None,
                scanned_at=now,
            )

        return await self._store.read(load_page)

    async def scan(self, principal: Principal) -> ScanResult:
        """Scan every dataset, set and clear orphan marks, and count grace: completely, or not at all.

        The scan reads in a snapshot, so that no writer waits for it. The write transaction then reads and judges the
        datasets to change once more.
        """
        reading = read_clock(self._clock)
        now = reading.at

        def find_changes(uow: UnitOfWork) -> _ScanFindings:
            found, passed = _ScanFindings(now=now), time_to_count(load_clock_record(uow), reading)
            for dataset, journey in uow.datasets.stream_for_scan(ORPHANABLE_STATUSES, now):
                found.judge(dataset, journey, passed)
            return found

        found = await self._store.read(find_changes)

        def apply_marks(uow: UnitOfWork) -> ScanResult:
            for client_id, journey_id in sorted(found.lapses):
                record_lapse(uow, client_id, journey_id, now)
            before = load_clock_record(uow)
            changes = _MarkChanges(uow=uow, now=now, passed=time_to_count(before, reading))
            for first in range(0, len(found.to_change), _BATCH):
                changes.apply_marks(uow.datasets.list_with_journeys(found.to_change[first : first + _BATCH]))
            after = next_clock_record(before, reading)
            uow.settings.put(ORPHAN_SCAN_CLOCK, after)
            result = ScanResult(
                seen=found.seen,
                marked=tuple(changes.marked),
                cleared=tuple(changes.cleared),
                unknown=tuple(found.unknown),
                scanned_at=now,
                disagreement=after.disagreement,
            )
            doubt: dict[str, Any] = {"clock": after.disagreement.message} if after.disagreement else {}
            record_audit_entry(
                uow,
                principal,
                "scanned",
                seen=result.seen,
                marked=result.marked,
                cleared=result.cleared,
                **doubt,
            )
            return result

        return await self._store.transact(apply_marks)

    async def plan_sweep(self, at_most: int | None = None) -> SweepPlan:
        """Plan a sweep: what it would take down now, and what it leaves to a person. Writes nothing.

        With `at_most` the plan is only to be shown: it names so many of each and counts the others.
        """
        reading = read_clock(self._clock)
        now = reading.at

        def load_plan(uow: UnitOfWork) -> SweepPlan:
            eligible: list[Dataset] = []
            skipped: list[tuple[Dataset, BlockingCheck]] = []
            more_eligible = more_skipped = 0
            for dataset, journey in uow.datasets.stream_for_scan(ORPHANABLE_STATUSES, now):
                check = check_sweep(dataset, journey, now, self._grace)
                if check is None:
                    if at_most is None or len(eligible) < at_most:
                        eligible.append(dataset)
                    else:
                        more_eligible += 1
                elif check.recovery is Recovery.NEEDS_HUMAN and (
                    dataset.orphan or unknown_protection_reason(dataset, journey, now)
                ):
                    if at_most is None or len(skipped) < at_most:
                        skipped.append((dataset, check))
                    else:
                        more_skipped += 1
            clock = check_clock(uow, reading)
            due = len(eligible) + more_eligible
            return SweepPlan(
                eligible=tuple(eligible),
                skipped=tuple(skipped),
                refused=clock.what if clock else self._caps.sweep_refusal(due, uow.datasets.count_live()),
                clock=clock,
                more_eligible=more_eligible,
                more_skipped=more_skipped,
            )

        return await self._store.read(load_plan)

    async def sweep(
        self,
        teardown: Callable[[Dataset], Awaitable[object]],
        file: Callable[[Dataset], Awaitable[Approval]],
        ask: Callable[[SweepPlan], Awaitable[Approval | None]],
        *,
        apply: bool,
    ) -> SweepResult:
        """Take down eligible orphans, one after another. A dry run unless `apply`.

        Above the caps it takes none. While the clock is in doubt it takes none and asks nobody.

        `teardown` claims a dataset at its planned generation and runs every check again; its refusals are reported.
        `file` asks a person about each dataset that only needs an approval. `ask` asks about the whole list above the
        caps; it is called with every applied plan, because an earlier list may be void by now.
        """
        plan = await self.plan_sweep()
        if not apply or plan.clock:
            return SweepResult(plan=plan)
        asked = await ask(plan)
        if plan.refused:
            return SweepResult(plan=plan, asked=asked)
        requests = [await file(dataset) for dataset in plan.to_approve]
        taken: list[Dataset] = []
        failed: list[tuple[Dataset, LifecycleError]] = []
        for dataset in plan.eligible:
            try:
                await teardown(dataset)
            except LifecycleError as error:
                failed.append((dataset, error))
            else:
                taken.append(dataset)
        return SweepResult(plan=plan, taken=tuple(taken), failed=tuple(failed), requests=tuple(requests))

    def _orphan_facts(
        self,
        dataset: Dataset,
        journey: Journey | UnreadableRow | None,
        reason: OrphanReason,
        now: datetime,
        scans: ClockRecord | None,
    ) -> OrphanFacts:
        mark = current_orphan_mark(dataset)
        checks = (check_orphan_teardown(dataset, journey, now, self._grace), check_protection(dataset, now))
        return OrphanFacts(
            dataset=dataset,
            reason=reason,
            age_days=span_in_days(now - dataset.created_at),
            journey_state=journey.as_of(now).state if isinstance(journey, Journey) else None,
            orphaned_at=mark.orphaned_at if mark else None,
            eligible_at=self._estimated_eligible_at(mark, scans)
            if mark and reason not in HUMAN_DECISION_REASONS
            else None,
            blocking=tuple(check for check in checks if check),
        )

    def _estimated_eligible_at(self, mark: OrphanMark, scans: ClockRecord | None) -> datetime:
        left = max(self._grace - timedelta(seconds=mark.served), timedelta(0))
        return (scans.latest if scans else mark.orphaned_at) + left


@dataclass(kw_only=True)
class _ScanFindings:
    """Findings of a scan: the number of orphans, and the datasets that are not known or have to change."""

    now: datetime
    seen: int = 0
    unknown: list[str] = field(default_factory=list)
    to_change: list[str] = field(default_factory=list)
    lapses: set[tuple[str, str]] = field(default_factory=set)
    """The journeys whose lapse, or its end, is not on record yet."""

    def judge(self, dataset: Dataset, journey: Journey | UnreadableRow | None, passed: timedelta) -> None:
        """Judge one dataset, in a scan that may count the time `passed`."""
        if isinstance(journey, Journey) and journey.has_lapsed(self.now) != journey.lapsed:
            self.lapses.add((journey.client_id, journey.journey_id))
        if not can_be_orphan(dataset):
            return
        if unknown_protection_reason(dataset, journey, self.now):
            self.unknown.append(dataset.dataset_id)
            return
        self.seen += orphan_reason(dataset, journey, self.now) is not None
        if next_orphan_mark(dataset, journey, self.now, passed) != dataset.orphan:
            self.to_change.append(dataset.dataset_id)


@dataclass(kw_only=True)
class _MarkChanges:
    """Changes of a scan, inside its transaction."""

    uow: UnitOfWork
    now: datetime
    passed: timedelta
    marked: list[str] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)

    def apply_marks(self, page: Iterable[DatasetWithJourney]) -> None:
        """Set or clear the orphan mark of each dataset, and publish the changes."""
        changed: list[Dataset] = []
        events: list[Event] = []
        for dataset, journey in page:
            before, after = dataset.orphan, next_orphan_mark(dataset, journey, self.now, self.passed)
            if before == after:
                continue
            changed.append(dataset.evolve(orphan=after))
            anew = before is None or after is None or before.orphaned_at != after.orphaned_at
            if before and anew:
                self.cleared.append(dataset.dataset_id)
                events.append(orphan_cleared_event(dataset, before, self.now))
            if after and anew:
                self.marked.append(dataset.dataset_id)
                events.append(_orphaned_event(dataset, after, self.now))
        self.uow.datasets.put_orphan_marks(changed)
        publish_events(self.uow, *events)


def _orphaned_event(dataset: Dataset, mark: OrphanMark, now: datetime) -> Event:
    return build_event(
        Orphaned(
            **dataset_facts(dataset),
            reason=published_reason(mark),
            orphaned_at=format_timestamp(mark.orphaned_at),
        ),
        now,
    )


def _iterate_unprotected(uow: UnitOfWork, query: DatasetQuery, now: datetime) -> Iterator[DatasetWithJourney]:
    return paginate(
        lambda after: uow.datasets.list_unprotected(replace(query, after=after), now),
        lambda last: last[0].dataset_id,
        query.after,
    )


def _iterate_visible(
    uow: UnitOfWork, query: DatasetQuery, now: datetime, principal: Principal
) -> Iterator[DatasetWithJourney]:
    """The datasets of the query that the caller may see, in the order of their ids."""
    if query.client_id is not None or principal.clients is None:
        return _iterate_unprotected(uow, query, now)
    each = (
        _iterate_unprotected(uow, replace(query, client_id=one), now) for one in sorted(principal.clients)
    )
    return merge(*each, key=lambda found: found[0].dataset_id)


def _created_before(days: float, now: datetime) -> datetime | None:
    if not 0 <= days <= _MAX_AGE_DAYS:
        raise InvalidArgumentError(
            f"min_age_days must be 0 to {_MAX_AGE_DAYS}, not {days}.", field="min_age_days"
        )
    return now - days * DAY if days else None
