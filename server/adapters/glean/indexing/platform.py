"""Glean's Indexing API behind the platform port (https://developers.glean.com/api-info/indexing/getting-started/overview).

It differs from the Admin dialect in three ways. A run is one bulk upload: `push` sends all of its pages, and
`start_sync` the last, empty one, after which Glean indexes the upload and deletes the documents that it lacks.
Datasources cannot be listed, a sync cannot be stopped, and Glean does not count errors. A datasource cannot be deleted,
only emptied: its registration stays until an admin removes it in the admin console.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import anyio
import msgspec

from domain.errors import (
    PlatformError,
    PlatformInvalidError,
    PlatformNotFoundError,
    PlatformRunLostError,
    PlatformUnavailableError,
)
from domain.model import ConnectorOutcome, Fingerprint, OwnerTag
from domain.ports import Capabilities, Datasource, Observation, Removal, SyncJob
from server.adapters.glean.indexing import wire
from server.adapters.glean.indexing.config import display_name_of, has_config_changed, owner_of, site_of
from server.adapters.glean.indexing.documents import DocumentEncoder, DocumentIdentity, identify_document
from server.adapters.glean.indexing.names import datasource_of
from server.adapters.glean.indexing.registry import DatasourceRegistry, contradiction_error, is_released
from server.adapters.glean.indexing.upload_status import (
    ATTEMPT_SEPARATOR,
    has_upload_ended,
    is_document_indexed,
    is_emptied,
    is_upload_open,
    observation_from_status,
    sync_job_of,
    upload_being_indexed,
)
from server.adapters.glean.indexing.wire import (
    SENT_FIELDS,
    Acknowledgement,
    DatasourceStatus,
    DebugDocumentsResponse,
    DocumentAccess,
    single_page_upload,
)
from server.adapters.glean.transport.client import GleanHttpClient, Secret
from server.adapters.glean.transport.paging import EncodedPage, repaginate, run_concurrently
from server.adapters.glean.transport.rate_limiter import RateLimiter
from server.adapters.glean.transport.remedies import denial_remedy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from types import TracebackType

    from domain.ports import Clock, DatasourceSpec, SearchHit

T = TypeVar("T")

_OBSERVATIONS_AT_ONCE: Final = 8
_EMPTYING: Final = "emptied"
_NO_SEARCH: Final = (
    "Glean's Indexing API has no search. Its Client API has one, which needs a token of its own."
)
_LEFTOVER_NOTICE: Final = (
    "The datasource {name} is still registered in Glean, and empty. Have an admin there delete it: Admin console, "
    "Overview, Extreme measures, Delete instance."
)


class IndexingPlatform(AbstractAsyncContextManager["IndexingPlatform"]):
    """The platform port over the Indexing dialect of one Glean. Open it before use, on one event loop."""

    capabilities = Capabilities(authorise=False, stop=False, delete=False, list=False, search=False)

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
            base_url: the address of the instance, such as `https://acme-be.glean.com`.
            token: an indexing token, or a function that returns it for each request.
            clock: the clock.
            identity_url: replaces the address in the fingerprint, since the embedded sandbox's port changes.
            limiter: the rate limiter that all clients of this Glean share.
            timeout_s: seconds to connect, and for each pause in a response.
            waits: factor of every pause between tries; tests make it tiny.

        Raises:
            SettingsError: the address or the token is invalid.
        """
        limiter = limiter or RateLimiter()
        self._http = GleanHttpClient(
            f"{base_url.rstrip('/')}/api/index/v1",
            token,
            clock=clock,
            limiter=limiter,
            sent=SENT_FIELDS,
            timeout_s=timeout_s,
            waits=waits,
            denial=denial_remedy,
        )
        self._registry = DatasourceRegistry(self._http)
        self._url = identity_url or base_url.rstrip("/")
        self._clock = clock
        # All uploads share these places: a page is made only when it can be sent, so many uploads hold no more pages
        # in memory than one does.
        self._places = anyio.Semaphore(limiter.in_flight)
        # Uploads whose pages all were sent by this process. Only those may be completed: see `start_sync`.
        self._whole: dict[tuple[str, str], str] = {}

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
        return Fingerprint(dialect="indexing", url=self._url)

    async def fetch_fingerprint(self) -> Fingerprint:
        """The fingerprint is the address alone: this API names no tenant. Makes no request."""
        return self.location

    async def find_datasources(self, names: Sequence[str] | None = None) -> Sequence[Datasource]:
        if names is None:
            raise PlatformInvalidError("Glean's Indexing API has no list of datasources.")
        found: list[Datasource] = []
        for name in names:
            handle = datasource_of(name)
            config = await self._registry.fetch_config(handle)
            if config is not None:
                owner = owner_of(config)
                found.append(
                    Datasource(
                        handle=handle,
                        name=display_name_of(config, handle, name),
                        kind=owner.kind if owner else "custom",
                        mark=owner.mark if owner else None,
                        changed=has_config_changed(config),
                    )
                )
        return found

    async def ensure(self, source: DatasourceSpec) -> str:
        return await self._registry.ensure(source)

    async def authorise(self, handle: str, mark: OwnerTag, secret: str) -> None:
        """Check ownership only: the documents are pushed, so no connector has to sign in."""
        await self._registry.require_owned(handle, mark)

    async def push(
        self,
        handle: str,
        mark: OwnerTag,
        run: str,
        pages: AsyncIterator[Sequence[bytes]],
        sent: Callable[[int], None],
    ) -> int:
        config = await self._registry.require_owned(handle, mark)
        upload = f"{run}~{secrets.token_hex(4)}"
        encoder = DocumentEncoder(handle, site_of(config))
        count = 0

        async def send_page(page: EncodedPage, *, first: bool = False) -> None:
            nonlocal count
            flags = b',"isFirstPage":true,"forceRestartUpload":true' if first else b""
            head = msgspec.json.encode({"uploadId": upload, "datasource": handle})
            body = head[:-1] + flags + b',"documents":[' + page.documents + b"]}"
            try:
                await self._http.call(
                    "bulkindexdocuments", "POST", "/bulkindexdocuments", Acknowledgement, body=body
                )
            except PlatformInvalidError as error:
                raise error if first else await self._diagnose_refusal(handle, upload, error) from None
            count += page.count
            sent(count)

        async with AsyncExitStack() as stack:
            if isinstance(pages, AsyncGenerator):
                await stack.enter_async_context(aclosing(pages))
            encoded_pages = await stack.enter_async_context(
                aclosing(
                    repaginate(pages, encoder.encode, max_count=wire.PAGE_COUNT, max_bytes=wire.PAGE_BYTES)
                )
            )
            ready = await stack.enter_async_context(
                aclosing(self._register_readers(handle, encoder, encoded_pages))
            )
            # Glean requires that the first page is sent alone; the pages after it may go in parallel.
            await send_page(await anext(ready), first=True)
            await run_concurrently(ready, send_page, at_once=self._places)
        self._whole[handle, run] = upload
        return count

    async def start_sync(self, handle: str, mark: OwnerTag, run: str) -> SyncJob:
        """Complete the upload of a run by its last page, unless the run has a completed upload already.

        Only an upload that this process has sent is completed. Glean does not say which pages an upload holds, so one
        that another process began may be incomplete. Raises PlatformRunLostError when the run has to be pushed again.
        """
        await self._registry.require_owned(handle, mark)
        status = await self._fetch_status(handle)
        if (job := sync_job_of(status, run)) is not None:
            return job
        upload = self._whole.get((handle, run))
        if upload is None or not is_upload_open(status, upload):
            raise PlatformRunLostError("Glean no longer has the upload of this run that this process sent.")
        await self._send_last_page(handle, upload)
        del self._whole[handle, run]
        job = await self.fetch_sync_job(handle, run)
        if job is None:
            raise PlatformUnavailableError(
                "Glean accepted the last page of the upload, but does not list the upload as completed."
            )
        return job

    async def fetch_sync_job(self, handle: str, run: str) -> SyncJob | None:
        try:
            return sync_job_of(await self._fetch_status(handle), run)
        except PlatformNotFoundError:
            return None

    async def stop_sync(self, handle: str, mark: OwnerTag) -> None:
        """Check that no upload is being indexed: Glean cannot stop one. Raises PlatformUnavailableError when one is."""
        try:
            await self._registry.require_owned(handle, mark)
            if upload_being_indexed(await self._fetch_status(handle)) is not None:
                raise PlatformUnavailableError("Glean is indexing an upload, which cannot be stopped.")
        except PlatformNotFoundError:
            return

    async def discard_run(self, handle: str, mark: OwnerTag, run: str) -> None:
        """Check ownership only: an upload without a last page is never served, and the next one replaces it."""
        with suppress(PlatformNotFoundError):
            await self._registry.require_owned(handle, mark)

    async def observe(self, handle: str) -> Observation:
        now = self._clock.now()
        config = await self._registry.fetch_config(handle)
        if config is None:
            return Observation(present=False, at=now)
        owner = owner_of(config)
        if owner is not None and owner.mark is None:  # released: it was emptied
            return Observation(present=False, at=now)
        observation = observation_from_status(await self._fetch_status(handle), now)
        return replace(observation, mark=owner.mark if owner else None, changed=has_config_changed(config))

    async def observe_all(
        self,
        handles: Sequence[str],
        found: Sequence[Datasource],
    ) -> Mapping[str, Observation | PlatformError]:
        results: dict[str, Observation | PlatformError] = {}

        async def observe_one(handle: str) -> None:
            try:
                results[handle] = await self.observe(handle)
            except PlatformError as error:
                results[handle] = error

        async def iterate_handles() -> AsyncIterator[str]:
            for handle in handles:
                yield handle

        await run_concurrently(iterate_handles(), observe_one, at_once=_OBSERVATIONS_AT_ONCE)
        return results

    async def delete_datasource(self, handle: str, mark: OwnerTag, attempt: str = "") -> Removal | None:
        """Empty the datasource; None as long as Glean is still deleting.

        The registration stays, with an owner tag that names no dataset, so that a later dataset of that name can use
        it.
        """
        config = await self._registry.fetch_config(handle)
        if config is None:
            return Removal(outcome=ConnectorOutcome.DELETED)
        if is_released(config, mark):
            return _emptied_removal(config, handle)
        config = await self._registry.require_owned(handle, mark)
        run = f"{mark.dataset_id}-{_EMPTYING}"
        key = hashlib.sha256(attempt.encode()).hexdigest()[:8] if attempt else ""
        done = is_emptied(await self._fetch_status(handle), run, key)
        if done is None:
            sent = f"{run}{ATTEMPT_SEPARATOR}{key}" if key else run
            await self._empty_datasource(handle, f"{sent}~{secrets.token_hex(4)}")
        if not done:
            return None
        # Users go only after the documents that name them, and the release comes last: a process that dies
        # before it finds the datasource still owned, and does the rest again.
        await self._delete_users(handle, f"{run}~{secrets.token_hex(4)}")
        await self._registry.release(handle, mark, config)
        return _emptied_removal(config, handle)

    async def is_still_served(self, handle: str, name: str, lines: Sequence[bytes]) -> bool:
        """Whether any of those documents is still served, by its status and by a check of its reader's access."""
        documents = [identify_document(line) for line in lines]
        if not documents:
            return False
        queries = [{"objectType": each.kind, "docId": each.id} for each in documents]
        try:
            statuses = await self._query(
                "debug.documents",
                f"/debug/{handle}/documents",
                DebugDocumentsResponse,
                {"debugDocuments": queries},
            )
        except PlatformNotFoundError:
            if await self._registry.fetch_config(handle) is not None:
                raise contradiction_error() from None
            return False
        if any(is_document_indexed(statuses, each.id) for each in documents):
            return True
        # The status may say "not indexed" while search still finds the document, so ask what its reader can access.
        for each in documents:
            if await self._is_accessible(handle, each):
                return True
        return False

    async def _is_accessible(self, handle: str, document: DocumentIdentity) -> bool:
        body = {
            "datasource": handle,
            "objectType": document.kind,
            "docId": document.id,
            "userEmail": document.reader,
        }
        try:
            access = await self._query("checkdocumentaccess", "/checkdocumentaccess", DocumentAccess, body)
        except PlatformNotFoundError:
            return False
        return access.has_access

    async def search(self, query: str, *, name: str | None = None, limit: int = 10) -> Sequence[SearchHit]:
        raise PlatformInvalidError(_NO_SEARCH)

    async def search_each(
        self,
        queries: Sequence[str],
        *,
        name: str,
        limit: int,
        seconds: float,
    ) -> Sequence[Sequence[SearchHit]]:
        raise PlatformInvalidError(_NO_SEARCH)

    async def _register_readers(
        self, handle: str, encoder: DocumentEncoder, pages: AsyncIterator[EncodedPage]
    ) -> AsyncGenerator[EncodedPage, None]:
        """Yield each page after the readers that its documents name were registered."""
        async for page in pages:
            for email in encoder.take_new_readers():
                user = {"email": email, "name": email.partition("@")[0]}
                await self._send_change("indexuser", {"datasource": handle, "user": user})
            yield page

    async def _send_last_page(self, handle: str, upload: str) -> None:
        """Send the last page. When its response is lost, read from the upload history whether it arrived."""
        body = {
            "uploadId": upload,
            "datasource": handle,
            "documents": [],
            "isLastPage": True,
            "disableStaleDocumentDeletionCheck": True,  # else Glean pauses the deletion for a week when much would go
        }
        try:
            await self._send_change("bulkindexdocuments", body)
        except PlatformInvalidError as error:
            if not has_upload_ended(await self._fetch_status(handle), upload):
                raise await self._diagnose_refusal(handle, upload, error) from None

    async def _diagnose_refusal(
        self, handle: str, upload: str, error: PlatformInvalidError
    ) -> PlatformInvalidError:
        """The error for a refused page: the run is lost when another upload replaced it, else Glean's own refusal."""
        if is_upload_open(await self._fetch_status(handle), upload):
            return error
        return PlatformRunLostError("Another upload replaced the one of this run.")

    async def _empty_datasource(self, handle: str, upload: str) -> None:
        page = {
            **single_page_upload(handle, upload),
            "documents": [],
            "disableStaleDocumentDeletionCheck": True,
        }
        try:
            await self._send_change("bulkindexdocuments", page)
        except PlatformInvalidError:
            if not has_upload_ended(await self._fetch_status(handle), upload):
                raise

    async def _delete_users(self, handle: str, upload: str) -> None:
        """Delete all users of the datasource, once no document names them."""
        page = {**single_page_upload(handle, upload), "users": [], "disableStaleDataDeletionCheck": True}
        try:
            await self._send_change("bulkindexusers", page)
        except PlatformInvalidError:
            if not has_upload_ended(await self._fetch_status(handle), upload):
                raise

    async def _fetch_status(self, handle: str) -> DatasourceStatus:
        try:
            return await self._query("debug.status", f"/debug/{handle}/status", DatasourceStatus, {})
        except PlatformNotFoundError:
            if await self._registry.fetch_config(handle) is not None:
                raise contradiction_error() from None
            raise

    async def _query(self, operation: str, path: str, response_type: type[T], body: object) -> T:
        # The request holds nothing but the datasource's name, so a 400 means that there is none of this name.
        return await self._http.call(
            operation, "POST", path, response_type, body=msgspec.json.encode(body), absent=frozenset({400})
        )

    async def _send_change(self, operation: str, body: object) -> None:
        await self._http.call(
            operation,
            "POST",
            f"/{operation}",
            Acknowledgement,
            body=msgspec.json.encode(body),
        )


def _emptied_removal(config: Mapping[str, Any], handle: str) -> Removal:
    return Removal(
        outcome=ConnectorOutcome.EMPTIED,
        left=_LEFTOVER_NOTICE.format(name=display_name_of(config, handle, handle)),
    )
