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
    from collections.abc import Awaitable, Callable, Iterator

    from domain.callers import Caller
    from domain.errors import BlockingCheck
    from domain.model import Dataset, OrphanMark, Stage, Unreadable
    from domain.orphans import OrphanReason
    from domain.ports import Clock
    from domain.records import Records, Store
    from domain.requests import Approval

MAX_LIMIT: Final = 200
_MAX_AGE_DAYS: Final = 36_500
_LAST_SCAN: Final = "orphans.last_scan"
_BATCH: Final = 200
_CURSOR: Final = "orphans:"
_ALL: Final = DatasetQuery(statuses=LOOKED_AT, limit=_BATCH)


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
            limit=_BATCH,
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
        """Look at every dataset, mark and unmark, and count the grace: all of it in one transaction, or nothing."""
        now = self._clock.now()

        def work(records: Records) -> ScanResult:
            last = _last_scan(records)
            scan = _Scan(records=records, now=now, passed=now - last if last else timedelta(0))
            for dataset, journey in _unprotected(records, _ALL, now):
                scan.judge(dataset, journey)
            for dataset, journey in _marked(records):
                if isinstance(journey, Journey) and journey.at(now).protects(dataset.stage):
                    scan.judge(dataset, journey)
            records.put_fact(_LAST_SCAN, now.isoformat())
            found = scan.result()
            note(records, caller, "scanned", seen=found.seen, marked=found.marked, cleared=found.cleared)
            return found

        return await self._store.transact(work)

    async def due(self) -> SweepPlan:
        """What a sweep would take now, and what it leaves to a person (marked or unknown); writes nothing."""
        now = self._clock.now()

        def look(records: Records) -> SweepPlan:
            take: list[Dataset] = []
            leave: list[tuple[Dataset, BlockingCheck]] = []
            for dataset, journey in _unprotected(records, _ALL, now):
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
class _Scan:
    """One scan as it goes on, inside its transaction."""

    records: Records
    now: datetime
    passed: timedelta
    seen: int = 0
    marked: list[str] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def judge(self, dataset: Dataset, journey: Journey | Unreadable | None) -> None:
        """Give the dataset the mark that it has from now on, and tell what that changes."""
        if not looked_at(dataset):
            return
        if unknown(dataset, journey, self.now):
            self.unknown.append(dataset.dataset_id)
            return
        self.seen += orphan_reason(dataset, journey, self.now) is not None
        before, after = dataset.orphan, next_mark(dataset, journey, self.now, self.passed)
        if before == after:
            return
        self.records.put_dataset(dataset.evolve(orphan=after))
        anew = before is None or after is None or before.orphaned_at != after.orphaned_at
        if before and anew:
            self.cleared.append(dataset.dataset_id)
            self._tell(EventKind.ORPHAN_CLEARED, dataset, before)
        if after and anew:
            self.marked.append(dataset.dataset_id)
            self._tell(EventKind.ORPHANED, dataset, after)

    def _tell(self, kind: EventKind, dataset: Dataset, mark: OrphanMark) -> None:
        told = about(kind, dataset, self.now, reason=str(mark.reason), orphaned_at=instant(mark.orphaned_at))
        tell(self.records, told)

    def result(self) -> ScanResult:
        """What the scan did."""
        return ScanResult(
            seen=self.seen,
            marked=tuple(self.marked),
            cleared=tuple(self.cleared),
            unknown=tuple(self.unknown),
            scanned_at=self.now,
        )


def _unprotected(
    records: Records, query: DatasetQuery, now: datetime
) -> Iterator[tuple[Dataset, Journey | Unreadable | None]]:
    while page := records.unprotected(query, now):
        yield from page
        query = replace(query, after=page[-1][0].dataset_id)


def _visible(
    records: Records, query: DatasetQuery, now: datetime, caller: Caller
) -> Iterator[tuple[Dataset, Journey | Unreadable | None]]:
    """What the caller may see of it, in the order of the datasets' ids."""
    if query.client_id is not None or caller.clients is None:
        return _unprotected(records, query, now)
    each = (_unprotected(records, replace(query, client_id=one), now) for one in sorted(caller.clients))
    return merge(*each, key=lambda found: found[0].dataset_id)


def _marked(records: Records) -> Iterator[tuple[Dataset, Journey | Unreadable | None]]:
    query = replace(_ALL, marked=True)
    while page := records.with_journeys(query):
        yield from page
        query = replace(query, after=page[-1][0].dataset_id)


def _last_scan(records: Records) -> datetime | None:
    found = records.fact(_LAST_SCAN)
    return datetime.fromisoformat(str(found)) if found else None


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
