"""Glean's Admin API behind the platform port.

The owner tag is the field `managedBy {installation, datasetId}` of a datasource's configuration. A datasource without
it is never changed or deleted.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import quote

import msgspec

from domain.errors import (
    PlatformConflictError,
    PlatformError,
    PlatformInvalidError,
    PlatformMismatchError,
    PlatformNotFoundError,
    PlatformUnavailableError,
)
from domain.lifecycle import probe_query
from domain.model import ConnectorOutcome, Fingerprint, OwnerTag
from domain.ports import Capabilities, Datasource, DatasourceSpec, Observation, Removal, SearchHit, SyncJob
from server.adapters.glean.admin import wire
from server.adapters.glean.admin.dataset_types import AUTHENTICATION
from server.adapters.glean.admin.documents import encode_admin_document
from server.adapters.glean.search.queries import run_searches
from server.adapters.glean.transport.client import GleanHttpClient, Secret
from server.adapters.glean.transport.paging import EncodedPage, repaginate, run_concurrently
from server.adapters.glean.transport.rate_limiter import RateLimiter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from domain.ports import Clock

T = TypeVar("T")

_PAGES_AT_ONCE: Final = 4
_OBSERVATIONS_AT_ONCE: Final = 8
_LIST_LIMIT: Final = 500
_MOST_LIST_PAGES: Final = 400
_MOST_HITS: Final = 100
_LONGEST_QUERY: Final = 1000
_ID: Final = re.compile(wire.ID)
_OWNER_TAG_KEY: Final = "managedBy"
_STATUS: Final = {"PENDING": "pending", "SYNCING": "syncing", "HEALTHY": "healthy", "UNHEALTHY": "unhealthy"}


class AdminPlatform(AbstractAsyncContextManager["AdminPlatform"]):
    """The platform port over the Admin dialect of one Glean. Open it before use, on one event loop."""

    capabilities = Capabilities()

    def __init__(
        self,
        base_url: str,
        token: Secret | Callable[[], str],
        *,
        clock: Clock,
        identity_url: str | None = None,
        limiter: RateLimiter | None = None,
        timeout_s: float = 30.0,
        waits: float = 1.0,
    ) -> None:
        """Prepare the client; nothing is sent yet.

        Args:
            base_url: the address of Glean, without `/api/v1`.
            token: the API key, or a function that returns it for each request.
            clock: the clock.
            identity_url: replaces the address in the fingerprint, since the embedded sandbox's port changes.
            limiter: the rate limiter that all clients of this Glean share.
            timeout_s: seconds to connect, and for each pause in a response.
            waits: factor of every pause between tries; tests make it tiny.

        Raises:
            SettingsError: the address or the key is invalid.
        """
        self._http = GleanHttpClient(
            f"{base_url.rstrip('/')}/api/v1",
            token,
            clock=clock,
            limiter=limiter or RateLimiter(),
            sent=wire.SENT_FIELDS,
            timeout_s=timeout_s,
            waits=waits,
        )
        self._url = identity_url or base_url.rstrip("/")
        self._clock = clock

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    @property
    def location(self) -> Fingerprint:
        """The dialect and address."""
        return Fingerprint(dialect="admin", url=self._url)

    async def fetch_fingerprint(self) -> Fingerprint:
        try:
            tenant = (await self._http.call("tenant.get", "GET", "/tenant", wire.Tenant)).id
        except PlatformNotFoundError:  # a Glean without this endpoint does not name its tenant
            tenant = None
        return Fingerprint(dialect="admin", url=self._url, tenant=tenant)

    async def find_datasources(self, names: Sequence[str] | None = None) -> Sequence[Datasource]:
        # Glean compares the names of datasources without case.
        wanted = None if names is None else {name.casefold() for name in names}
        return [
            Datasource(
                handle=each.id,
                name=each.name,
                kind=each.connector,
                mark=_owner_tag(each),
                document_count=each.document_count,
                config={name: value for name, value in each.config.items() if name != _OWNER_TAG_KEY},
            )
            for each in await self._list_datasources()
            if wanted is None or each.name.casefold() in wanted
        ]

    async def ensure(self, source: DatasourceSpec) -> str:
        config = _datasource_config(source)
        present = await self._find_by_name(source.name)
        if present is None:
            try:
                return (await self._create_datasource(source, config)).id
            except PlatformConflictError:
                # Either an earlier try succeeded and its response was lost, or somebody else created it between our
                # read and our call. The owner tag decides.
                present = await self._find_by_name(source.name)
                if present is None:
                    raise
        if _owner_tag(present) != source.mark or present.connector != source.kind:
            raise PlatformMismatchError(
                f"Glean has a datasource {source.name} that does not belong to this dataset."
            )
        if present.config != config:
            body = _encode_json({"config": config})
            await self._call_datasource(
                "datasources.update", "PUT", present.id, "", wire.Datasource, body=body
            )
        return present.id

    async def authorise(self, handle: str, mark: OwnerTag, secret: str) -> None:
        source = await self._require_owned(handle, mark)
        body = _encode_json({"authConfig": {"type": AUTHENTICATION.get(source.connector), "token": secret}})
        await self._call_datasource(
            "auth.set", "PUT", handle, "/auth", wire.AuthenticationResponse, body=body
        )

    async def push(
        self,
        handle: str,
        mark: OwnerTag,
        run: str,
        pages: AsyncIterator[Sequence[bytes]],
        sent: Callable[[int], None],
    ) -> int:
        await self._require_owned(handle, mark)
        count = 0

        async def send_page(page: EncodedPage) -> None:
            nonlocal count
            body = b'{"documents":[' + page.documents + b"]}"
            response = await self._call_datasource(
                "documents.upload",
                "POST",
                handle,
                _upload_path(run, "/documents"),
                wire.UploadResponse,
                body=body,
            )
            if response.accepted != page.count:
                raise PlatformInvalidError(
                    f"Glean accepted {response.accepted} of the {page.count} documents of a page."
                )
            count += page.count
            sent(count)

        # Close both generators on every way out, not when the garbage collector finds them.
        async with AsyncExitStack() as stack:
            if isinstance(pages, AsyncGenerator):
                await stack.enter_async_context(aclosing(pages))
            encoded_pages = repaginate(
                pages, encode_admin_document, max_count=wire.PAGE_COUNT, max_bytes=wire.PAGE_BYTES
            )
            await run_concurrently(
                await stack.enter_async_context(aclosing(encoded_pages)), send_page, at_once=_PAGES_AT_ONCE
            )
        return count

    async def start_sync(self, handle: str, mark: OwnerTag, run: str) -> SyncJob:
        await self._require_owned(handle, mark)
        body = _encode_json({"incremental": False, "uploadId": run})
        response = await self._call_datasource(
            "sync.start", "POST", handle, "/sync", wire.SyncStartResponse, body=body
        )
        return await self.fetch_sync_job(handle, run) or SyncJob(run=run, state=response.status.lower())

    async def fetch_sync_job(self, handle: str, run: str) -> SyncJob | None:
        try:
            sync = await self._call_datasource(
                "sync.find", "GET", handle, _upload_path(run, "/sync"), wire.Sync
            )
        except PlatformNotFoundError:
            return None
        return SyncJob(
            run=run,
            state=sync.status.lower(),
            total=sync.total,
            indexed=sync.indexed,
            started_at=sync.started_at,
        )

    async def stop_sync(self, handle: str, mark: OwnerTag) -> None:
        """Stop the running sync, if there is one. A datasource that is gone has none."""
        try:
            await self._require_owned(handle, mark)
            await self._call_datasource("sync.stop", "POST", handle, "/sync/stop", wire.SyncStopResponse)
        except PlatformNotFoundError:
            await self._require_unlisted(handle)

    async def discard_run(self, handle: str, mark: OwnerTag, run: str) -> None:
        """Discard the upload of a run. A run that is served stays; a datasource that is gone has none."""
        try:
            await self._require_owned(handle, mark)
            await self._call_datasource("uploads.discard", "DELETE", handle, _upload_path(run), type(None))
        except PlatformNotFoundError:
            await self._require_unlisted(handle)

    async def observe(self, handle: str) -> Observation:
        return await self._observe(handle, None)

    async def observe_all(
        self, handles: Sequence[str], found: Sequence[Datasource]
    ) -> Mapping[str, Observation | PlatformError]:
        listed = {each.handle: each for each in found}
        results: dict[str, Observation | PlatformError] = {}

        async def observe_one(handle: str) -> None:
            try:
                results[handle] = await self._observe(handle, listed)
            except PlatformError as error:
                results[handle] = error

        async def iterate_handles() -> AsyncIterator[str]:
            for handle in handles:
                yield handle

        await run_concurrently(iterate_handles(), observe_one, at_once=_OBSERVATIONS_AT_ONCE)
        return results

    async def delete_datasource(self, handle: str, mark: OwnerTag, attempt: str = "") -> Removal | None:
        del attempt  # a deletion is over when it is answered
        # The fingerprint is compared before and after: "not found" from another tenant must not count as deleted.
        before = await self.fetch_fingerprint()
        if await self._has_owned(handle, mark):
            # A 404 means that it was deleted meanwhile. It is not trusted alone: the list below has to agree.
            with suppress(PlatformNotFoundError):
                await self._call_datasource("datasources.delete", "DELETE", handle, "", type(None))
            if any(each.id == handle for each in await self._list_datasources()):
                raise PlatformUnavailableError(
                    "Glean said that the datasource was deleted, but still lists it."
                )
        if await self.fetch_fingerprint() != before:
            raise PlatformMismatchError("Another tenant answered while the datasource was being deleted.")
        return Removal(outcome=ConnectorOutcome.DELETED)

    async def is_still_served(self, handle: str, name: str, lines: Sequence[bytes]) -> bool:
        """Whether a search finds any of those documents in the datasource of that name."""
        for line in lines:
            if await self.search(probe_query(line), name=name, limit=1):
                return True
        return False

    async def search(self, query: str, *, name: str | None = None, limit: int = 10) -> Sequence[SearchHit]:
        parameters = {"query": query[:_LONGEST_QUERY], "limit": max(1, min(limit, _MOST_HITS))}
        body = _encode_json(parameters if name is None else {**parameters, "datasource": name})
        response = await self._http.call("search", "POST", "/search", wire.SearchResults, body=body)
        return [
            SearchHit(
                datasource=each.datasource, document_id=each.document_id, title=each.title, url=each.url
            )
            for each in response.results
        ]

    async def search_each(
        self, queries: Sequence[str], *, name: str, limit: int, seconds: float
    ) -> Sequence[Sequence[SearchHit]]:
        return await run_searches(partial(self.search, name=name, limit=limit), queries, seconds)

    async def _list_datasources(self) -> list[wire.Datasource]:
        listed: list[wire.Datasource] = []
        query: dict[str, str | int] = {"limit": _LIST_LIMIT}
        # Bounded, so that a cursor that repeats cannot keep a teardown in this loop for ever.
        for _ in range(_MOST_LIST_PAGES):
            page = await self._http.call(
                "datasources.list", "GET", "/datasources", wire.Datasources, query=query
            )
            listed += page.datasources
            if page.next_cursor is None:
                return listed
            query["cursor"] = page.next_cursor
        raise PlatformUnavailableError("Glean's list of datasources does not end.")

    async def _find_by_name(self, name: str) -> wire.Datasource | None:
        wanted = name.casefold()
        return next((each for each in await self._list_datasources() if each.name.casefold() == wanted), None)

    async def _create_datasource(self, source: DatasourceSpec, config: dict[str, Any]) -> wire.Datasource:
        body = _encode_json({"name": source.name, "connector": source.kind, "config": config})
        return await self._http.call("datasources.create", "POST", "/datasources", wire.Datasource, body=body)

    async def _require_owned(self, handle: str, mark: OwnerTag) -> wire.Datasource:
        source = await self._call_datasource("datasources.get", "GET", handle, "", wire.Datasource)
        if _owner_tag(source) != mark:
            raise PlatformMismatchError(f"What Glean has under this id, {mark.dataset_id} does not own.")
        return source

    async def _has_owned(self, handle: str, mark: OwnerTag) -> bool:
        """Whether the datasource exists and is ours. False only when the list and the API's own 404 agree."""
        listed = next((each for each in await self._list_datasources() if each.id == handle), None)
        if listed is None:
            try:
                await self._require_owned(handle, mark)
            except PlatformNotFoundError:
                return False
        elif _owner_tag(listed) != mark:
            raise PlatformMismatchError(f"What Glean has under this id, {mark.dataset_id} does not own.")
        return True

    async def _observe(self, handle: str, listed: Mapping[str, Datasource] | None) -> Observation:
        # A list read just before saves one request a datasource, and says whose it is.
        entry = listed.get(handle) if listed is not None else None
        try:
            if entry is not None:
                mark = entry.mark
            else:
                mark = _owner_tag(
                    await self._call_datasource("datasources.get", "GET", handle, "", wire.Datasource)
                )
            health = await self._call_datasource("health.get", "GET", handle, "/health", wire.Health)
        except PlatformNotFoundError:
            if listed is None or entry is not None:
                await self._require_unlisted(handle)
            return Observation(present=False, at=self._clock.now())
        running = health.running_job
        return Observation(
            present=True,
            at=self._clock.now(),
            mark=mark,
            status=_STATUS.get(health.status),
            syncing=running is not None or health.status == "SYNCING",
            syncing_since=None if running is None else await self._fetch_started_at(handle, running),
            last_successful_sync=health.last_successful_sync,
            error_count_24h=health.error_count,
            document_count=health.document_count,
        )

    async def _require_unlisted(self, handle: str) -> None:
        """Check that the list agrees with a 404. Raises PlatformUnavailableError when the datasource is listed."""
        if any(each.id == handle for each in await self._list_datasources()):
            raise PlatformUnavailableError(
                "Glean lists a datasource, but answers that it does not exist."
            ) from None

    async def _fetch_started_at(self, handle: str, job_id: str) -> datetime | None:
        try:
            return (
                await self._call_datasource(
                    "sync.get", "GET", handle, f"/sync/{_quote_id(job_id)}", wire.Sync
                )
            ).started_at
        except PlatformNotFoundError:
            return None

    async def _call_datasource(
        self,
        operation: str,
        method: str,
        handle: str,
        below: str,
        response_type: type[T],
        *,
        body: bytes | None = None,
    ) -> T:
        return await self._http.call(
            operation, method, f"/datasources/{_quote_id(handle)}{below}", response_type, body=body
        )


def _datasource_config(source: DatasourceSpec) -> dict[str, Any]:
    mark = {"installation": source.mark.installation, "datasetId": source.mark.dataset_id}
    return {**source.config, _OWNER_TAG_KEY: mark}


def _owner_tag(source: wire.Datasource) -> OwnerTag | None:
    match source.config.get(_OWNER_TAG_KEY):
        case {"installation": str(installation), "datasetId": str(dataset_id)}:
            return OwnerTag(installation=installation, dataset_id=dataset_id)
    return None


def _upload_path(run: str, below: str = "") -> str:
    return f"/uploads/{_quote_id(run)}{below}"


def _quote_id(part: str) -> str:
    if not _ID.fullmatch(part):
        raise PlatformInvalidError("An id of Glean has characters that no id has, so no request was sent.")
    return quote(part, safe="")


def _encode_json(value: object) -> bytes:
    return msgspec.json.encode(value)
