"""The platform that serves datasets, as the domain sees it, whichever dialect it speaks."""

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
    """What a platform natively does; what it cannot is not asked for."""

    authorise: bool = True
    sync: bool = True
    stop: bool = True
    delete: bool = True
    list: bool = True
    search: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasourceSpec:
    """A datasource as we want it: its name, kind, validated configuration (no secret), and our mark.

    Every document's address is below `site`; `test` keeps what is shown to the few who try it.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    mark: OwnerTag
    site: str = ""
    test: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Datasource:
    """A datasource that the platform has. `mark` is None when it carries none of any installation.

    `changed` says whether it is configured otherwise than we did it; None: to be seen by its `config`, which is without
    the mark, and None when that is not said either.
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
    """One sync: which run it serves and how far it is. `state` is `running | succeeded | failed | stopped`."""

    run: str
    state: str
    total: int | None = None
    indexed: int | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the platform says of one datasource now. None: it does not say, or has no notion of it.

    `status` is `pending | syncing | healthy | unhealthy`; `present` is False only when the platform, after listing its
    datasources under the same fingerprint where it can, said in its own words that the thing is not there, or that it
    was emptied. `changed` is that of `Found`; `run` is what was served last.
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
        """How many documents are served: none by a datasource that is not there, None where it is not said."""
        return self.document_count if self.present else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A datasource that serves nothing any more; `left` is what a person may still remove, and where."""

    outcome: ConnectorOutcome
    left: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """One search result, by name and ids only.

    `document_id` is the neutral document's own, as far as the platform's form of it can be read.
    """

    datasource: str
    document_id: str
    title: str
    url: str | None = None


class ReadOnlyPlatform(Protocol):
    """As much of a platform as is needed to look at it."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def fetch_fingerprint(self) -> Fingerprint: ...

    async def find_datasources(self, names: Sequence[str] | None = None) -> Sequence[Datasource]: ...

    async def observe_all(
        self, handles: Sequence[str], found: Sequence[Datasource]
    ) -> Mapping[str, Observation | PlatformError]: ...


class Platform(Protocol):
    """Glean, in whichever dialect. Raises only PlatformError and its kinds; each call is retried inside.

    Everything that changes a datasource takes the mark it must carry and refuses (PlatformMismatchError) what does not;
    the fingerprint is compared by the caller, with `fingerprint()`, before a handle is used.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    async def fetch_fingerprint(self) -> Fingerprint:
        """Which platform answers now; asked anew at each call."""
        ...

    async def find_datasources(self, names: Sequence[str] | None = None) -> Sequence[Datasource]:
        """The datasources of those names (compared without case), or all of them."""
        ...

    async def ensure(self, source: DatasourceSpec) -> str:
        """The handle of the datasource as wanted: made, or found with our mark and brought to this configuration.

        Raises PlatformMismatchError when one of that name is not ours.
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
        """Send neutral documents as one run, invisible until synced; gives their number.

        `sent` hears the running count. The adapter re-cuts pages to the platform's own limits. A run that is pushed
        again ends the same.
        """
        ...

    async def start_sync(self, handle: str, mark: OwnerTag, run: str) -> SyncJob:
        """Start serving a run in place of what was served; the same run again gives the same job.

        Raises PlatformRunLostError when it cannot be sure to have the whole run, which is then to be pushed again.
        """
        ...

    async def fetch_sync_job(self, handle: str, run: str) -> SyncJob | None:
        """The sync of that run as it stands; None when there was none."""
        ...

    async def stop_sync(self, handle: str, mark: OwnerTag) -> None:
        """Stop whatever sync runs; what was served before stays."""
        ...

    async def discard_run(self, handle: str, mark: OwnerTag, run: str) -> None:
        """Forget a run that was pushed and is not served; absent is fine."""
        ...

    async def observe(self, handle: str) -> Observation: ...

    async def observe_all(
        self, handles: Sequence[str], found: Sequence[Datasource]
    ) -> Mapping[str, Observation | PlatformError]:
        """Observe many, a few at a time; `found` is the whole list, read just before.

        A failure is that handle's own.
        """
        ...

    async def delete_datasource(self, handle: str, mark: OwnerTag) -> Removal | None:
        """Take the datasource away, as far as the platform can; None while it is at it: to be called again.

        What is gone already counts as deleted.
        """
        ...

    async def is_still_served(self, handle: str, name: str, lines: Sequence[bytes]) -> bool:
        """Whether any of those neutral documents is still found, of a datasource that was taken away."""
        ...

    async def search(self, query: str, *, name: str | None = None, limit: int = 10) -> Sequence[SearchHit]:
        """What is found, best first; of the datasource `name` alone when one is named."""
        ...

    async def search_each(
        self, queries: Sequence[str], *, name: str, limit: int, seconds: float
    ) -> Sequence[Sequence[SearchHit]]:
        """Search for each, a few at a time: their results, in the order of the queries.

        Raises PlatformLateError when it takes longer than so many seconds.
        """
        ...
