"""Where and when a process kills itself, and how its ports and its sagas are made to do so."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, cast

import msgspec

from domain.errors import StagingFailedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from domain.job import Outside
    from domain.ports import Json, Perform, Saga

Method: TypeAlias = tuple[str, str]
"""A port and its method."""
MOMENTS: Final = ("before", "inside", "after")
"""As the step is about to run; after its first effect on a port; when it has returned, before the engine records it."""
RECORDED: Final = "recorded"
"""When the engine has recorded the step. Unless it is a saga's last, that is before the next one."""
_PORTS: Final = ("staging", "archives", "platform")
_LOOKS: Final = frozenset(
    {
        "pages",
        "examine",
        "measure",
        "attempts",
        "verify",
        "manifest",
        "read",
        "documents",
        "places",
        "location",
    }
    | {"fingerprint", "find", "job", "observe", "observe_all", "search", "search_each", "can"}
)
"""What a port is asked without anything changing; whatever else it is told has an effect."""


class Point(msgspec.Struct, frozen=True, order=True):
    """A step of a saga of that kind."""

    kind: str
    step: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.step}"


def die() -> NoReturn:
    """End this process as the kernel ends one, with nothing written, closed or said."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives SIGKILL")


@dataclass
class Death:
    """Comes to a process at a moment of a step, once `expected`; to one that is given no step it never comes.

    Each step that runs is written to `diary`, with the process. The methods of ports that stand in `broken` fail; once
    one has, what `breaking` has of it fails as well.
    """

    diary: Path
    at: Point | None = None
    moment: str = ""
    expected: bool = False
    broken: set[Method] = field(default_factory=set)
    breaking: dict[Method, Method] = field(default_factory=dict)
    _near: bool = False

    def sagas(self, kinds: Mapping[str, Saga]) -> dict[str, Saga]:
        """The same sagas, mortal."""
        return {kind: self._mortal(kind, saga) for kind, saga in kinds.items()}

    def ports(self, outside: Outside) -> dict[str, Any]:
        """The same ports: after the first effect of a step that is to be died in, this process is no more."""
        return {name: _Port(getattr(outside, name), name, self) for name in _PORTS}

    def fail(self, asked: Method, *_: object, **__: object) -> NoReturn:
        """Something broken was asked."""
        if asked in self.breaking:
            self.broken.add(self.breaking[asked])
        raise StagingFailedError("It is broken.")

    def struck(self) -> None:
        """An effect has just happened."""
        if self._near and self.moment == "inside":
            die()

    def _mortal(self, kind: str, saga: Saga) -> Saga:
        async def live(perform: Perform, dataset_id: str, saga_id: str) -> None:
            async def performed(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
                here = Point(kind, step)
                last = self.expected and here == self.at
                answer = await perform(step, lambda: self._run(here, effect, last=last))
                if last and self.moment == RECORDED:
                    die()
                return answer

            await saga(performed, dataset_id, saga_id)

        return live

    async def _run(self, here: Point, effect: Callable[[], Awaitable[Json]], *, last: bool) -> Json:
        with self.diary.open("a") as diary:
            diary.write(f"{os.getpid()} {here}\n")
        if last and self.moment == "before":
            die()
        self._near = last
        try:
            return await effect()
        finally:
            if last and self.moment in {"inside", "after"}:
                die()


class _Port:
    """A port before which death may stand."""

    def __init__(self, port: object, name: str, death: Death) -> None:
        self._port = port
        self._name = name
        self._death = death

    def __getattr__(self, name: str) -> object:
        found = getattr(self._port, name)
        if (self._name, name) in self._death.broken:
            return partial(self._death.fail, (self._name, name))
        if name in _LOOKS or not iscoroutinefunction(found):
            return found

        async def effect(*given: object, **named: object) -> object:
            answer = await cast("Callable[..., Awaitable[object]]", found)(*given, **named)
            self._death.struck()
            return answer

        return effect
