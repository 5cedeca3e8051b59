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
from domain.model import Fingerprint, Mark
from domain.platform import Can, Found, Job, Observation, Removal
from domain.vocabulary import ConnectorOutcome
from server.adapters.glean import indexing_status as status
from server.adapters.glean import indexing_wire as wire
from server.adapters.glean.http import Http, Secret
from server.adapters.glean.indexing_config import changed, name_of, owner_of, site_of
from server.adapters.glean.indexing_documents import Encoder, Identified, identified
from server.adapters.glean.indexing_names import datasource_of
from server.adapters.glean.indexing_registry import Registry, contradiction, is_free
from server.adapters.glean.limiter import Limiter
from server.adapters.glean.paging import Page, recut, spread
from server.adapters.glean.remedies import denial

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from types import TracebackType

    from domain.platform import Hit, Source
    from domain.ports import Clock

T = TypeVar("T")

_LOOKS_AT_ONCE: Final = 8
_EMPTYING: Final = "emptied"
_NO_SEARCH: Final = "Glean's Indexing API cannot be searched; its Client API can, with a token of its own."
_CONSOLE: Final = (
    "The datasource {name} is still registered in Glean, and empty. Have an admin there delete it: Admin console, "
    "Overview, Extreme measures, Delete instance."
)


class IndexingGlean(AbstractAsyncContextManager["IndexingGlean"]):
    """One Glean that speaks the Indexing dialect; open it before use, on one event loop."""

    can = Can(authorise=False, stop=False, delete=False, list=False, search=False)

    def __init__(
        self,
        base_url: str,
        token: Secret | Callable[[], str],
        *,
        clock: Clock,
        identity_url: str | None = None,
        limiter: Limiter | None = None,
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
        limiter = limiter or Limiter()
        self._http = Http(
            f"{base_url.rstrip('/')}/api/index/v1",
            token,
            clock=clock,
            limiter=limiter,
            sent=wire.SENT,
            timeout_s=timeout_s,
            waits=waits,
            denial=denial,
        )
        self._registry = Registry(self._http)
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

    async def fingerprint(self) -> Fingerprint:
        """The address: Glean does not say more. Makes no call."""
        return Fingerprint(dialect="indexing", url=self._url)

    async def find(self, names: Sequence[str] | None = None) -> Sequence[Found]:
        if names is None:
            raise PlatformInvalidError("Glean's Indexing API has no list of datasources.")
        found: list[Found] = []
        for name in names:
            handle = datasource_of(name)
            config = await self._registry.held(handle)
            if config is not None:
                owner = owner_of(config)
                found.append(
                    Found(
                        handle=handle,
                        name=name_of(config, handle, name),
                        kind=owner.kind if owner else "custom",
                        mark=owner.mark if owner else None,
                        changed=changed(config),
                    )
                )
        return found

    async def ensure(self, source: Source) -> str:
        return await self._registry.ensure(source)

    async def authorise(self, handle: str, mark: Mark, secret: str) -> None:  # noqa: ARG002 - the port's own form
        """Nothing signs in anywhere: the documents are pushed."""
        await self._registry.owned(handle, mark)

    async def push(
        self,
        handle: str,
        mark: Mark,
        run: str,
        pages: AsyncIterator[Sequence[bytes]],
        sent: Callable[[int], None],
    ) -> int:
        config = await self._registry.owned(handle, mark)
        upload = f"{run}~{secrets.token_hex(4)}"
        encoder = Encoder(handle, site_of(config))
        count = 0

        async def send(page: Page, *, first: bool = False) -> None:
            nonlocal count
            flags = b',"isFirstPage":true,"forceRestartUpload":true' if first else b""
            head = msgspec.json.encode({"uploadId": upload, "datasource": handle})
            body = head[:-1] + flags + b',"documents":[' + page.documents + b"]}"
            try:
                await self._http.call(
                    "bulkindexdocuments", "POST", "/bulkindexdocuments", wire.Acknowledged, body=body
                )
            except PlatformInvalidError as error:
                raise error if first else await self._refused(handle, upload, error) from None
            count += page.count
            sent(count)

        async with AsyncExitStack() as stack:
            if isinstance(pages, AsyncGenerator):
                await stack.enter_async_context(aclosing(pages))
            cut = await stack.enter_async_context(
                aclosing(recut(pages, encoder.encode, max_count=wire.PAGE_COUNT, max_bytes=wire.PAGE_BYTES))
            )
            ready = await stack.enter_async_context(aclosing(self._introduced(handle, encoder, cut)))
            await send(await anext(ready), first=True)
            await spread(ready, send, at_once=self._places)
        self._whole[handle, run] = upload
        return count

    async def sync(self, handle: str, mark: Mark, run: str) -> Job:
        """Send the last page of the upload that this very process has sent, unless the run has one that was ended.

        Glean does not say what an upload holds. One that another process began may lack pages, however old it is.
        """
        await self._registry.owned(handle, mark)
        now = await self._status(handle)
        if (found := status.job_of(now, run)) is not None:
            return found
        upload = self._whole.get((handle, run))
        if upload is None or not status.is_open(now, upload):
            raise PlatformRunLostError("Glean does not have this run as this process pushed it.")
        await self._end(handle, upload)
        del self._whole[handle, run]
        found = await self.job(handle, run)
        if found is None:
            raise PlatformUnavailableError("Glean took the end of the upload, and does not tell of it.")
        return found

    async def job(self, handle: str, run: str) -> Job | None:
        try:
            return status.job_of(await self._status(handle), run)
        except PlatformNotFoundError:
            return None

    async def stop(self, handle: str, mark: Mark) -> None:
        """Nothing can be stopped: what is being indexed has to be waited for. Raises PlatformUnavailableError."""
        try:
            await self._registry.owned(handle, mark)
            if status.indexing(await self._status(handle)) is not None:
                raise PlatformUnavailableError("Glean indexes an upload, and cannot be stopped.")
        except PlatformNotFoundError:
            return

    async def discard(self, handle: str, mark: Mark, run: str) -> None:  # noqa: ARG002 - the port's own form
        """Nothing to do: an upload that was never ended serves nothing, and the next one takes its place."""
        with suppress(PlatformNotFoundError):
            await self._registry.owned(handle, mark)

    async def observe(self, handle: str) -> Observation:
        now = self._clock.now()
        config = await self._registry.held(handle)
        if config is None:
            return Observation(present=False, at=now)
        owner = owner_of(config)
        if owner is not None and owner.mark is None:  # emptied, so that nothing of ours is there
            return Observation(present=False, at=now)
        seen = status.observation(await self._status(handle), now)
        return replace(seen, mark=owner.mark if owner else None, changed=changed(config))

    async def observe_all(
        self,
        handles: Sequence[str],
        found: Sequence[Found],  # noqa: ARG002 - the port's own form
    ) -> Mapping[str, Observation | PlatformError]:
        results: dict[str, Observation | PlatformError] = {}

        async def look(handle: str) -> None:
            try:
                results[handle] = await self.observe(handle)
            except PlatformError as error:
                results[handle] = error

        async def each() -> AsyncIterator[str]:
            for handle in handles:
                yield handle

        await spread(each(), look, at_once=_LOOKS_AT_ONCE)
        return results

    async def remove(self, handle: str, mark: Mark) -> Removal | None:
        """Have everything deleted that it serves; None as long as Glean is at it.

        The registration stays, without our mark's dataset, so that the next dataset of that name may have it.
        """
        config = await self._registry.held(handle)
        if config is None:
            return Removal(outcome=ConnectorOutcome.DELETED)
        if is_free(config, mark):
            return _emptied(config, handle)
        config = await self._registry.owned(handle, mark)
        run = f"{mark.dataset_id}-{_EMPTYING}"
        done = status.emptied(await self._status(handle), run)
        if done is None:
            await self._empty(handle, f"{run}~{secrets.token_hex(4)}")
        if not done:
            return None
        await self._forget_users(handle, f"{run}~{secrets.token_hex(4)}")
        await self._registry.release(handle, mark, config)
        return _emptied(config, handle)

    async def serves(self, handle: str, name: str, lines: Sequence[bytes]) -> bool:  # noqa: ARG002 - the port's own form
        """Whether any of those documents is still there, by what Glean tells of each, and of who may see it."""
        asked = [identified(line) for line in lines]
        if not asked:
            return False
        about = [{"objectType": each.kind, "docId": each.id} for each in asked]
        try:
            told = await self._asked(
                "debug.documents", f"/debug/{handle}/documents", wire.Documented, {"debugDocuments": about}
            )
        except PlatformNotFoundError:
            if await self._registry.held(handle) is not None:
                raise contradiction() from None
            return False
        if any(status.indexed_of(told, each.id) for each in asked):
            return True
        for each in asked:
            if await self._seen(handle, each):
                return True
        return False

    async def _seen(self, handle: str, one: Identified) -> bool:
        body = {"datasource": handle, "objectType": one.kind, "docId": one.id, "userEmail": one.reader}
        try:
            told = await self._asked("checkdocumentaccess", "/checkdocumentaccess", wire.Access, body)
        except PlatformNotFoundError:
            return False
        return told.has_access

    async def search(self, query: str, *, name: str | None = None, limit: int = 10) -> Sequence[Hit]:  # noqa: ARG002 - the same
        raise PlatformInvalidError(_NO_SEARCH)

    async def search_each(
        self,
        queries: Sequence[str],  # noqa: ARG002 - the same
        *,
        name: str,  # noqa: ARG002 - the same
        limit: int,  # noqa: ARG002 - the same
        seconds: float,  # noqa: ARG002 - the same
    ) -> Sequence[Sequence[Hit]]:
        raise PlatformInvalidError(_NO_SEARCH)

    async def _introduced(
        self, handle: str, encoder: Encoder, pages: AsyncIterator[Page]
    ) -> AsyncGenerator[Page, None]:
        """The pages, each after the readers whom its documents name were made known."""
        async for page in pages:
            for email in encoder.met():
                user = {"email": email, "name": email.partition("@")[0]}
                await self._change("indexuser", {"datasource": handle, "user": user})
            yield page

    async def _end(self, handle: str, upload: str) -> None:
        """Send the last page. Whether it came when its answer was lost is read from the history of uploads."""
        body = {
            "uploadId": upload,
            "datasource": handle,
            "documents": [],
            "isLastPage": True,
            "disableStaleDocumentDeletionCheck": True,  # what is not in this run is not wanted, however much it is
        }
        try:
            await self._change("bulkindexdocuments", body)
        except PlatformInvalidError as error:
            if not status.has_ended(await self._status(handle), upload):
                raise await self._refused(handle, upload, error) from None

    async def _refused(self, handle: str, upload: str, error: PlatformInvalidError) -> PlatformInvalidError:
        """What a refused page means: that another upload took this one's place, or else what Glean said."""
        if status.is_open(await self._status(handle), upload):
            return error
        return PlatformRunLostError("Another upload took the place of this run's.")

    async def _empty(self, handle: str, upload: str) -> None:
        page = {**wire.only_page(handle, upload), "documents": [], "disableStaleDocumentDeletionCheck": True}
        try:
            await self._change("bulkindexdocuments", page)
        except PlatformInvalidError:
            if not status.has_ended(await self._status(handle), upload):
                raise

    async def _forget_users(self, handle: str, upload: str) -> None:
        """Once no document names them: whoever dies between the two does it again."""
        page = {**wire.only_page(handle, upload), "users": [], "disableStaleDataDeletionCheck": True}
        try:
            await self._change("bulkindexusers", page)
        except PlatformInvalidError:
            if not status.has_ended(await self._status(handle), upload):
                raise

    async def _status(self, handle: str) -> wire.Status:
        try:
            return await self._asked("debug.status", f"/debug/{handle}/status", wire.Status, {})
        except PlatformNotFoundError:
            if await self._registry.held(handle) is not None:
                raise contradiction() from None
            raise

    async def _asked(self, operation: str, path: str, answer: type[T], body: object) -> T:
        # The only thing that Glean can refuse about a question with nothing but a name in it is that name.
        return await self._http.call(
            operation, "POST", path, answer, body=msgspec.json.encode(body), absent=frozenset({400})
        )

    async def _change(self, operation: str, body: object) -> None:
        await self._http.call(
            operation,
            "POST",
            f"/{operation}",
            wire.Acknowledged,
            body=msgspec.json.encode(body),
        )


def _emptied(config: Mapping[str, Any], handle: str) -> Removal:
    return Removal(
        outcome=ConnectorOutcome.EMPTIED, left=_CONSOLE.format(name=name_of(config, handle, handle))
    )
