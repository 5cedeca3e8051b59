"""Glean's Indexing API behind the platform port (https://developers.glean.com/api-info/indexing/getting-started/overview).

It differs from what the port is named after in three ways. A run is one bulk upload: `push` sends all of its pages, and
`sync` the last, empty one, with which Glean begins to index it and to forget what it lacks. Nothing can be listed or
stopped, and Glean does not count errors. And a datasource cannot be deleted, only emptied: its registration stays until
somebody removes it in the admin console.
"""

from __future__ import annotations

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
_NO_SEARCH: Final = "Glean's Indexing API cannot be searched; its Client API can, with a token of its own."
_LEFTOVER_NOTICE: Final = (
    "The datasource {name} is still registered in Glean, and empty. Have an admin there delete it: Admin console, "
    "Overview, Extreme measures, Delete instance."
)


class IndexingPlatform(AbstractAsyncContextManager["IndexingPlatform"]):
    """One Glean that speaks the Indexing dialect; open it before use, on one event loop."""

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
        """Prepare to talk; nothing is sent yet.

        Args:
            base_url: the instance, `https://acme-be.glean.com`.
            token: an indexing token, or where it is asked for at each request.
            clock: the time.
            identity_url: what stands for the address in the fingerprint: the embedded sandbox's port changes.
            limiter: shared by everything that talks to this Glean.
            timeout_s: for connecting, and for each pause in an answer.
            waits: scales every pause between tries; tests make it tiny.

        Raises:
            SettingsError: the address or the token cannot be used.
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
        # Shared by all uploads: no page is made that could not be sent, so many datasets hold no more of them than one.
        self._places = anyio.Semaphore(limiter.in_flight)
        self._whole: dict[tuple[str, str], str] = {}

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def fetch_fingerprint(self) -> Fingerprint:
        """The address: Glean does not say more. Makes no call."""
        return Fingerprint(dialect="indexing", url=self._url)

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
        """Nothing signs in anywhere: the documents are pushed."""
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
            cut = await stack.enter_async_context(
                aclosing(
                    repaginate(pages, encoder.encode, max_count=wire.PAGE_COUNT, max_bytes=wire.PAGE_BYTES)
                )
            )
            ready = await stack.enter_async_context(aclosing(self._register_readers(handle, encoder, cut)))
            await send_page(await anext(ready), first=True)
            await run_concurrently(ready, send_page, at_once=self._places)
        self._whole[handle, run] = upload
        return count

    async def start_sync(self, handle: str, mark: OwnerTag, run: str) -> SyncJob:
        """Send the last page of the upload that this very process has sent, unless the run has one that was ended.

        Glean does not say what an upload holds. One that another process began may lack pages, however old it is.
        """
        await self._registry.require_owned(handle, mark)
        now = await self._fetch_status(handle)
        if (found := sync_job_of(now, run)) is not None:
            return found
        upload = self._whole.get((handle, run))
        if upload is None or not is_upload_open(now, upload):
            raise PlatformRunLostError("Glean does not have this run as this process pushed it.")
        await self._send_last_page(handle, upload)
        del self._whole[handle, run]
        found = await self.fetch_sync_job(handle, run)
        if found is None:
            raise PlatformUnavailableError("Glean took the end of the upload, and does not tell of it.")
        return found

    async def fetch_sync_job(self, handle: str, run: str) -> SyncJob | None:
        try:
            return sync_job_of(await self._fetch_status(handle), run)
        except PlatformNotFoundError:
            return None

    async def stop_sync(self, handle: str, mark: OwnerTag) -> None:
        """Nothing can be stopped: what is being indexed has to be waited for. Raises PlatformUnavailableError."""
        try:
            await self._registry.require_owned(handle, mark)
            if upload_being_indexed(await self._fetch_status(handle)) is not None:
                raise PlatformUnavailableError("Glean indexes an upload, and cannot be stopped.")
        except PlatformNotFoundError:
            return

    async def discard_run(self, handle: str, mark: OwnerTag, run: str) -> None:
        """Nothing to do: an upload that was never ended serves nothing, and the next one takes its place."""
        with suppress(PlatformNotFoundError):
            await self._registry.require_owned(handle, mark)

    async def observe(self, handle: str) -> Observation:
        now = self._clock.now()
        config = await self._registry.fetch_config(handle)
        if config is None:
            return Observation(present=False, at=now)
        owner = owner_of(config)
        if owner is not None and owner.mark is None:  # emptied, so that nothing of ours is there
            return Observation(present=False, at=now)
        seen = observation_from_status(await self._fetch_status(handle), now)
        return replace(seen, mark=owner.mark if owner else None, changed=has_config_changed(config))

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

    async def delete_datasource(self, handle: str, mark: OwnerTag) -> Removal | None:
        """Have everything deleted that it serves; None as long as Glean is at it.

        The registration stays, without our mark's dataset, so that the next dataset of that name may have it.
        """
        config = await self._registry.fetch_config(handle)
        if config is None:
            return Removal(outcome=ConnectorOutcome.DELETED)
        if is_released(config, mark):
            return _emptied_removal(config, handle)
        config = await self._registry.require_owned(handle, mark)
        run = f"{mark.dataset_id}-{_EMPTYING}"
        done = is_emptied(await self._fetch_status(handle), run)
        if done is None:
            await self._empty_datasource(handle, f"{run}~{secrets.token_hex(4)}")
        if not done:
            return None
        await self._delete_users(handle, f"{run}~{secrets.token_hex(4)}")
        await self._registry.release(handle, mark, config)
        return _emptied_removal(config, handle)

    async def is_still_served(self, handle: str, name: str, lines: Sequence[bytes]) -> bool:
        """Whether any of those documents is still there, by what Glean tells of each, and of who may see it."""
        asked = [identify_document(line) for line in lines]
        if not asked:
            return False
        about = [{"objectType": each.kind, "docId": each.id} for each in asked]
        try:
            told = await self._query(
                "debug.documents",
                f"/debug/{handle}/documents",
                DebugDocumentsResponse,
                {"debugDocuments": about},
            )
        except PlatformNotFoundError:
            if await self._registry.fetch_config(handle) is not None:
                raise contradiction_error() from None
            return False
        if any(is_document_indexed(told, each.id) for each in asked):
            return True
        for each in asked:
            if await self._is_accessible(handle, each):
                return True
        return False

    async def _is_accessible(self, handle: str, one: DocumentIdentity) -> bool:
        body = {"datasource": handle, "objectType": one.kind, "docId": one.id, "userEmail": one.reader}
        try:
            told = await self._query("checkdocumentaccess", "/checkdocumentaccess", DocumentAccess, body)
        except PlatformNotFoundError:
            return False
        return told.has_access

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
        """The pages, each after the readers whom its documents name were made known."""
        async for page in pages:
            for email in encoder.take_new_readers():
                user = {"email": email, "name": email.partition("@")[0]}
                await self._send_change("indexuser", {"datasource": handle, "user": user})
            yield page

    async def _send_last_page(self, handle: str, upload: str) -> None:
        """Send the last page. Whether it came when its answer was lost is read from the history of uploads."""
        body = {
            "uploadId": upload,
            "datasource": handle,
            "documents": [],
            "isLastPage": True,
            "disableStaleDocumentDeletionCheck": True,  # what is not in this run is not wanted, however much it is
        }
        try:
            await self._send_change("bulkindexdocuments", body)
        except PlatformInvalidError as error:
            if not has_upload_ended(await self._fetch_status(handle), upload):
                raise await self._diagnose_refusal(handle, upload, error) from None

    async def _diagnose_refusal(
        self, handle: str, upload: str, error: PlatformInvalidError
    ) -> PlatformInvalidError:
        """What a refused page means: that another upload took this one's place, or else what Glean said."""
        if is_upload_open(await self._fetch_status(handle), upload):
            return error
        return PlatformRunLostError("Another upload took the place of this run's.")

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
        """Once no document names them: whoever dies between the two does it again."""
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

    async def _query(self, operation: str, path: str, answer: type[T], body: object) -> T:
        # The only thing that Glean can refuse about a question with nothing but a name in it is that name.
        return await self._http.call(
            operation, "POST", path, answer, body=msgspec.json.encode(body), absent=frozenset({400})
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
