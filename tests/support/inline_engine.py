"""An engine for tests: sagas run as tasks of the caller's loop, and a process's death is a hook away."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import anyio
import structlog

from domain.ports.engine import DeadLetter, Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import TracebackType

    from domain.ports.engine import Json, Saga

_log = structlog.get_logger(__name__)


class ProcessDied(BaseException):
    """Raised by a crash hook: nothing after it happens, as if the process had been killed there."""


@dataclass(frozen=True, slots=True)
class CrashAt:
    """A crash hook: die at that moment of that step."""

    step: str
    moment: str

    def __call__(self, step: str, moment: str) -> None:
        if (step, moment) == (self.step, self.moment):
            raise ProcessDied(f"{moment} {step}")


@dataclass(slots=True)
class JournalEntry:
    """What outlives a process of one saga. `steps` are the finished ones with their answers, as JSON.

    `deaths` are the steps in which its processes died.
    """

    kind: str
    dataset_id: str
    steps: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    error: Exception | None = None
    owner: InlineEngine | None = None
    left: anyio.Event = field(default_factory=anyio.Event)
    deaths: list[str] = field(default_factory=list)


class InlineEngine:
    """Runs sagas inside its `async with`; on leaving, those that run are cancelled and stay unfinished in the journal.

    Engines that share a `journal` are processes on one data folder, except that `resume` must be called.
    `crash(step, moment)` is called at the moments `before` a step's effect, `inside` (it has happened and is not yet
    recorded) and `after` it was recorded, and may raise `ProcessDied`.
    """

    def __init__(
        self,
        sagas: Mapping[str, Saga],
        *,
        journal: dict[str, JournalEntry] | None = None,
        crash: Callable[[str, str], None] | None = None,
        attempts: int = 10,
    ) -> None:
        self.journal = {} if journal is None else journal
        self._death = anyio.Event()
        self._sagas = sagas
        self._attempts = attempts
        self._crash = crash or (lambda _step, _moment: None)
        self._tasks = anyio.create_task_group()
        self._scopes: list[anyio.CancelScope] = []

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)  # what left the body is not the group's to wrap
        self._death.set()

    @property
    def dead(self) -> bool:
        """Whether its process is gone."""
        return self._death.is_set()

    async def wait_for_death(self) -> None:
        """Wait until a crash hook has killed it."""
        await self._death.wait()

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Start the saga, or take it over when its engine is dead. Raises LookupError for an unknown kind."""
        if kind not in self._sagas:
            raise LookupError(f"There is no saga of kind {kind!r}; the kinds are {sorted(self._sagas)}.")
        self._adopt(saga_id, self.journal.setdefault(saga_id, JournalEntry(kind, dataset_id)))

    async def probe(self) -> None:
        """Nothing stands in the way of a saga here."""

    async def resume(self) -> None:
        """Go on with what dead engines left in the journal."""
        for saga_id, entry in list(self.journal.items()):
            self._adopt(saga_id, entry)

    async def purge(self) -> None:
        """Nothing: the journal lives as long as its test."""

    async def wait(self, saga_id: str, seconds: float) -> bool:
        """Wait for the end; False at once when the engine that runs it dies."""
        if seconds <= 0:
            await (
                anyio.lowlevel.checkpoint()
            )  # a scope that is over at once would throw, and coverage follows no throw
        else:
            with anyio.move_on_after(seconds):
                if saga_id in self.journal:
                    await self.journal[saga_id].left.wait()
                else:
                    await anyio.sleep_forever()
        return saga_id in self.journal and self.journal[saga_id].ended

    async def find_worker(self, saga_id: str) -> Worker:
        """This engine, or another that shares the journal and is not dead."""
        entry = self.journal.get(saga_id)
        if entry is None or entry.ended or entry.owner is None or entry.owner.dead:
            return Worker.NOBODY
        return Worker.THIS_PROCESS if entry.owner is self else Worker.OTHER_PROCESS

    async def fetch_dead_letters(self) -> Sequence[DeadLetter]:
        """Sagas in one step of which too many engines died."""
        return [
            DeadLetter(
                saga_id=saga_id, step=entry.deaths[-1], attempts=self._attempts, done=tuple(entry.steps)
            )
            for saga_id, entry in self.journal.items()
            if not entry.ended and self._is_dead_letter(entry)
        ]

    async def discard_saga(self, saga_id: str) -> None:
        """Count it as ended."""
        self.journal[saga_id].ended = True

    def _is_dead_letter(self, entry: JournalEntry) -> bool:
        last = entry.deaths[-1] if entry.deaths else None
        return last not in entry.steps and entry.deaths.count(last or "") >= self._attempts

    def _adopt(self, saga_id: str, entry: JournalEntry) -> None:
        owned = entry.owner is not None and not entry.owner.dead
        known = entry.kind in self._sagas and not self._is_dead_letter(entry)
        if entry.ended or owned or self.dead or not known:
            return
        entry.owner = self
        entry.left = anyio.Event()
        self._tasks.start_soon(self._run_saga, saga_id, entry)

    async def _run_saga(self, saga_id: str, entry: JournalEntry) -> None:
        async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
            return await self._perform_step(entry, step, effect)

        try:
            with anyio.CancelScope() as scope:
                self._scopes.append(scope)
                await self._sagas[entry.kind](perform, entry.dataset_id, saga_id)
                entry.ended = not self.dead
        except ProcessDied:
            self._death.set()
            for each in self._scopes:
                each.cancel()
        except Exception as error:  # noqa: BLE001 - whatever breaks a saga ends it, and is kept for the test
            _log.exception("saga_broke", saga_id=saga_id, kind=entry.kind, dataset_id=entry.dataset_id)
            entry.error = error
            entry.ended = True
        finally:
            entry.left.set()

    async def _perform_step(
        self, entry: JournalEntry, step: str, effect: Callable[[], Awaitable[Json]]
    ) -> Json:
        if self.dead:
            raise ProcessDied(step)
        if step not in entry.steps:
            try:
                self._crash(step, "before")
                answer = json.dumps(await effect())
                self._crash(step, "inside")
                entry.steps[step] = answer
                self._crash(step, "after")
            except ProcessDied:
                entry.deaths.append(step)
                raise
        recorded: Json = json.loads(entry.steps[step])
        return recorded
