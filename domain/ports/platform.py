"""Port of the platform that serves datasets, independent of its dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from datetime import datetime

    from domain.errors import PlatformError
    from domain.model import ConnectorOutcome, Fingerprint, OwnerTag


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Capabilities of a platform. The domain does not ask for an operation that the platform lacks."""

    authorise: bool = True
    sync: bool = True
    stop: bool = True
    delete: bool = True
    list: bool = True
    search: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasourceSpec:
    """Datasource specification: the name, kind, validated configuration (no secret) and owner tag that we want.

    Every document's address is below `site`. `test` limits the datasource to its test users.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    mark: OwnerTag
    site: str = ""
    test: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Datasource:
    """Datasource as the platform lists it. `mark` is its owner tag, None when it has none of any installation.

    `changed` is whether its configuration differs from ours. When that is None, `config` (without the owner tag) is to
    be compared; it is None when the platform does not give it either.
    """

    handle: str
    name: str
    kind: str
    mark: OwnerTag | None
    document_count: int | None = None
    config: Mapping[str, Any] | None = None
    changed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncJob:
    """Sync job: the run that it serves, and its progress. `state` is `running | succeeded | failed | stopped`."""

    run: str
    state: str
    total: int | None = None
    indexed: int | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Observation: what the platform reports of one datasource now. None: it does not report it, or has no such notion.

    `status` is `pending | syncing | healthy | unhealthy`. `present` is False only when the platform, under the same
    fingerprint, reports in its own error shape that the datasource does not exist, or was emptied. `changed` is as in
    `Datasource`. `run` is the run that was served last.
    """

    present: bool
    at: datetime
    mark: OwnerTag | None = None
    status: str | None = None
    syncing: bool | None = None
    syncing_since: datetime | None = None
    last_successful_sync: datetime | None = None
    error_count_24h: int | None = None
    document_count: int | None = None
    message: str | None = None
    changed: bool | None = None
    run: str | None = None

    @property
    def indexed(self) -> int | None:
        """Number of documents that are served: 0 when the datasource is absent, None when it is not reported."""
        return self.document_count if self.present else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Removal of a datasource, which serves nothing any more; `left` is what a person may still remove, and where.

    `outcome` is None when there was no datasource.
    """

    outcome: ConnectorOutcome | None
    left: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """Search result: names and ids only.

    `document_id` is the neutral document's id, as far as the platform's form of the id can be parsed.
    """

    datasource: str
    document_id: str
    title: str
    url: str | None = None


class ReadOnlyPlatform(Protocol):
    """The part of the platform that only reads."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def location(self) -> Fingerprint: ...

    async def fetch_fingerprint(self) -> Fingerprint: ...

    async def find_datasources(self, names: Sequence[str] | None = None) -> Sequence[Datasource]: ...

    async def observe_all(
        self, handles: Sequence[str], found: Sequence[Datasource]
    ) -> Mapping[str, Observation | PlatformError]: ...


class Platform(Protocol):
    """Glean, in either dialect. Raises only PlatformError and its subclasses; the adapter retries each call.

    Every method that changes a datasource takes the owner tag that it must carry, and raises PlatformMismatchError when
    it does not carry it. Before a handle is used, the caller compares the fingerprint, with `fetch_fingerprint()`.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def location(self) -> Fingerprint:
        """The configured dialect and address, without the tenant: known before anything was asked."""
        ...

    async def fetch_fingerprint(self) -> Fingerprint:
        """Ask which platform answers now; never cached."""
        ...

    async def find_datasources(self, names: Sequence[str] | None = None) -> Sequence[Datasource]:
        """The datasources of those names, compared without case; all of them for None."""
        ...

    async def ensure(self, source: DatasourceSpec) -> str:
        """Create the datasource, or bring ours to this configuration; return its handle.

        Raises PlatformMismatchError when the datasource of that name is not ours.
        """
        ...

    async def authorise(self, handle: str, mark: OwnerTag, secret: str) -> None: ...

    async def push(
        self,
        handle: str,
        mark: OwnerTag,
        run: str,
        pages: AsyncIterator[Sequence[bytes]],
        sent: Callable[[int], None],
    ) -> int:
        """Send neutral documents as one run, which stays invisible until it is synced; return their number.

        `sent` is called with the count so far. The adapter splits pages to fit the platform's own limits. Pushing a run
        again gives the same result.
        """
        ...

    async def start_sync(self, handle: str, mark: OwnerTag, run: str) -> SyncJob:
        """Start to serve a run in place of the former one; the same run again gives the same job.

        Raises PlatformRunLostError when the platform may not have the whole run, which must then be pushed again.
        """
        ...

    async def fetch_sync_job(self, handle: str, run: str) -> SyncJob | None:
        """The current state of that run's sync; None when there was none."""
        ...

    async def stop_sync(self, handle: str, mark: OwnerTag) -> None:
        """Stop a running sync; the run that was served before stays."""
        ...

    async def discard_run(self, handle: str, mark: OwnerTag, run: str) -> None:
        """Discard a run that was pushed and is not served; do nothing when it is absent."""
        ...

    async def observe(self, handle: str) -> Observation: ...

    async def observe_all(
        self, handles: Sequence[str], found: Sequence[Datasource]
    ) -> Mapping[str, Observation | PlatformError]:
        """Observe several datasources, a few at a time; `found` is the list of all datasources, read just before.

        A failure to observe one handle is the result for that handle alone.
        """
        ...

    async def delete_datasource(self, handle: str, mark: OwnerTag, attempt: str = "") -> Removal | None:
        """Delete the datasource, as far as the platform can; None while the deletion runs: call again.

        The same `attempt` waits for what it has begun; another one begins anew what the platform may have lost.
        An absent datasource counts as deleted.
        """
        ...

    async def is_still_served(self, handle: str, name: str, lines: Sequence[bytes]) -> bool:
        """Whether search still finds any of those neutral documents of a datasource that was deleted."""
        ...

    async def search(self, query: str, *, name: str | None = None, limit: int = 10) -> Sequence[SearchHit]:
        """Search, best result first; only in the datasource `name` when one is named."""
        ...

    async def search_each(
        self, queries: Sequence[str], *, name: str, limit: int, seconds: float
    ) -> Sequence[Sequence[SearchHit]]:
        """Search for each query, a few at a time; return the results in the order of the queries.

        Raises PlatformTimeoutError when that takes longer than so many seconds.
        """
        ...
