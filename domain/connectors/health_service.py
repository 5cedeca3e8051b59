"""Health service: observes connectors, and reports their health and their drift from our records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from domain.connectors.drift import DriftItem, abandoned_drift_item, datasource_from_observation, detect_drift
from domain.connectors.health import SYNC_DEADLINE, Health, assess_health, unobserved_health
from domain.connectors.home_platform import GO_ON_THERE, load_home_status
from domain.connectors.ownership import load_abandoned_connectors
from domain.errors import (
    InvalidArgumentError,
    PlatformError,
    PlatformMismatchError,
    PlatformTimeoutError,
    UnknownConnectorError,
)
from domain.model import (
    Connector,
    ConnectorStatus,
    Dataset,
    OwnerTag,
    same_names,
)
from domain.policy import find_client, find_dataset
from domain.ports import paginate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from domain.model import Fingerprint, Principal
    from domain.ports import Clock, Datasource, Observation, ReadOnlyPlatform, Store, UnitOfWork

DAY: Final = timedelta(hours=24)
MAX_LIMIT: Final = 200
_BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorHealth:
    """Health of one connector, with its dataset (None when its row is unreadable).

    `late` is whether the health is not known because Glean did not answer in time.
    """

    connector: Connector
    dataset: Dataset | None
    health: Health
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPage:
    """Page of connectors, in the order of `connector_id`; the drift comes with the first page.

    Where the platform cannot list datasources, each page has the drift of its own connectors. `platform` is the one
    that was asked, and `warning` says when the data folder belongs to another one.
    """

    items: tuple[ConnectorHealth, ...]
    platform: Fingerprint
    warning: str | None = None
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
        """The run that it must serve; not known while a saga works on the dataset."""
        return self.connector.run if self.dataset and self.dataset.run is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """Scope of one call: all connectors that the caller may see, or those that a selector names."""

    principal: Principal
    connector_id: str | None
    dataset_id: str | None
    client_id: str | None

    @property
    def whole(self) -> bool:
        return self.connector_id is None and self.dataset_id is None and self.client_id is None

    def has(self, item: DriftItem) -> bool:
        """Whether a drift item is in scope. Only a caller who may see all clients sees one without a known client."""
        if self.connector_id is not None:
            return item.connector_id == self.connector_id
        if self.dataset_id is not None:
            return item.dataset_id == self.dataset_id
        if item.client_id is None:
            return self.whole and self.principal.clients is None
        return self.principal.can_access_client(item.client_id) and self.client_id in {None, item.client_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Survey: what a pass over all connectors reads once, the fingerprint and the datasources of the platform.

    `before` are the connectors that existed when the pass began, each with the fingerprint it was created under.
    """

    installation: str
    found: Sequence[Datasource]
    fingerprint: Fingerprint
    before: Mapping[str, Fingerprint]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observations:
    """A survey, and each connector's observation or failure."""

    survey: Survey
    by_handle: Mapping[str, Observation | PlatformError]


class HealthService:
    """Health service: observes connectors. It changes nothing, neither our records nor Glean."""

    def __init__(
        self,
        store: Store,
        platform: ReadOnlyPlatform,
        clock: Clock,
        *,
        sync_deadline: timedelta = SYNC_DEADLINE,
    ) -> None:
        """Observe that platform; `sync_deadline` is how long a sync may take."""
        self._store = store
        self._platform = platform
        self._clock = clock
        self._sync_deadline = sync_deadline

    async def check(
        self,
        principal: Principal,
        *,
        connector_id: str | None = None,
        dataset_id: str | None = None,
        client_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        survey: Survey | PlatformError | None = None,
    ) -> HealthPage:
        """Check the selected connectors: one, one dataset's, one client's, or all that the caller may see.

        A caller that reads all pages passes the same `survey` with each, and reads the drift with `list_drift`. Raises
        InvalidArgumentError, UnknownConnectorError, UnknownDatasetError, UnknownClientError; and PlatformError only
        when Glean cannot be read and there is no connector to report that on.
        """
        if sum(each is not None for each in (connector_id, dataset_id, client_id)) > 1:
            msg = "Name at most one of connector_id, dataset_id and client_id."
            given = {"connector_id": connector_id, "dataset_id": dataset_id, "client_id": client_id}
            wider = [f'"{name}"' for name, value in given.items() if value is not None][1:]
            raise InvalidArgumentError(
                msg,
                field=wider[0].strip('"'),
                suggested_action=f"Leave out {' and '.join(wider)}.",
            )
        if not 1 <= limit <= MAX_LIMIT:
            msg = f"limit must be from 1 to {MAX_LIMIT}, not {limit}."
            raise InvalidArgumentError(msg, field="limit")
        scope = _Scope(
            principal=principal, connector_id=connector_id, dataset_id=dataset_id, client_id=client_id
        )
        now = self._clock.now()
        here = self._platform.location
        rows, refusal = await self._store.read(
            lambda uow: (
                _load_rows(uow, scope, now, limit + 1, cursor),
                load_home_status(uow, here).refusal,
            )
        )
        rows, more = rows[:limit], len(rows) > limit
        surveyed = survey or await self.fetch_survey()
        drift = () if cursor or survey else await self._collect_drift(scope, surveyed)
        if isinstance(surveyed, PlatformError) and not (rows or drift or cursor):
            raise surveyed
        observations = await self._observe([each.connector for each in rows], surveyed)
        return HealthPage(
            items=tuple(self._connector_health(each, observations) for each in rows),
            platform=here,
            warning=refusal.message if refusal else None,
            drift=(*drift, *await self._detect_observed_drift(scope, rows, observations)),
            next_cursor=rows[-1].connector.connector_id if more else None,
        )

    async def fetch_survey(self) -> Survey | PlatformError:
        """Survey the platform; return the error when it cannot be read."""

        def load_fingerprints(uow: UnitOfWork) -> tuple[str, dict[str, Fingerprint]]:
            return uow.installation, {
                each.connector_id: each.fingerprint for each in _iterate_connectors(uow)
            }

        installation, before = await self._store.read(load_fingerprints)
        try:
            fingerprint = await self._platform.fetch_fingerprint()
            found = await self._platform.find_datasources() if self._platform.capabilities.list else ()
        except PlatformError as error:
            return error
        return Survey(installation=installation, found=found, fingerprint=fingerprint, before=before)

    async def list_drift(self, principal: Principal, survey: Survey | PlatformError) -> tuple[DriftItem, ...]:
        """The drift between Glean and our records, as far as the caller may see it."""
        return await self._collect_drift(
            _Scope(principal=principal, connector_id=None, dataset_id=None, client_id=None), survey
        )

    async def probe_platform(self) -> Fingerprint:
        """Check that our store can be read, and ask which platform answers. Raises StoreFailedError, PlatformError."""
        await self._store.read(lambda uow: uow.installation)
        return await self._platform.fetch_fingerprint()

    async def _observe(
        self, connectors: Sequence[Connector], survey: Survey | PlatformError
    ) -> _Observations | PlatformError:
        if isinstance(survey, PlatformError):
            return survey
        observable = [
            each for each in connectors if _is_observable(each) and each.fingerprint == survey.fingerprint
        ]
        handles = [each.handle or "" for each in observable]
        return _Observations(survey=survey, by_handle=await self._platform.observe_all(handles, survey.found))

    def _connector_health(self, row: _Row, observations: _Observations | PlatformError) -> ConnectorHealth:
        observation: Observation | PlatformError | None = None
        if _is_observable(row.connector):
            observation = (
                observations
                if isinstance(observations, PlatformError)
                else _observation_of(observations, row.connector)
            )
        return ConnectorHealth(
            connector=row.connector,
            dataset=row.dataset,
            health=self._assess_connector(row, observations, observation),
            late=isinstance(observation, PlatformTimeoutError),
        )

    def _assess_connector(
        self,
        row: _Row,
        observations: _Observations | PlatformError,
        observation: Observation | PlatformError | None,
    ) -> Health:
        now, connector = self._clock.now(), row.connector
        if (
            observation is None
            or isinstance(observation, PlatformError)
            or isinstance(observations, PlatformError)
        ):
            error = observation if isinstance(observation, PlatformError) else None
            return unobserved_health(connector, own_errors_24h=row.own_errors, now=now, error=error)
        return assess_health(
            observation,
            connector,
            own_errors_24h=row.own_errors,
            documents=row.documents,
            now=now,
            run=row.run,
            sync_deadline=self._sync_deadline,
            ours=_is_ours(observations.survey, connector)
            if self._platform.capabilities.list
            else observation.mark == _expected_owner_tag(observations.survey, connector),
        )

    async def _collect_drift(self, scope: _Scope, survey: Survey | PlatformError) -> tuple[DriftItem, ...]:
        listed = () if isinstance(survey, PlatformError) else await self._detect_listed_drift(scope, survey)
        return (*listed, *await self._list_abandoned(scope, survey))

    async def _list_abandoned(self, scope: _Scope, survey: Survey | PlatformError) -> tuple[DriftItem, ...]:
        """The drift of abandoned connectors on a platform that cannot be read now.

        On a platform that can be read, the list of datasources shows them. Where the platform cannot list, abandoned
        connectors are searched by their names.
        """

        def load_abandoned(uow: UnitOfWork) -> list[Connector]:
            found = (uow.connectors.get(each) for each in load_abandoned_connectors(uow))
            return [each for each in found if each is not None]

        abandoned = await self._store.read(load_abandoned)
        why = (
            survey.message if isinstance(survey, PlatformError) else "Another platform or tenant answers now."
        )
        unreachable = [
            each
            for each in abandoned
            if isinstance(survey, PlatformError) or each.fingerprint != survey.fingerprint
        ]
        items = [abandoned_drift_item(each, why) for each in unreachable]
        if not self._platform.capabilities.list and isinstance(survey, Survey):
            items += await self._find_abandoned_by_name(
                survey, [each for each in abandoned if each not in unreachable]
            )
        return tuple(each for each in items if scope.has(each))

    async def _find_abandoned_by_name(
        self, survey: Survey, abandoned: Sequence[Connector]
    ) -> list[DriftItem]:
        if not abandoned:
            return []
        try:
            found = await self._platform.find_datasources([each.name for each in abandoned])
        except PlatformError as error:
            return [abandoned_drift_item(each, error.message) for each in abandoned]

        def load_drift(uow: UnitOfWork) -> list[DriftItem]:
            items = detect_drift(found, list(_iterate_connectors(uow)), survey.installation)
            named = (_with_client(uow, each) for each in items if each.kind == "unowned_connector")
            return [each for each in named if each is not None]

        return await self._store.read(load_drift)

    async def _detect_observed_drift(
        self, scope: _Scope, rows: Sequence[_Row], observations: _Observations | PlatformError
    ) -> tuple[DriftItem, ...]:
        """The drift of connectors that were observed one by one, where our records have not changed since."""
        if self._platform.capabilities.list or isinstance(observations, PlatformError):
            return ()
        observed = [
            (each.connector, observations.by_handle.get(each.connector.handle or "")) for each in rows
        ]

        def load_drift(uow: UnitOfWork) -> tuple[DriftItem, ...]:
            current = [
                (connector, observation)
                for connector, observation in observed
                if not (observation is None or isinstance(observation, PlatformError))
                and _is_observable(connector)
                and connector.fingerprint == observations.survey.fingerprint
                and uow.connectors.get(connector.connector_id) == connector
            ]
            found = [
                datasource_from_observation(connector, observation)
                for connector, observation in current
                if observation.present
            ]
            items = detect_drift(
                found, [connector for connector, _ in current], observations.survey.installation
            )
            named = (_with_client(uow, each) for each in items)
            return tuple(each for each in named if each is not None and scope.has(each))

        return await self._store.read(load_drift)

    async def _detect_listed_drift(self, scope: _Scope, survey: Survey) -> tuple[DriftItem, ...]:
        if not self._platform.capabilities.list:
            return ()

        def load_drift(uow: UnitOfWork) -> tuple[DriftItem, ...]:
            living = list(_iterate_connectors(uow))
            named = (
                _with_client(uow, each) for each in detect_drift(survey.found, living, survey.installation)
            )
            # A connector that is newer than the list of datasources, or was created elsewhere, is not missing from it.
            return tuple(
                each
                for each in named
                if each is not None
                and scope.has(each)
                and (each.connector_id is None or survey.before.get(each.connector_id) == survey.fingerprint)
            )

        return await self._store.read(load_drift)


def _is_observable(connector: Connector) -> bool:
    return connector.handle is not None and connector.status is not ConnectorStatus.DISCONNECTED


def _observation_of(observations: _Observations, connector: Connector) -> Observation | PlatformError:
    here, there = observations.survey.fingerprint, connector.fingerprint
    if here != there:
        msg = f"{connector.name} was made at {there.describe()}; the platform that answers is {here.describe()}."
        return PlatformMismatchError(msg, suggested_action=GO_ON_THERE)
    return observations.by_handle[connector.handle or ""]


def _expected_owner_tag(survey: Survey, connector: Connector) -> OwnerTag:
    return OwnerTag(installation=survey.installation, dataset_id=connector.dataset_id)


def _is_ours(survey: Survey, connector: Connector) -> bool:
    mark = _expected_owner_tag(survey, connector)
    return all(each.mark == mark for each in survey.found if each.handle == connector.handle)


def _load_rows(uow: UnitOfWork, scope: _Scope, now: datetime, count: int, cursor: str | None) -> list[_Row]:
    return [
        _Row(
            connector=each,
            dataset=uow.datasets.get(each.dataset_id),
            own_errors=uow.connectors.count_errors(each.connector_id, now - DAY, now),
        )
        for each in _load_selected_connectors(uow, scope, count, cursor)
    ]


def _load_selected_connectors(
    uow: UnitOfWork, scope: _Scope, count: int, cursor: str | None
) -> list[Connector]:
    principal = scope.principal
    if scope.connector_id is not None:
        return [_find_connector(uow, principal, scope.connector_id)]
    if scope.dataset_id is not None:
        dataset = find_dataset(uow, scope.dataset_id, principal)
        connector = uow.connectors.get(dataset.connector_id) if dataset.connector_id else None
        return [] if connector is None else [connector]
    if scope.client_id is not None:
        find_client(uow, scope.client_id, principal)
        return uow.connectors.list_connected(client_id=scope.client_id, after=cursor, limit=count)
    found = _iterate_connectors(uow, after=cursor)
    return list(islice((each for each in found if principal.can_access_client(each.client_id)), count))


def _iterate_connectors(uow: UnitOfWork, after: str | None = None) -> Iterator[Connector]:
    return paginate(
        lambda behind: uow.connectors.list_connected(after=behind, limit=_BATCH),
        lambda last: last.connector_id,
        after,
    )


def _with_client(uow: UnitOfWork, item: DriftItem) -> DriftItem | None:
    """The item with its client; None for a changed connector that a saga works on and is about to reconfigure."""
    dataset = uow.datasets.get(item.dataset_id)
    if dataset is None:
        return item
    if item.kind == "changed_connector" and dataset.run is not None:
        return None
    return replace(item, client_id=dataset.client_id)


def _find_connector(uow: UnitOfWork, principal: Principal, connector_id: str) -> Connector:
    found = uow.connectors.get(connector_id)
    if found is not None and principal.can_access_client(found.client_id):
        return found
    msg = f"There is no connector {connector_id!r}."
    labels = {
        each.connector_id: [each.name, each.dataset_id]
        for each in _iterate_connectors(uow)
        if principal.can_access_client(each.client_id)
    }
    candidates = same_names(connector_id, labels, labels)
    raise UnknownConnectorError(msg, field="connector_id", candidates=candidates)
