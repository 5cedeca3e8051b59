"""The configured Glean: a real one, in the configured dialect, or the embedded sandbox."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.errors import SettingsError, StoreFailedError
from domain.model import EMBEDDED_SANDBOX
from server.adapters.clock import SystemClock
from server.adapters.glean.admin.platform import AdminPlatform
from server.adapters.glean.indexing.dataset_types import OBJECT_TYPES
from server.adapters.glean.indexing.platform import IndexingPlatform
from server.adapters.glean.indexing.searchable import SearchableIndexingPlatform
from server.adapters.glean.search.client import ClientSearch
from server.adapters.glean.transport.rate_limiter import RateLimiter
from server.doctor.report import ProbeSkippedError
from server.sandbox.serve import EmbeddedSandbox, run_forever
from server.sandbox.state.database import (
    NewerSandboxFileError,
    SandboxFileError,
    SandboxFileUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from domain.ports import Platform
    from server.settings import Settings
    from server.settings.model import GleanSettings

_EMBEDDED_PER_SECOND: Final = 1000.0
"""Requests a second to the embedded sandbox. It is our own process, so there are no limits to respect."""


@asynccontextmanager
async def open_platform(settings: Settings) -> AsyncIterator[Platform]:
    """Open the configured Glean: a real one, or the embedded sandbox."""
    glean = settings.glean
    limiter = RateLimiter(per_second=glean.requests_per_second, in_flight=glean.concurrency)
    async with AsyncExitStack() as stack:
        if glean.api_key is not None and glean.base_url is not None:
            url, key, identity = glean.base_url, glean.api_key.get_secret_value, glean.base_url
            searches = glean.client_token.get_secret_value if glean.client_token is not None else None
        else:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
            with _translate_sandbox_errors(settings):
                sandbox = await stack.enter_async_context(EmbeddedSandbox(sandbox_path(settings)))
            url, key, identity = sandbox.base_url, lambda: sandbox.token, EMBEDDED_SANDBOX
            searches = key
            # In the indexing dialect the sandbox has the rate limits of a real Glean, so the client must keep to them.
            if glean.dialect == "admin":
                limiter = RateLimiter(per_second=_EMBEDDED_PER_SECOND, in_flight=glean.concurrency)
        yield await stack.enter_async_context(
            _build_platform(glean, _GleanAddress(url, key, identity, searches), limiter)
        )


class _GleanAddress(NamedTuple):
    """The URL of a Glean, its keys for administration and search, and the URL by which our records know it."""

    url: str
    key: Callable[[], str]
    identity: str
    searches: Callable[[], str] | None


def _build_platform(
    glean: GleanSettings, to: _GleanAddress, limiter: RateLimiter
) -> AdminPlatform | IndexingPlatform:
    """Build a client in the configured dialect."""
    clock, wait = SystemClock(), glean.timeout_s
    if glean.dialect == "admin":
        return AdminPlatform(
            to.url, to.key, clock=clock, identity_url=to.identity, limiter=limiter, timeout_s=wait
        )
    if to.searches is None:
        return IndexingPlatform(
            to.url, to.key, clock=clock, identity_url=to.identity, limiter=limiter, timeout_s=wait
        )
    act_as = None if glean.embedded else glean.act_as
    search = ClientSearch(
        to.url,
        to.searches,
        clock=clock,
        limiter=limiter,
        object_types=OBJECT_TYPES,
        act_as=act_as,
        timeout_s=wait,
    )
    return SearchableIndexingPlatform(
        to.url,
        to.key,
        search=search,
        clock=clock,
        identity_url=to.identity,
        limiter=limiter,
        timeout_s=wait,
    )


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
        run_forever(host, port, token, sandbox_path(settings))


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
