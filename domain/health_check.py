"""The use case that looks at connectors and answers: how each is, and what differs from our records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.conceding import abandoned
from domain.connectors import DriftItem, drift, found_of, left_behind
from domain.errors import (
    InvalidArgumentError,
    PlatformError,
    PlatformLateError,
    PlatformMismatchError,
    UnknownConnectorError,
)
from domain.health import SYNC_DEADLINE, Health, unobserved, verdict
from domain.identifiers import nearest
from domain.model import Connector, Dataset, Mark
from domain.registry import known_client
from domain.running import known_dataset
from domain.vocabulary import ConnectorStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from domain.callers import Caller
    from domain.model import Fingerprint
    from domain.platform import Found, Observation, Watched
    from domain.ports import Clock
    from domain.records import Records, Store

DAY: Final = timedelta(hours=24)
MOST: Final = 200
_BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorHealth:
    """One connector, its dataset (None when our records of it are broken), and how it is.

    `late` when that is not known, because Glean did not answer in the time that there was.
    """

    connector: Connector
    dataset: Dataset | None
    health: Health
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPage:
    """A page of connectors in the order of `connector_id`; the drift comes with the first page.

    Where the platform has no list of its own, each page has the drift of its connectors.
    """

    items: tuple[ConnectorHealth, ...]
    drift: tuple[DriftItem, ...] = ()
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    connector: Connector
    dataset: Dataset | None
    own_errors: int

    @property
    def documents(self) -> int | None:
        content = self.dataset.content if self.dataset else None
        return content.record_count if content else None

    @property
    def run(self) -> str | None:
        """What it must serve; not known while a saga works on it."""
        return self.connector.run if self.dataset and self.dataset.run is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """What one call is about: everything that the caller may see, or one selector's part of it."""

    caller: Caller
    connector_id: str | None
    dataset_id: str | None
    client_id: str | None

    @property
    def whole(self) -> bool:
        return self.connector_id is None and self.dataset_id is None and self.client_id is None

    def has(self, item: DriftItem) -> bool:
        """Whether a difference is this call's business; one whose client nobody knows is for those who see all."""
        if self.connector_id is not None:
            return item.connector_id == self.connector_id
        if self.dataset_id is not None:
            return item.dataset_id == self.dataset_id
        if item.client_id is None:
            return self.whole and self.caller.clients is None
        return self.caller.may_touch(item.client_id) and self.client_id in {None, item.client_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What one pass over connectors reads once: which platform answers, and everything that it has.

    `before` are the connectors that there were when it began, each with where it was made.
    """

    installation: str
    found: Sequence[Found]
    fingerprint: Fingerprint
    before: Mapping[str, Fingerprint]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A survey, and each connector's observation or failure."""

    survey: Survey
    by_handle: Mapping[str, Observation | PlatformError]


class HealthService:
    """Looks at connectors and answers; it changes nothing, here or there."""

    def __init__(
        self, store: Store, platform: Watched, clock: Clock, *, sync_deadline: timedelta = SYNC_DEADLINE
    ) -> None:
        """Look at that platform; a sync may take it so long."""
        self._store = store
        self._platform = platform
        self._clock = clock
        self._sync_deadline = sync_deadline

    async def check(
        self,
        caller: Caller,
        *,
        connector_id: str | None = None,
        dataset_id: str | None = None,
        client_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        survey: Survey | PlatformError | None = None,
    ) -> HealthPage:
        """How the chosen connectors are: one, one dataset's, one client's, or all that the caller may see.

        Who goes through all pages gives each the same `survey`, and asks for the `drift` apart. Raises
        InvalidArgumentError, UnknownConnectorError, UnknownDatasetError, UnknownClientError; and PlatformError only
        when Glean cannot be read and there is no connector that could carry the finding.
        """
        if sum(each is not None for each in (connector_id, dataset_id, client_id)) > 1:
            msg = "Name at most one of connector_id, dataset_id and client_id."
            raise InvalidArgumentError(msg, field="connector_id")
        if not 1 <= limit <= MOST:
            msg = f"limit must be from 1 to {MOST}, not {limit}."
            raise InvalidArgumentError(msg, field="limit")
        scope = _Scope(caller=caller, connector_id=connector_id, dataset_id=dataset_id, client_id=client_id)
        now = self._clock.now()
        rows = await self._store.read(lambda records: _look(records, scope, now, limit + 1, cursor))
        rows, more = rows[:limit], len(rows) > limit
        surveyed = survey or await self.survey()
        apart = () if cursor or survey else await self._apart(scope, surveyed)
        if isinstance(surveyed, PlatformError) and not (rows or apart or cursor):
            raise surveyed
        seen = await self._observe([each.connector for each in rows], surveyed)
        return HealthPage(
            items=tuple(self._judged(each, seen) for each in rows),
            drift=(*apart, *await self._seen_to_differ(scope, rows, seen)),
            next_cursor=rows[-1].connector.connector_id if more else None,
        )

    async def survey(self) -> Survey | PlatformError:
        """Which platform answers and what it has, or why that cannot be said."""

        def look(records: Records) -> tuple[str, dict[str, Fingerprint]]:
            return records.installation, {each.connector_id: each.fingerprint for each in _living(records)}

        installation, before = await self._store.read(look)
        try:
            fingerprint = await self._platform.fingerprint()
            found = await self._platform.find() if self._platform.can.list else ()
        except PlatformError as error:
            return error
        return Survey(installation=installation, found=found, fingerprint=fingerprint, before=before)

    async def drift(self, caller: Caller, survey: Survey | PlatformError) -> tuple[DriftItem, ...]:
        """Where Glean and our records differ, as far as the caller may see."""
        return await self._apart(
            _Scope(caller=caller, connector_id=None, dataset_id=None, client_id=None), survey
        )

    async def reach(self) -> Fingerprint:
        """Which platform answers now, when our own records can be read. Raises StoreFailedError, PlatformError."""
        await self._store.read(lambda records: records.installation)
        return await self._platform.fingerprint()

    async def _observe(
        self, connectors: Sequence[Connector], survey: Survey | PlatformError
    ) -> _Seen | PlatformError:
        if isinstance(survey, PlatformError):
            return survey
        made_here = [
            each for each in connectors if _observable(each) and each.fingerprint == survey.fingerprint
        ]
        handles = [each.handle or "" for each in made_here]
        return _Seen(survey=survey, by_handle=await self._platform.observe_all(handles, survey.found))

    def _judged(self, row: _Row, seen: _Seen | PlatformError) -> ConnectorHealth:
        what: Observation | PlatformError | None = None
        if _observable(row.connector):
            what = seen if isinstance(seen, PlatformError) else _pick(seen, row.connector)
        return ConnectorHealth(
            connector=row.connector,
            dataset=row.dataset,
            health=self._health(row, seen, what),
            late=isinstance(what, PlatformLateError),
        )

    def _health(
        self, row: _Row, seen: _Seen | PlatformError, what: Observation | PlatformError | None
    ) -> Health:
        now, connector = self._clock.now(), row.connector
        if what is None or isinstance(what, PlatformError) or isinstance(seen, PlatformError):
            error = what if isinstance(what, PlatformError) else None
            return unobserved(connector, own_errors_24h=row.own_errors, now=now, error=error)
        return verdict(
            what,
            connector,
            own_errors_24h=row.own_errors,
            documents=row.documents,
            now=now,
            run=row.run,
            sync_deadline=self._sync_deadline,
            ours=_is_ours(seen.survey, connector)
            if self._platform.can.list
            else what.mark == _mark(seen.survey, connector),
        )

    async def _apart(self, scope: _Scope, survey: Survey | PlatformError) -> tuple[DriftItem, ...]:
        told = () if isinstance(survey, PlatformError) else await self._drift(scope, survey)
        return (*told, *await self._left_behind(scope, survey))

    async def _left_behind(self, scope: _Scope, seen: Survey | PlatformError) -> tuple[DriftItem, ...]:
        """What was abandoned where nobody can look now; where somebody can, the list of datasources tells.

        Without such a list, what was abandoned is looked for by its name.
        """

        def look(records: Records) -> list[Connector]:
            found = (records.connector(each) for each in abandoned(records))
            return [each for each in found if each is not None]

        left = await self._store.read(look)
        why = seen.message if isinstance(seen, PlatformError) else "Another platform or tenant answers now."
        away = [
            each for each in left if isinstance(seen, PlatformError) or each.fingerprint != seen.fingerprint
        ]
        items = [left_behind(each, why) for each in away]
        if not self._platform.can.list and isinstance(seen, Survey):
            items += await self._still_there(seen, [each for each in left if each not in away])
        return tuple(each for each in items if scope.has(each))

    async def _still_there(self, seen: Survey, left: Sequence[Connector]) -> list[DriftItem]:
        if not left:
            return []
        try:
            found = await self._platform.find([each.name for each in left])
        except PlatformError as error:
            return [left_behind(each, error.message) for each in left]

        def look(records: Records) -> list[DriftItem]:
            items = drift(found, list(_living(records)), seen.installation)
            named = (_known(records, each) for each in items if each.kind == "unowned_connector")
            return [each for each in named if each is not None]

        return await self._store.read(look)

    async def _seen_to_differ(
        self, scope: _Scope, rows: Sequence[_Row], seen: _Seen | PlatformError
    ) -> tuple[DriftItem, ...]:
        """The drift of connectors that were looked at one by one, as far as they are still as they were then."""
        if self._platform.can.list or isinstance(seen, PlatformError):
            return ()
        looked = [(each.connector, seen.by_handle.get(each.connector.handle or "")) for each in rows]

        def look(records: Records) -> tuple[DriftItem, ...]:
            told = [
                (connector, what)
                for connector, what in looked
                if not (what is None or isinstance(what, PlatformError))
                and _observable(connector)
                and connector.fingerprint == seen.survey.fingerprint
                and records.connector(connector.connector_id) == connector
            ]
            found = [found_of(connector, what) for connector, what in told if what.present]
            items = drift(found, [connector for connector, _ in told], seen.survey.installation)
            named = (_known(records, each) for each in items)
            return tuple(each for each in named if each is not None and scope.has(each))

        return await self._store.read(look)

    async def _drift(self, scope: _Scope, seen: Survey) -> tuple[DriftItem, ...]:
        if not self._platform.can.list:
            return ()

        def look(records: Records) -> tuple[DriftItem, ...]:
            living = list(_living(records))
            named = (_known(records, each) for each in drift(seen.found, living, seen.installation))
            # One that is newer than the list of datasources, or made elsewhere, is not missing from it.
            return tuple(
                each
                for each in named
                if each is not None
                and scope.has(each)
                and (each.connector_id is None or seen.before.get(each.connector_id) == seen.fingerprint)
            )

        return await self._store.read(look)


def _observable(connector: Connector) -> bool:
    return connector.handle is not None and connector.status is not ConnectorStatus.DISCONNECTED


def _pick(seen: _Seen, connector: Connector) -> Observation | PlatformError:
    if seen.survey.fingerprint != connector.fingerprint:
        msg = f"Another platform or tenant answers than the one in which {connector.name} was made."
        return PlatformMismatchError(msg)
    return seen.by_handle[connector.handle or ""]


def _mark(seen: Survey, connector: Connector) -> Mark:
    return Mark(installation=seen.installation, dataset_id=connector.dataset_id)


def _is_ours(seen: Survey, connector: Connector) -> bool:
    mark = _mark(seen, connector)
    return all(each.mark == mark for each in seen.found if each.handle == connector.handle)


def _look(records: Records, scope: _Scope, now: datetime, count: int, cursor: str | None) -> list[_Row]:
    return [
        _Row(
            connector=each,
            dataset=records.dataset(each.dataset_id),
            own_errors=records.errors_since(each.connector_id, now - DAY, now),
        )
        for each in _chosen(records, scope, count, cursor)
    ]


def _chosen(records: Records, scope: _Scope, count: int, cursor: str | None) -> list[Connector]:
    caller = scope.caller
    if scope.connector_id is not None:
        return [_known_connector(records, caller, scope.connector_id)]
    if scope.dataset_id is not None:
        dataset = known_dataset(records, scope.dataset_id, caller)
        connector = records.connector(dataset.connector_id) if dataset.connector_id else None
        return [] if connector is None else [connector]
    if scope.client_id is not None:
        known_client(records, scope.client_id, caller)
        return records.connectors(client_id=scope.client_id, after=cursor, limit=count)
    chosen: list[Connector] = []
    for each in _living(records, after=cursor):
        if caller.may_touch(each.client_id):
            chosen.append(each)
        if len(chosen) == count:
            break
    return chosen


def _living(records: Records, after: str | None = None) -> Iterator[Connector]:
    while page := records.connectors(after=after, limit=_BATCH):
        yield from page
        after = page[-1].connector_id


def _known(records: Records, item: DriftItem) -> DriftItem | None:
    """The item with its client; None when a saga is about to give its connector another configuration."""
    dataset = records.dataset(item.dataset_id)
    if dataset is None:
        return item
    if item.kind == "changed_connector" and dataset.run is not None:
        return None
    return replace(item, client_id=dataset.client_id)


def _known_connector(records: Records, caller: Caller, connector_id: str) -> Connector:
    found = records.connector(connector_id)
    if found is not None and caller.may_touch(found.client_id):
        return found
    msg = f"There is no connector {connector_id!r}."
    seen = (each.connector_id for each in _living(records) if caller.may_touch(each.client_id))
    raise UnknownConnectorError(msg, field="connector_id", candidates=nearest(connector_id, seen))
