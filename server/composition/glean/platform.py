"""The configured Glean: a real one, in the configured dialect, or the embedded sandbox.

Its first call opens it. A process that reads only our own records needs no client, whose import takes a tenth of a
second, and no sandbox that serves.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

import anyio
from anyio import to_thread

from domain.errors import SettingsError, StoreFailedError
from domain.model import EMBEDDED_SANDBOX
from server.adapters.glean.transport.rate_limiter import RateLimiter
from server.composition.glean.home_notice import configured_platform
from server.composition.glean.served_datasets import build_dataset_lookup
from server.doctor.report import ProbeSkippedError
from server.sandbox.serve import EmbeddedSandbox, run_forever
from server.sandbox.state.database import (
    NewerSandboxFileError,
    SandboxFileError,
    SandboxFileUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from domain.model import Fingerprint
    from domain.ports import Capabilities, Platform
    from server.adapters.glean.admin.platform import AdminPlatform
    from server.adapters.glean.indexing.platform import IndexingPlatform
    from server.settings import Settings

    Client = AdminPlatform | IndexingPlatform

_import_clients: Final = partial(import_module, "server.composition.glean.clients")
_EMBEDDED_PER_SECOND: Final = 1000.0
"""Requests a second to the embedded sandbox. It is our own process, so there are no limits to respect."""


@asynccontextmanager
async def open_platform(settings: Settings) -> AsyncIterator[Platform]:
    """The configured Glean, a real one or the embedded sandbox, which the first call opens.

    A file that is no sandbox's is refused at once. Raises SettingsError or StoreFailedError.
    """
    glean = settings.glean
    limiter = RateLimiter(per_second=glean.requests_per_second, in_flight=glean.concurrency)
    async with AsyncExitStack() as stack:
        prepare: Callable[[], object] = _import_clients
        if glean.api_key is not None and glean.base_url is not None:
            url, key, identity = glean.base_url, glean.api_key.get_secret_value, glean.base_url
            searches = glean.client_token.get_secret_value if glean.client_token is not None else None
        else:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
            with _translate_sandbox_errors(settings):
                sandbox = EmbeddedSandbox(sandbox_path(settings), datasets=build_dataset_lookup(settings))
            stack.push_async_callback(to_thread.run_sync, sandbox.stop)
            prepare = partial(_serve_and_import_clients, sandbox)
            url, key, identity = sandbox.base_url, lambda: sandbox.token, EMBEDDED_SANDBOX
            searches = key
            # In the indexing dialect the sandbox has the rate limits of a real Glean, so the client must keep to them.
            if glean.dialect == "admin":
                limiter = RateLimiter(per_second=_EMBEDDED_PER_SECOND, in_flight=glean.concurrency)

        def build_client() -> Client:
            from server.composition.glean.clients import GleanAddress, build_platform

            return build_platform(glean, GleanAddress(url, key, identity, searches), limiter)

        yield cast("Platform", _LazyPlatform(stack, prepare, build_client, configured_platform(settings)))


def _serve_and_import_clients(sandbox: EmbeddedSandbox) -> None:
    sandbox.start()
    _import_clients()


class _LazyPlatform:
    """A `Platform` that its first call opens. Every method of that port is a coroutine."""

    def __init__(
        self,
        stack: AsyncExitStack,
        prepare: Callable[[], object],
        build: Callable[[], Client],
        location: Fingerprint,
    ) -> None:
        """Open with `prepare`, which blocks, and then `build`; `stack` closes it. `location` is that of the client."""
        self.location = location
        self._stack = stack
        self._prepare = prepare
        self._build = build
        self._opening = anyio.Lock()
        self._opened = False

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities of the configured dialect, for which nothing has to be opened."""
        return self._client.capabilities

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def call(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as the port's method has it
            await self._ensure_open()
            return await getattr(self._client, method)(*given, **named)

        return call

    @cached_property
    def _client(self) -> Client:
        return self._build()

    async def _ensure_open(self) -> None:
        if self._opened:
            return
        # Shielded: what a cancelled caller left half open could be neither used nor closed.
        with anyio.CancelScope(shield=True):
            async with self._opening:
                if not self._opened:
                    await to_thread.run_sync(self._prepare)
                    await self._stack.enter_async_context(self._client)
                    self._opened = True


@asynccontextmanager
async def open_existing_platform(settings: Settings) -> AsyncIterator[Platform]:
    """Open the configured Glean without making a sandbox. Raises ProbeSkippedError when there is none yet."""
    if settings.glean.embedded and not sandbox_path(settings).exists():
        raise ProbeSkippedError("the embedded sandbox is made at the first start")
    async with open_platform(settings) as platform:
        yield platform


def sandbox_path(settings: Settings) -> Path:
    """The file with the state of the embedded sandbox."""
    return settings.data_dir / "glean-sandbox.sqlite"


def serve_sandbox(settings: Settings, host: str, port: int, token: str | None) -> None:
    """Serve the embedded sandbox by itself until a signal comes."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with _translate_sandbox_errors(settings):
        run_forever(host, port, token, sandbox_path(settings), datasets=build_dataset_lookup(settings))


@contextmanager
def _translate_sandbox_errors(settings: Settings) -> Iterator[None]:
    try:
        yield
    except NewerSandboxFileError as error:
        raise SettingsError(
            f"{sandbox_path(settings)}, which holds every datasource of the embedded sandbox, was made by a newer "
            "version of dataset-lifecycle.",
            field="data_dir",
            suggested_action="Use that version, or another data folder.",
        ) from error
    except SandboxFileUnavailableError as error:
        raise StoreFailedError(
            f"The embedded sandbox's file cannot be used now: {sandbox_path(settings)}: {error.__cause__}."
        ) from error
    except SandboxFileError as error:
        raise SettingsError(
            f"{sandbox_path(settings)} is not a file of the Glean sandbox.",
            field="data_dir",
            suggested_action="Move that file away, or use another data folder.",
        ) from error
