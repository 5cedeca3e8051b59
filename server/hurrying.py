"""Looking at a platform that may be slow, or hang, in a time that is known before."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import anyio

from domain.errors import PlatformLateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from domain.errors import PlatformError
    from domain.model import Fingerprint
    from domain.platform import Can, Found, Observation, Watched

LIST_S: Final = 6.0
LOOK_S: Final = 8.0
AT_ONCE: Final = 8


class Hurried:
    """Asks what it is asked of another platform, so many datasources at once, and waits for each answer only so long.

    What did not come in time is a PlatformLateError: of a datasource its own, so that one which hangs holds up no
    other. Looking at `n` of them ends within `2 * list_s + ceil(n / at_once) * look_s` seconds, the list included.
    """

    def __init__(
        self, platform: Watched, *, list_s: float = LIST_S, look_s: float = LOOK_S, at_once: int = AT_ONCE
    ) -> None:
        self._platform = platform
        self._list_s = list_s
        self._look_s = look_s
        self._at_once = at_once

    @property
    def can(self) -> Can:
        """What the platform can."""
        return self._platform.can

    async def fingerprint(self) -> Fingerprint:
        """Which platform answers now."""
        with _in(self._list_s):
            return await self._platform.fingerprint()

    async def find(self, names: Sequence[str] | None = None) -> Sequence[Found]:
        """The datasources of those names, or all of them."""
        with _in(self._list_s):
            return await self._platform.find(names)

    async def observe_all(
        self, handles: Sequence[str], found: Sequence[Found]
    ) -> Mapping[str, Observation | PlatformError]:
        """Observe each by itself, in its own time."""
        listed = {each.handle: each for each in found}
        seen: dict[str, Observation | PlatformError] = {}
        turns = anyio.Semaphore(self._at_once)

        async def look(handle: str) -> None:
            entry = listed.get(handle)
            async with turns:
                try:
                    with _in(self._look_s):
                        seen.update(await self._platform.observe_all([handle], [entry] if entry else []))
                except PlatformLateError as late:
                    seen[handle] = late

        async with anyio.create_task_group() as tasks:
            for each in handles:
                tasks.start_soon(look, each)
        return seen


@contextmanager
def _in(seconds: float) -> Iterator[None]:
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        raise PlatformLateError(f"Glean did not answer within {seconds:g} seconds.") from None
