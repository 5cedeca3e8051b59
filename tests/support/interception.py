"""A way to have something happen at the worst moment: just before a port does what it was asked.

A stand-in goes by the names of a port's methods. `require_methods` refuses names that no port has any more, for which
it would never do anything.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from domain.ports import Archives, Platform, Staging, Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from domain.model.connector import Fingerprint

PORTS: Final[Mapping[str, type]] = {
    "store": Store,
    "staging": Staging,
    "archives": Archives,
    "platform": Platform,
}
"""The ports that have stand-ins, by their name in `Dependencies`."""


def port_methods(port: str) -> set[str]:
    """The names of everything that a port is asked."""
    return {name for name in vars(PORTS[port]) if not name.startswith("_")}


def require_methods(port: str, names: Collection[str]) -> None:
    """Raise AssertionError unless the port has all of them."""
    unknown = set(names) - port_methods(port)
    assert not unknown, (port, unknown)


class CallInterceptor:
    """A port that does `step()` before each of its calls of one name; an error of the step takes the call's place."""

    def __init__(self, port: object, call: str, step: Callable[[], Awaitable[object]]) -> None:
        assert hasattr(port, call), call
        self._port = port
        self._call = call
        self._step = step

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        found = getattr(self._port, name)
        if name != self._call:
            return found

        async def step_first(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - the same
            await self._step()
            return await found(*given, **named)

        return step_first


class OnNthCall:
    """A step that is taken the `nth` time (from 1), and never again."""

    def __init__(self, step: Callable[[], Awaitable[object]], nth: int = 1) -> None:
        self._step = step
        self._left = nth

    async def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            await self._step()


class RelabelledPlatform:
    """A platform under another name: for a process that is configured for another Glean than the one before it."""

    def __init__(self, platform: Platform, fingerprint: Fingerprint) -> None:
        self._platform = platform
        self._fingerprint = fingerprint

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the platform has
        return getattr(self._platform, name)

    @property
    def location(self) -> Fingerprint:
        return replace(self._fingerprint, tenant=None)

    async def fetch_fingerprint(self) -> Fingerprint:
        return self._fingerprint
