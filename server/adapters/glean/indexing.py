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

import msgspec

from domain.errors import (
    PlatformConflictError,
    PlatformError,
    PlatformInvalidError,
    PlatformMismatchError,
    PlatformNotFoundError,
    PlatformUnavailableError,
)
from domain.model import Fingerprint, Mark
from domain.platform import Can, Found, Job, Observation, Removal
from domain.vocabulary import ConnectorOutcome
from server.adapters.glean import indexing_status as status
from server.adapters.glean import indexing_wire as wire
from server.adapters.glean.http import Http, Secret
from server.adapters.glean.indexing_config import Owner, owner_of, released, wanted
from server.adapters.glean.indexing_documents import Encoder, identified
from server.adapters.glean.indexing_names import datasource_of
from server.adapters.glean.limiter import Limiter
from server.adapters.glean.paging import Page, recut, spread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from types import TracebackType

    from domain.platform import Hit, Source
    from domain.ports import Clock

T = TypeVar("T")
Config = dict[str, Any]

_PAGES_AT_ONCE: Final = 4
_LOOKS_AT_ONCE: Final = 8
_REGISTERING: Final = 3
_EMPTYING: Final = "emptied"
_CONSOLE: Final = (
    "Delete the registration of the datasource {name} in Glean: Admin console, Overview, Extreme measures, "
    "Delete instance."
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
        self._http = Http(
            f"{base_url.rstrip('/')}/api/index/v1",
            token,
            clock=clock,
            limiter=limiter or Limiter(),
            sent=wire.SENT,
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

    async def fingerprint(self) -> Fingerprint:
        """The address: Glean does not say more. Makes no call."""
        return Fingerprint(dialect="indexing", url=self._url)

    async def find(self, names: Sequence[str] | None = None) -> Sequence[Found]:
        if names is None:
            raise PlatformInvalidError("Glean's Indexing API has no list of datasources.")
        found: list[Found] = []
        for name in names:
            handle = datasource_of(name)
            config = await self._config(handle)
            if config is not None:
                owner = owner_of(config)
                found.append(
                    Found(
                        handle=handle,
                        name=str(config.get("displayName") or name),
                        kind=owner.kind if owner else "custom",
                        mark=owner.mark if owner else None,
                    )
                )
        return found

    async def ensure(self, source: Source) -> str:
        handle = datasource_of(source.name)
        config = wanted(source, handle)
        lost = PlatformUnavailableError("Glean took the datasource, and tells another one.")
        for _ in range(_REGISTERING):
            held = await self._config(handle)
            if held is not None:
                _is_free(held, source)
                if _same(held, config):
                    return handle
            try:
                await self._change("adddatasource", config, again=False)
            except PlatformUnavailableError as error:
                lost = error  # it overrides everything, so it is not repeated before it was looked what stands there
        if (held := await self._config(handle)) is not None:
            _is_free(held, source)
            if _same(held, config):
                return handle
        raise lost

    async def authorise(self, handle: str, mark: Mark, secret: str) -> None:  # noqa: ARG002 - the port's own form
        """Nothing signs in anywhere: the documents are pushed."""
        await self._owned(handle, mark)

    async def push(
        self,
        handle: str,
        mark: Mark,
        run: str,
        pages: AsyncIterator[Sequence[bytes]],
        sent: Callable[[int], None],
    ) -> int:
        await self._owned(handle, mark)
        upload = f"{run}~{secrets.token_hex(4)}"
        encoder = Encoder(handle)
        count = 0

        async def send(page: Page, *, first: bool = False) -> None:
            nonlocal count
            flags = b',"isFirstPage":true,"forceRestartUpload":true' if first else b""
            head = msgspec.json.encode({"uploadId": upload, "datasource": handle})
            body = head[:-1] + flags + b',"documents":[' + page.documents + b"]}"
            await self._http.call(
                "bulkindexdocuments", "POST", "/bulkindexdocuments", wire.Acknowledged, body=body
            )
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
            await spread(ready, send, at_once=_PAGES_AT_ONCE)
        return count

    async def sync(self, handle: str, mark: Mark, run: str) -> Job:
        await self._owned(handle, mark)
        upload = status.upload_of(await self._status(handle), run)
        if upload is None:
            raise PlatformConflictError("Glean has no upload of this run.")
        if upload.status == wire.ACTIVE:
            await self._end(handle, upload.upload_id)
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
            await self._owned(handle, mark)
            if status.indexing(await self._status(handle)) is not None:
                raise PlatformUnavailableError("Glean indexes an upload, and cannot be stopped.")
        except PlatformNotFoundError:
            return

    async def discard(self, handle: str, mark: Mark, run: str) -> None:  # noqa: ARG002 - the port's own form
        """Nothing to do: an upload that was never ended serves nothing, and the next one takes its place."""
        with suppress(PlatformNotFoundError):
            await self._owned(handle, mark)

    async def observe(self, handle: str) -> Observation:
        now = self._clock.now()
        config = await self._config(handle)
        if config is None:
            return Observation(present=False, at=now)
        owner = owner_of(config)
        seen = status.observation(await self._status(handle), now)
        return replace(seen, mark=owner.mark if owner else None)

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
        config = await self._config(handle)
        if config is None:
            return Removal(outcome=ConnectorOutcome.DELETED)
        owner = owner_of(config)
        if owner is not None and owner.installation == mark.installation and owner.mark is None:
            return _emptied(config, handle)
        if owner is None or owner.mark != mark:
            raise PlatformMismatchError(f"What Glean has under this name, {mark.dataset_id} does not own.")
        run = f"{mark.dataset_id}-{_EMPTYING}"
        done = status.emptied(await self._status(handle), run)
        if done is None:
            await self._empty(handle, f"{run}~{secrets.token_hex(4)}")
        if not done:
            return None
        await self._change("adddatasource", released({**config, "name": handle}, owner))
        return _emptied(config, handle)

    async def serves(self, handle: str, name: str, lines: Sequence[bytes]) -> bool:  # noqa: ARG002 - the port's own form
        """Whether any of those documents is still there, by what Glean tells of each."""
        asked = [{"objectType": kind, "docId": found} for kind, found in map(identified, lines)]
        if not asked:
            return False
        try:
            told = await self._asked(
                "debug.documents",
                f"/debug/{handle}/documents",
                wire.Documented,
                {"debugDocuments": asked},
            )
        except PlatformNotFoundError:
            return False
        return any(
            each.debug_info and each.debug_info.status and each.debug_info.status.indexing_status == "INDEXED"
            for each in told.document_statuses
        )

    async def search(self, query: str, *, name: str | None = None, limit: int = 10) -> Sequence[Hit]:  # noqa: ARG002 - the same
        raise PlatformInvalidError("Glean's Indexing API cannot be searched.")

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
        except (PlatformInvalidError, PlatformConflictError):
            if not status.has_ended(await self._status(handle), upload):
                raise

    async def _empty(self, handle: str, upload: str) -> None:
        whole = {
            "uploadId": upload,
            "datasource": handle,
            "isFirstPage": True,
            "isLastPage": True,
            "forceRestartUpload": True,
        }
        try:
            await self._change(
                "bulkindexdocuments", {**whole, "documents": [], "disableStaleDocumentDeletionCheck": True}
            )
        except (PlatformInvalidError, PlatformConflictError):
            if not status.has_ended(await self._status(handle), upload):
                raise
        await self._change("bulkindexusers", {**whole, "users": [], "disableStaleDataDeletionCheck": True})

    async def _owned(self, handle: str, mark: Mark) -> None:
        config = await self._config(handle)
        if config is None:
            raise PlatformNotFoundError("Glean has no datasource of this name.")
        owner = owner_of(config)
        if owner is not None and owner.installation == mark.installation and owner.mark is None:
            raise PlatformNotFoundError("Glean has this datasource, emptied and given free.")
        if owner is None or owner.mark != mark:
            raise PlatformMismatchError(f"What Glean has under this name, {mark.dataset_id} does not own.")

    async def _config(self, handle: str) -> Config | None:
        """A datasource's configuration; None when Glean says that there is none of this name."""
        try:
            return await self._asked(
                "getdatasourceconfig", "/getdatasourceconfig", Config, {"datasource": handle}
            )
        except PlatformNotFoundError:
            return None

    async def _status(self, handle: str) -> wire.Status:
        return await self._asked("debug.status", f"/debug/{handle}/status", wire.Status, {})

    async def _asked(self, operation: str, path: str, answer: type[T], body: object) -> T:
        # The only thing that Glean can refuse about a question with nothing but a name in it is that name.
        return await self._http.call(
            operation, "POST", path, answer, body=msgspec.json.encode(body), absent=frozenset({400})
        )

    async def _change(self, operation: str, body: object, *, again: bool = True) -> None:
        await self._http.call(
            operation,
            "POST",
            f"/{operation}",
            wire.Acknowledged,
            body=msgspec.json.encode(body),
            again=again,
        )


def _emptied(config: Config, handle: str) -> Removal:
    return Removal(
        outcome=ConnectorOutcome.EMPTIED, left=_CONSOLE.format(name=config.get("displayName") or handle)
    )


def _is_free(held: Config, source: Source) -> None:
    """Raises PlatformMismatchError when a datasource of that name is somebody else's, or serves something else."""
    owner = owner_of(held)
    ours = Owner(installation=source.mark.installation, dataset_id=source.mark.dataset_id, kind=source.kind)
    if owner not in {ours, replace(ours, dataset_id="")}:
        raise PlatformMismatchError(f"Glean has a datasource {source.name}, and it is not this dataset's.")


def _same(held: Config, config: Config) -> bool:
    """Whether what stands in Glean is what is wanted; the name is told in a form of Glean's own."""
    return all(held.get(name, False) == value for name, value in config.items() if name != "name")
