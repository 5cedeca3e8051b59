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
from tests.support.interception import require_methods

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from pathlib import Path

    from domain.lifecycle.sagas.context import Dependencies
    from domain.ports.engine import Json, Saga, StepRunner

Method: TypeAlias = tuple[str, str]
"""A port and its method."""
MOMENTS: Final = ("before", "inside", "after")
"""As the step is about to run; after its first effect on a port; when it has returned, before the engine records it."""
RECORDED: Final = "recorded"
"""When the engine has recorded the step. Unless it is a saga's last, that is before the next one."""
QUERIES: Final[Mapping[str, Collection[str]]] = {
    "staging": {"iterate_pages", "examine", "measure", "list_attempts"},
    "archives": {
        "verify",
        "read_manifest",
        "read",
        "open_documents",
        "list_places",
        "location",
    },
    "platform": {
        "capabilities",
        "fetch_fingerprint",
        "location",
        "find_datasources",
        "fetch_sync_job",
        "observe",
        "observe_all",
        "is_still_served",
        "search",
        "search_each",
    },
}
"""What a port is asked without anything changing; whatever else it is told has an effect."""


class CrashPoint(msgspec.Struct, frozen=True, order=True):
    """A step of a saga of that kind."""

    kind: str
    step: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.step}"


def kill_self() -> NoReturn:
    """End this process as the kernel ends one, with nothing written, closed or said."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives SIGKILL")


@dataclass
class CrashTrigger:
    """Comes to a process at a moment of a step, once `expected`; to one that is given no step it never comes.

    Each step that runs is written to `diary`, with the process. The methods of ports that stand in `broken` fail; once
    one has, what `breaking` has of it fails as well.
    """

    diary: Path
    at: CrashPoint | None = None
    moment: str = ""
    expected: bool = False
    broken: set[Method] = field(default_factory=set)
    breaking: dict[Method, Method] = field(default_factory=dict)
    _near: bool = False

    def wrap_sagas(self, kinds: Mapping[str, Saga]) -> dict[str, Saga]:
        """The same sagas, mortal."""
        return {kind: self._wrap_saga(kind, saga) for kind, saga in kinds.items()}

    def wrap_ports(self, deps: Dependencies) -> dict[str, Any]:
        """The same ports: after the first effect of a step that is to be died in, this process is no more."""
        return {name: _CrashingPort(getattr(deps, name), name, self) for name in QUERIES}

    def break_methods(self, port: str, *names: str) -> None:
        """Let these methods of a port fail from now on."""
        require_methods(port, names)
        self.broken.update((port, name) for name in names)

    def break_after(self, first: Method, then: Method) -> None:
        """Let `then` fail as well, once `first` was asked and has failed."""
        for port, name in (first, then):
            require_methods(port, {name})
        self.breaking[first] = then

    def raise_failure(self, asked: Method, *_: object, **__: object) -> NoReturn:
        """Something broken was asked."""
        if asked in self.breaking:
            self.broken.add(self.breaking[asked])
        raise StagingFailedError("It is broken.")

    def note_effect(self) -> None:
        """An effect has just happened."""
        if self._near and self.moment == "inside":
            kill_self()

    def _wrap_saga(self, kind: str, saga: Saga) -> Saga:
        async def live(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
            async def perform_or_die(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
                here = CrashPoint(kind, step)
                last = self.expected and here == self.at
                answer = await perform(step, lambda: self._run(here, effect, last=last))
                if last and self.moment == RECORDED:
                    kill_self()
                return answer

            await saga(perform_or_die, dataset_id, saga_id)

        return live

    async def _run(self, here: CrashPoint, effect: Callable[[], Awaitable[Json]], *, last: bool) -> Json:
        with self.diary.open("a") as diary:
            diary.write(f"{os.getpid()} {here}\n")
        if last and self.moment == "before":
            kill_self()
        self._near = last
        try:
            return await effect()
        finally:
            if last and self.moment in {"inside", "after"}:
                kill_self()


class _CrashingPort:
    """A port before which death may stand."""

    def __init__(self, port: object, name: str, death: CrashTrigger) -> None:
        require_methods(name, QUERIES[name])
        self._port = port
        self._name = name
        self._death = death

    def __getattr__(self, name: str) -> object:
        found = getattr(self._port, name)
        if (self._name, name) in self._death.broken:
            return partial(self._death.raise_failure, (self._name, name))
        if name in QUERIES[self._name] or not iscoroutinefunction(found):
            return found

        async def effect(*given: object, **named: object) -> object:
            answer = await cast("Callable[..., Awaitable[object]]", found)(*given, **named)
            self._death.note_effect()
            return answer

        return effect
