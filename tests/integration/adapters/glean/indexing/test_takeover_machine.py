"""Several processes on one datasource, let on request by request in any order, dying anywhere: one run is served.

Each process does what the sagas do, and none knows of the others. Whatever is served, whenever somebody looks, is all
documents of one run as they were to be, or nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.content.documents import Author, Document
from domain.content.documents import encode_document as encoded
from domain.content.documents.neutral import EVERYONE, Body
from domain.errors import PlatformError, PlatformRunLostError
from domain.model.connector import OwnerTag
from server.adapters.glean.indexing.names import datasource_of
from server.adapters.glean.indexing.platform import IndexingPlatform
from server.adapters.glean.transport.rate_limiter import RateLimiter
from tests.support.glean.admin_client import HandDrivenClock
from tests.support.glean.datasources import (
    INSTALLATION_ID,
    SITE,
    SLOW,
    SWITCH_PARAMS,
    SWITCH_VARIANTS,
    datasource_spec,
    staged_pages,
    use_small_pages,
)
from tests.support.sandbox.embedded import EmbeddedSandbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

RUNS: Final = {"run-0": range(7), "run-1": range(3, 10), "run-2": range(0)}
LAST: Final = "run-of-the-last"
LONG_S: Final = 30 * 86_400.0
PROCESSES: Final = st.sampled_from(["one", "two", "three"])
_NAMES: Final = count()


def line(number: int, run: str) -> bytes:
    """A staged page of a run; every other one is for one reader."""
    return encoded(
        Document(
            type="confluence_pages",
            id=f"page-{number}",
            title=f"Page {number}",
            body=Body("text/html", f"<p>as {run} has it</p>"),
            container="ENG",
            author=Author("mira@acme.example", "Mira"),
            url=f"{SITE}/pages/{number}",
            updated=datetime(2026, 1, 2, tzinfo=UTC),
            readers=EVERYONE if number % 2 else (f"reader-{number}@acme.example",),
        )
    )


def numbers(run: str) -> range:
    """The pages of a run."""
    return RUNS.get(run, range(1, 9, 2))


def wanted_texts(run: str) -> dict[str, str]:
    """What is served of a run: texts by id."""
    return {f"page-{number}": f"<p>as {run} has it</p>" for number in numbers(run)}


class SteppedProcess:
    """One process: a client whose requests wait until they are let on."""

    def __init__(self, glean: EmbeddedSandbox, clock: HandDrivenClock, name: str) -> None:
        self.work: asyncio.Task[None] | None = None
        self.source = datasource_spec(name, OwnerTag(installation=INSTALLATION_ID, dataset_id=f"of-{name}"))
        self.handle = datasource_of(name)
        self.waiting = 0
        self._free = False
        self._permits = asyncio.Semaphore(0)
        self._made = asyncio.Event()
        self.platform = IndexingPlatform(
            glean.base_url,
            lambda: glean.token,
            clock=_AdapterClock(clock),
            limiter=RateLimiter(per_second=1e6, in_flight=32),
            waits=1e-6,
        )
        http: Any = self.platform._http  # noqa: SLF001 - there is no nearer place to a request
        exchange = http._exchange  # noqa: SLF001 - the same

        async def exchange_with_permit(request: object) -> object:
            if not self._free:
                self.waiting += 1
                try:
                    await self._permits.acquire()
                finally:
                    self.waiting -= 1
            clock.advance(1)
            try:
                return await exchange(request)
            finally:
                self._made.set()

        http._exchange = exchange_with_permit  # noqa: SLF001 - the same

    async def begin(self, act: Callable[[SteppedProcess], Awaitable[None]]) -> None:
        """Have it do something, up to its first request."""
        self.work = asyncio.create_task(_attempt(act, self))
        await self.wait_until_idle()

    async def release_request(self) -> None:
        """Let one request on, and what follows from it."""
        if self.waiting:
            self._made.clear()
            self._permits.release()
            await self._made.wait()
        await self.wait_until_idle()

    async def finish(self) -> None:
        """Let everything on that it still does, and will do."""
        self._free = True
        self._permits = asyncio.Semaphore(1_000_000) if not self.waiting else self._permits
        for _ in range(self.waiting):
            self._permits.release()
        if self.work is not None:
            await self.work

    async def die(self) -> None:
        """Go as one goes who is killed between two requests."""
        if self.work is not None:
            self.work.cancel()
            with suppress(asyncio.CancelledError):
                await self.work

    async def wait_until_idle(self) -> None:
        """Return when it waits for a request to be let on, or has nothing to do."""
        assert self.work is not None
        quiet = 0
        while not self.work.done() and quiet < 20:
            quiet = quiet + 1 if self.waiting else 0
            await asyncio.sleep(0)


class _AdapterClock:
    """The clock of the test as an adapter reads it."""

    def __init__(self, clock: HandDrivenClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock()

    def uptime(self) -> None:
        return None

    def monotonic(self) -> float:
        return self.now().timestamp()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"an adapter waits {seconds} s by its own means")


async def _attempt(act: Callable[[SteppedProcess], Awaitable[None]], process: SteppedProcess) -> None:
    with suppress(PlatformError):  # a refusal is an end, too
        await act(process)


def serve(run: str) -> Callable[[SteppedProcess], Awaitable[None]]:
    """Register, push, sync, and push again what was lost, as the saga does."""

    async def act(process: SteppedProcess) -> None:
        await process.platform.ensure(process.source)
        await push(process, run)
        await sync(process, run)

    return act


def resume(run: str) -> Callable[[SteppedProcess], Awaitable[None]]:
    """Go on where another process had pushed."""

    async def act(process: SteppedProcess) -> None:
        await sync(process, run)

    return act


async def push(process: SteppedProcess, run: str) -> None:
    lines = [line(number, run) for number in numbers(run)]
    for again in (True, True, False):
        try:
            await process.platform.push(
                process.handle, process.source.mark, run, staged_pages(lines), lambda _: None
            )
        except PlatformRunLostError:
            if not again:
                raise
        else:
            return


async def sync(process: SteppedProcess, run: str) -> None:
    for again in (True, True, False):
        try:
            await process.platform.start_sync(process.handle, process.source.mark, run)
        except PlatformRunLostError:
            if not again:
                raise
            await push(process, run)
        else:
            return


async def stop(process: SteppedProcess) -> None:
    await process.platform.stop_sync(process.handle, process.source.mark)


async def discard(process: SteppedProcess) -> None:
    await process.platform.discard_run(process.handle, process.source.mark, "run-0")


async def observe(process: SteppedProcess) -> None:
    await process.platform.observe(process.handle)


async def remove(process: SteppedProcess) -> None:
    for _ in range(3):
        if await process.platform.delete_datasource(process.handle, process.source.mark) is not None:
            return


ACTS: Final[dict[str, Callable[[SteppedProcess], Awaitable[None]]]] = {
    **{f"serve {run}": serve(run) for run in RUNS},
    **{f"resume {run}": resume(run) for run in RUNS},
    "stop": stop,
    "discard": discard,
    "observe": observe,
    "remove": remove,
}


class Takeovers(RuleBasedStateMachine):
    """One datasource of one sandbox, and the processes on it."""

    glean: EmbeddedSandbox
    clock: HandDrivenClock
    runner: asyncio.Runner
    lingers: bool  # what is replaced is still served for a while

    def __init__(self) -> None:
        super().__init__()
        self.name = f"ACME-{next(_NAMES)}-Confluence"
        self.processes: dict[str, SteppedProcess] = {}

    @rule(process=PROCESSES, what=st.sampled_from(sorted(ACTS)))
    def begins(self, process: str, what: str) -> None:
        held = self.processes.get(process)
        if held is None or (held.work is not None and held.work.done()):
            held = held or self._start_process()
            self.processes[process] = held
            self.runner.run(held.begin(ACTS[what]))

    @precondition(lambda self: self.processes)
    @rule(process=PROCESSES, requests=st.integers(1, 12))
    def goes_on(self, process: str, requests: int) -> None:
        for _ in range(requests if process in self.processes else 0):
            self.runner.run(self.processes[process].release_request())
            self.serves_one_run()

    @precondition(lambda self: self.processes)
    @rule(process=PROCESSES)
    def dies(self, process: str) -> None:
        if process in self.processes:
            self._dead(self.processes.pop(process))

    @invariant()
    def serves_one_run(self) -> None:
        if not self.lingers:
            assert self._served_texts() in [{}, *map(wanted_texts, RUNS)]

    def teardown(self) -> None:
        for each in self.processes.values():
            self.runner.run(each.finish())
        self.clock.advance(LONG_S)
        assert self._served_texts() in [{}, *map(wanted_texts, RUNS)]
        last = self._start_process()
        self.runner.run(self._alone(last))
        for each in (*self.processes.values(), last):
            self._dead(each)

    async def _alone(self, process: SteppedProcess) -> None:
        """Whatever was before, one that is alone is served, and can be taken away."""
        process.work = None
        await process.finish()
        await serve(LAST)(process)
        self.clock.advance(LONG_S)
        assert self._served_texts() == wanted_texts(LAST)
        await remove(process)
        self.clock.advance(LONG_S)
        await remove(process)
        assert self._served_texts() == {}
        with self.glean.sandbox.world.database.read() as connection:
            known = connection.execute(
                "SELECT email FROM identity JOIN datasource ON row = datasource_row WHERE datasource.name = ?",
                (datasource_of(self.name),),
            ).fetchall()
        assert known == []

    def _served_texts(self) -> dict[str, str]:
        held = self.glean.sandbox.documents(datasource_of(self.name))
        return {each["id"]: each["body"]["textContent"] for each in held}

    def _start_process(self) -> SteppedProcess:
        async def start() -> SteppedProcess:
            made = SteppedProcess(self.glean, self.clock, self.name)
            await made.platform.__aenter__()
            return made

        return self.runner.run(start())

    def _dead(self, process: SteppedProcess) -> None:
        async def dead() -> None:
            await process.die()
            await process.platform.__aexit__(None, None, None)

        self.runner.run(dead())


@pytest.fixture
def clock() -> HandDrivenClock:
    return HandDrivenClock()


@pytest.fixture
def glean(tmp_path: Path, clock: HandDrivenClock) -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox(tmp_path / "glean.db", now=clock) as running, use_small_pages():
        running.sandbox.set_indexing_rate(1e12, minimum_seconds=0)
        yield running


@pytest.mark.parametrize("flipped", SWITCH_PARAMS)
def test_whoever_takes_over_from_whom_one_run_is_served(
    glean: EmbeddedSandbox, clock: HandDrivenClock, flipped: str
) -> None:
    run_machine(glean, clock, flipped, examples=8, steps=15)


@pytest.mark.exhaustive
@pytest.mark.parametrize("flipped", SWITCH_VARIANTS)
def test_whoever_takes_over_from_whom_one_run_is_served_for_long(
    glean: EmbeddedSandbox, clock: HandDrivenClock, flipped: str
) -> None:
    run_machine(glean, clock, flipped, examples=100, steps=40)


def run_machine(
    glean: EmbeddedSandbox, clock: HandDrivenClock, flipped: str, *, examples: int, steps: int
) -> None:
    glean.sandbox.set_switches(**{"limits_rate": False, **SWITCH_VARIANTS[flipped]})
    with asyncio.Runner() as runner:
        named = {
            "glean": glean,
            "clock": clock,
            "runner": runner,
            "lingers": bool(SLOW.keys() & SWITCH_VARIANTS[flipped]),
        }
        run_state_machine_as_test(
            type("Takeovers", (Takeovers,), named),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                phases=[Phase.explicit, Phase.reuse, Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
