"""Orphans listed, marked by scans, and taken down by sweeps."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import merge
from typing import TYPE_CHECKING, Final

from domain.audit import note, tell
from domain.errors import InvalidArgumentError, LifecycleError, Recovery, instant
from domain.events import EventKind, about
from domain.model import Journey
from domain.orphan_facts import OrphanFacts, OrphanPage, ScanResult, SweepCaps, SweepPlan, SweepResult
from domain.orphans import (
    DAY,
    FOR_A_PERSON,
    LOOKED_AT,
    eligible,
    in_days,
    kept,
    looked_at,
    next_mark,
    orphan_reason,
    standing_mark,
    sweepable,
    unknown,
)
from domain.records import DatasetQuery
from domain.registry import known_client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from domain.callers import Caller
    from domain.errors import BlockingCheck
    from domain.events import Event
    from domain.model import Dataset, OrphanMark, Unreadable
    from domain.orphans import OrphanReason
    from domain.ports import Clock
    from domain.records import Owned, Records, Store
    from domain.requests import Approval
    from domain.vocabulary import Stage

MAX_LIMIT: Final = 200
_MAX_AGE_DAYS: Final = 36_500
_LAST_SCAN: Final = "orphans.last_scan"
_BATCH: Final = 500
_CURSOR: Final = "orphans:"


class Orphans:
    """Lists, marks and sweeps orphans."""

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
        caller: Caller,
        *,
        client_id: str | None = None,
        stage: Stage | None = None,
        min_age_days: float = 7,
        limit: int = 50,
        cursor: str | None = None,
    ) -> OrphanPage:
        """The orphans that the caller may see and that are older than `min_age_days`; writes nothing.

        Raises InvalidArgumentError and UnknownClientError.
        """
        now = self._clock.now()
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidArgumentError(f"limit must be 1 to {MAX_LIMIT}, not {limit}.", field="limit")
        query = DatasetQuery(
            client_id=client_id,
            stage=stage,
            statuses=LOOKED_AT,
            created_before=_older_than(min_age_days, now),
            after=_after(cursor),
            limit=limit + 1,
        )

        def look(records: Records) -> OrphanPage:
            if client_id is not None:
                known_client(records, client_id, caller)
            last_scan = _last_scan(records)
            items: list[OrphanFacts] = []
            untold: list[str] = []
            more = False
            for dataset, journey in _visible(records, query, now, caller):
                reason = orphan_reason(dataset, journey, now)
                if len(items) == limit and reason:
                    more = True
                    break
                if reason:
                    items.append(self._facts(dataset, journey, reason, now, last_scan))
                elif looked_at(dataset) and unknown(dataset, journey, now):
                    untold.append(dataset.dataset_id)
            return OrphanPage(
                items=tuple(items),
                unknown=tuple(untold),
                next_cursor=_cursor(items[-1].dataset.dataset_id) if more else None,
                scanned_at=now,
            )

        return await self._store.read(look)

    async def scan(self, caller: Caller) -> ScanResult:
        """Look at every dataset, mark and unmark, and count the grace: all of it, or nothing.

        Nobody who writes waits while it looks. What it found to change is read and judged again where it is changed.
        """
        now = self._clock.now()

        def look(records: Records) -> _Look:
            found, passed = _Look(now=now), _passed(records, now)
            for dataset, journey in records.to_scan(LOOKED_AT, now):
                found.judge(dataset, journey, passed)
            return found

        found = await self._store.read(look)

        def work(records: Records) -> ScanResult:
            changes = _Changes(records=records, now=now, passed=_passed(records, now))
            for first in range(0, len(found.to_change), _BATCH):
                changes.make(records.with_journeys(found.to_change[first : first + _BATCH]))
            records.put_fact(_LAST_SCAN, now.isoformat())
            result = ScanResult(
                seen=found.seen,
                marked=tuple(changes.marked),
                cleared=tuple(changes.cleared),
                unknown=tuple(found.unknown),
                scanned_at=now,
            )
            note(records, caller, "scanned", seen=result.seen, marked=result.marked, cleared=result.cleared)
            return result

        return await self._store.transact(work)

    async def due(self) -> SweepPlan:
        """What a sweep would take now, and what it leaves to a person (marked or unknown); writes nothing."""
        now = self._clock.now()

        def look(records: Records) -> SweepPlan:
            take: list[Dataset] = []
            leave: list[tuple[Dataset, BlockingCheck]] = []
            for dataset, journey in records.to_scan(LOOKED_AT, now):
                check = sweepable(dataset, journey, now, self._grace)
                if check is None:
                    take.append(dataset)
                elif check.recovery is Recovery.NEEDS_HUMAN and (
                    dataset.orphan or unknown(dataset, journey, now)
                ):
                    leave.append((dataset, check))
            refused = self._caps.refuse(len(take), records.count_live())
            return SweepPlan(eligible=tuple(take), skipped=tuple(leave), refused=refused)

        return await self._store.read(look)

    async def sweep(
        self,
        teardown: Callable[[Dataset], Awaitable[object]],
        file: Callable[[Dataset], Awaitable[Approval]],
        ask: Callable[[SweepPlan], Awaitable[Approval | None]],
        *,
        apply: bool,
    ) -> SweepResult:
        """Take down what is due, one after another: a dry run unless `apply`, and nothing at all beyond the caps.

        `teardown` claims the dataset at the generation it is given with and runs every check again; what it refuses is
        kept beside what was taken. `file` asks a person about each that only needs an approval, and `ask` about all at
        once beyond the caps; it hears of every plan that is applied, for what it asked before may be void.
        """
        plan = await self.due()
        if not apply:
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

    def _facts(
        self,
        dataset: Dataset,
        journey: Journey | Unreadable | None,
        reason: OrphanReason,
        now: datetime,
        last_scan: datetime | None,
    ) -> OrphanFacts:
        mark = standing_mark(dataset)
        checks = (eligible(dataset, journey, now, self._grace), kept(dataset, now))
        return OrphanFacts(
            dataset=dataset,
            reason=reason,
            age_days=in_days(now - dataset.created_at),
            journey_state=journey.at(now).state if isinstance(journey, Journey) else None,
            orphaned_at=mark.orphaned_at if mark else None,
            eligible_at=self._estimate(mark, last_scan) if mark and reason not in FOR_A_PERSON else None,
            blocking=tuple(check for check in checks if check),
        )

    def _estimate(self, mark: OrphanMark, last_scan: datetime | None) -> datetime:
        left = max(self._grace - timedelta(seconds=mark.served), timedelta(0))
        return (last_scan or mark.orphaned_at) + left


@dataclass(kw_only=True)
class _Look:
    """What a scan sees: how many orphans, and which datasets it cannot judge or has to change."""

    now: datetime
    seen: int = 0
    unknown: list[str] = field(default_factory=list)
    to_change: list[str] = field(default_factory=list)

    def judge(self, dataset: Dataset, journey: Journey | Unreadable | None, passed: timedelta) -> None:
        """Look at one dataset, `passed` after the scan before."""
        if not looked_at(dataset):
            return
        if unknown(dataset, journey, self.now):
            self.unknown.append(dataset.dataset_id)
            return
        self.seen += orphan_reason(dataset, journey, self.now) is not None
        if next_mark(dataset, journey, self.now, passed) != dataset.orphan:
            self.to_change.append(dataset.dataset_id)


@dataclass(kw_only=True)
class _Changes:
    """What a scan changes, inside its transaction."""

    records: Records
    now: datetime
    passed: timedelta
    marked: list[str] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)

    def make(self, page: Iterable[Owned]) -> None:
        """Give each dataset the mark that it has from now on, and tell what that changes."""
        changed: list[Dataset] = []
        events: list[Event] = []
        for dataset, journey in page:
            before, after = dataset.orphan, next_mark(dataset, journey, self.now, self.passed)
            if before == after:
                continue
            changed.append(dataset.evolve(orphan=after))
            anew = before is None or after is None or before.orphaned_at != after.orphaned_at
            if before and anew:
                self.cleared.append(dataset.dataset_id)
                events.append(self._about(EventKind.ORPHAN_CLEARED, dataset, before))
            if after and anew:
                self.marked.append(dataset.dataset_id)
                events.append(self._about(EventKind.ORPHANED, dataset, after))
        self.records.put_marks(changed)
        tell(self.records, *events)

    def _about(self, kind: EventKind, dataset: Dataset, mark: OrphanMark) -> Event:
        return about(kind, dataset, self.now, reason=str(mark.reason), orphaned_at=instant(mark.orphaned_at))


def _unprotected(records: Records, query: DatasetQuery, now: datetime) -> Iterator[Owned]:
    while page := records.unprotected(query, now):
        yield from page
        query = replace(query, after=page[-1][0].dataset_id)


def _visible(records: Records, query: DatasetQuery, now: datetime, caller: Caller) -> Iterator[Owned]:
    """What the caller may see of it, in the order of the datasets' ids."""
    if query.client_id is not None or caller.clients is None:
        return _unprotected(records, query, now)
    each = (_unprotected(records, replace(query, client_id=one), now) for one in sorted(caller.clients))
    return merge(*each, key=lambda found: found[0].dataset_id)


def _last_scan(records: Records) -> datetime | None:
    found = records.fact(_LAST_SCAN)
    return datetime.fromisoformat(str(found)) if found else None


def _passed(records: Records, now: datetime) -> timedelta:
    last = _last_scan(records)
    return now - last if last else timedelta(0)


def _older_than(days: float, now: datetime) -> datetime | None:
    if not 0 <= days <= _MAX_AGE_DAYS:
        raise InvalidArgumentError(
            f"min_age_days must be 0 to {_MAX_AGE_DAYS}, not {days}.", field="min_age_days"
        )
    return now - days * DAY if days else None


def _cursor(dataset_id: str) -> str:
    return urlsafe_b64encode(f"{_CURSOR}{dataset_id}".encode()).decode().rstrip("=")


def _after(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        text = ""
    if not text.startswith(_CURSOR) or _cursor(text.removeprefix(_CURSOR)) != cursor:
        raise InvalidArgumentError(
            "cursor is not one that list_orphans gave.",
            field="cursor",
            suggested_action="Pass next_cursor as it came, or leave it out to begin again.",
        )
    return text.removeprefix(_CURSOR)
