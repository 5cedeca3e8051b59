"""The use case that looks at connectors and answers: how each is, and what differs from our records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.conceding import abandoned
from domain.connectors import DriftItem, drift, left_behind
from domain.errors import InvalidArgumentError, PlatformError, PlatformMismatchError, UnknownConnectorError
from domain.health import Health, unobserved, verdict
from domain.identifiers import nearest
from domain.model import Connector, ConnectorStatus, Dataset, Mark
from domain.registry import known_client
from domain.running import known_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from domain.callers import Caller
    from domain.model import Fingerprint
    from domain.platform import Found, Observation, Platform
    from domain.ports import Clock
    from domain.records import Records, Store

DAY: Final = timedelta(hours=24)
MOST: Final = 200
_BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorHealth:
    """One connector, its dataset (None when our records of it are broken), and how it is."""

    connector: Connector
    dataset: Dataset | None
    health: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPage:
    """A page of connectors in the order of `connector_id`; the drift comes with the first page."""

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
class _Seen:
    """What one pass over the platform gave: the list, and each connector's observation or failure."""

    installation: str
    found: Sequence[Found]
    by_handle: Mapping[str, Observation | PlatformError]
    fingerprint: Fingerprint


class HealthService:
    """Looks at connectors and answers; it changes nothing, here or there."""

    def __init__(self, store: Store, platform: Platform, clock: Clock) -> None:
        self._store = store
        self._platform = platform
        self._clock = clock

    async def check(
        self,
        caller: Caller,
        *,
        connector_id: str | None = None,
        dataset_id: str | None = None,
        client_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> HealthPage:
        """How the chosen connectors are: one, one dataset's, one client's, or all that the caller may see.

        Raises InvalidArgumentError, UnknownConnectorError, UnknownDatasetError, UnknownClientError; and PlatformError
        only when Glean cannot be read and there is no connector that could carry the finding.
        """
        if sum(each is not None for each in (connector_id, dataset_id, client_id)) > 1:
            msg = "Name at most one of connector_id, dataset_id and client_id."
            raise InvalidArgumentError(msg, field="connector_id")
        if not 1 <= limit <= MOST:
            msg = f"limit must be from 1 to {MOST}, not {limit}."
            raise InvalidArgumentError(msg, field="limit")
        scope = _Scope(caller=caller, connector_id=connector_id, dataset_id=dataset_id, client_id=client_id)
        since = self._clock.now() - DAY
        rows, before = await self._store.read(lambda records: _look(records, scope, since, limit + 1, cursor))
        rows, more = rows[:limit], len(rows) > limit
        try:
            seen: _Seen | PlatformError = await self._observe([each.connector for each in rows])
        except PlatformError as error:
            seen = error
        left = () if cursor else await self._left_behind(scope, seen)
        if isinstance(seen, PlatformError) and not rows and not left:
            raise seen
        items = tuple(
            ConnectorHealth(connector=row.connector, dataset=row.dataset, health=self._health(row, seen))
            for row in rows
        )
        apart = () if cursor or isinstance(seen, PlatformError) else await self._drift(scope, seen, before)
        return HealthPage(
            items=items, drift=(*apart, *left), next_cursor=rows[-1].connector.connector_id if more else None
        )

    async def reach(self) -> Fingerprint:
        """Which platform answers now, when our own records can be read. Raises StoreFailedError, PlatformError."""
        await self._store.read(lambda records: records.installation)
        return await self._platform.fingerprint()

    async def _observe(self, connectors: Sequence[Connector]) -> _Seen:
        fingerprint = await self._platform.fingerprint()
        found = await self._platform.find() if self._platform.can.list else ()
        made_here = [each for each in connectors if _observable(each) and each.fingerprint == fingerprint]
        by_handle = await self._platform.observe_all([each.handle or "" for each in made_here], found)
        installation = await self._store.read(lambda records: records.installation)
        return _Seen(installation=installation, found=found, by_handle=by_handle, fingerprint=fingerprint)

    def _health(self, row: _Row, seen: _Seen | PlatformError) -> Health:
        now, connector = self._clock.now(), row.connector
        if not _observable(connector):
            return unobserved(connector, own_errors_24h=row.own_errors, now=now, error=None)
        if isinstance(seen, PlatformError):
            return unobserved(connector, own_errors_24h=row.own_errors, now=now, error=seen)
        what = _pick(seen, connector)
        if isinstance(what, PlatformError):
            return unobserved(connector, own_errors_24h=row.own_errors, now=now, error=what)
        return verdict(
            what,
            connector,
            own_errors_24h=row.own_errors,
            documents=row.documents,
            now=now,
            ours=_is_ours(seen, connector),
        )

    async def _left_behind(self, scope: _Scope, seen: _Seen | PlatformError) -> tuple[DriftItem, ...]:
        """What was abandoned where nobody can look now; where somebody can, the list of datasources tells."""

        def look(records: Records) -> list[Connector]:
            found = (records.connector(each) for each in abandoned(records))
            return [each for each in found if each is not None]

        why = seen.message if isinstance(seen, PlatformError) else "Another platform or tenant answers now."
        items = (
            left_behind(each, why)
            for each in await self._store.read(look)
            if isinstance(seen, PlatformError) or each.fingerprint != seen.fingerprint
        )
        return tuple(each for each in items if scope.has(each))

    async def _drift(
        self, scope: _Scope, seen: _Seen, before: Mapping[str, Fingerprint]
    ) -> tuple[DriftItem, ...]:
        if not self._platform.can.list:
            return ()

        def look(records: Records) -> tuple[DriftItem, ...]:
            living = list(_living(records))
            named = (_with_client(records, each) for each in drift(seen.found, living, records.installation))
            # One that is newer than the list of datasources, or made elsewhere, is not missing from it.
            return tuple(
                each
                for each in named
                if scope.has(each)
                and (each.connector_id is None or before.get(each.connector_id) == seen.fingerprint)
            )

        return await self._store.read(look)


def _observable(connector: Connector) -> bool:
    return connector.handle is not None and connector.status is not ConnectorStatus.DISCONNECTED


def _pick(seen: _Seen, connector: Connector) -> Observation | PlatformError:
    if seen.fingerprint != connector.fingerprint:
        msg = f"Another platform or tenant answers than the one in which {connector.name} was made."
        return PlatformMismatchError(msg)
    return seen.by_handle[connector.handle or ""]


def _is_ours(seen: _Seen, connector: Connector) -> bool:
    mark = Mark(installation=seen.installation, dataset_id=connector.dataset_id)
    return all(each.mark == mark for each in seen.found if each.handle == connector.handle)


def _look(
    records: Records, scope: _Scope, since: datetime, count: int, cursor: str | None
) -> tuple[list[_Row], dict[str, Fingerprint]]:
    rows = [
        _Row(
            connector=each,
            dataset=records.dataset(each.dataset_id),
            own_errors=records.errors_since(each.connector_id, since),
        )
        for each in _chosen(records, scope, count, cursor)
    ]
    return rows, {each.connector_id: each.fingerprint for each in _living(records)}


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


def _with_client(records: Records, item: DriftItem) -> DriftItem:
    dataset = records.dataset(item.dataset_id)
    return item if dataset is None else replace(item, client_id=dataset.client_id)


def _known_connector(records: Records, caller: Caller, connector_id: str) -> Connector:
    found = records.connector(connector_id)
    if found is not None and caller.may_touch(found.client_id):
        return found
    msg = f"There is no connector {connector_id!r}."
    seen = (each.connector_id for each in _living(records) if caller.may_touch(each.client_id))
    raise UnknownConnectorError(msg, field="connector_id", candidates=nearest(connector_id, seen))
