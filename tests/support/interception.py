"""A way to have something happen at the worst moment: just before a port does what it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


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

        async def stepped(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - the same
            await self._step()
            return await found(*given, **named)

        return stepped


class OnNthCall:
    """A step that is taken the `nth` time (from 1), and never again."""

    def __init__(self, step: Callable[[], Awaitable[object]], nth: int = 1) -> None:
        self._step = step
        self._left = nth

    async def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            await self._step()
