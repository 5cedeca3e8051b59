"""A platform with time limits, so that health checks end in a known time even if Glean is slow or hangs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import anyio

from domain.errors import PlatformTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from domain.errors import PlatformError
    from domain.model import Fingerprint
    from domain.ports import Capabilities, Datasource, Observation, ReadOnlyPlatform

LIST_S: Final = 6.0
LOOK_S: Final = 8.0
AT_ONCE: Final = 8


class TimeLimitedPlatform:
    """Reads another platform with a time limit for each answer, and several datasources at once.

    An answer that does not come in time is a PlatformTimeoutError. Each datasource has its own, so one that hangs
    delays no other. Observing `n` datasources takes at most `2 * list_s + ceil(n / at_once) * look_s` seconds,
    including the list.
    """

    def __init__(
        self,
        platform: ReadOnlyPlatform,
        *,
        list_s: float = LIST_S,
        look_s: float = LOOK_S,
        at_once: int = AT_ONCE,
    ) -> None:
        self._platform = platform
        self._list_s = list_s
        self._look_s = look_s
        self._at_once = at_once

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities of the platform."""
        return self._platform.capabilities

    @property
    def location(self) -> Fingerprint:
        """The location of the platform."""
        return self._platform.location

    async def fetch_fingerprint(self) -> Fingerprint:
        """Fetch the fingerprint of the platform."""
        with _platform_timeout(self._list_s):
            return await self._platform.fetch_fingerprint()

    async def find_datasources(self, names: Sequence[str] | None = None) -> Sequence[Datasource]:
        """Find the datasources of those names, or all of them."""
        with _platform_timeout(self._list_s):
            return await self._platform.find_datasources(names)

    async def observe_all(
        self, handles: Sequence[str], found: Sequence[Datasource]
    ) -> Mapping[str, Observation | PlatformError]:
        """Observe each datasource separately, with its own time limit."""
        listed = {each.handle: each for each in found}
        observations: dict[str, Observation | PlatformError] = {}
        limit = anyio.Semaphore(self._at_once)

        async def observe(handle: str) -> None:
            entry = listed.get(handle)
            async with limit:
                try:
                    with _platform_timeout(self._look_s):
                        observations.update(
                            await self._platform.observe_all([handle], [entry] if entry else [])
                        )
                except PlatformTimeoutError as error:
                    observations[handle] = error

        async with anyio.create_task_group() as tasks:
            for each in handles:
                tasks.start_soon(observe, each)
        return observations


@contextmanager
def _platform_timeout(seconds: float) -> Iterator[None]:
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        raise PlatformTimeoutError(f"Glean did not answer within {seconds:g} seconds.") from None
