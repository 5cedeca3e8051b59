"""Whatever clocks and processes do: each turn is had once, nothing goes that is not due, and what is due goes."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.governance.schedules import ScheduleService
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage
from domain.model.journey import Journey
from domain.model.schedule import ORPHAN_SWEEP_SCHEDULE, RETENTION_SCHEDULE
from domain.policy.clocks import load_clock_record
from domain.ports import DatasetQuery
from server.workers.scheduler import Scheduler
from tests.integration.scheduling.test_schedules import DAY, HOUR, PLANS, DrivenClock
from tests.support.inline_engine import InlineEngine, ProcessDied
from tests.support.models.schedule_model import ExpectedDataset, ScheduleModel
from tests.support.world import OPERATOR, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from domain.governance.schedules import ScheduledJob, ScheduledRun
    from tests.support.inline_engine import JournalEntry
    from tests.support.stores.postgres_server import PostgresServer
    from tests.support.world import Process, World

    Move = tuple[str, int | tuple[str, bool]]

LEASE = 40 * DAY
MOST_HOSTS = 4
ROUNDS, MOVES = 3, 12
MANY = settings(
    max_examples=60,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
FEW = settings(MANY, max_examples=ROUNDS, derandomize=True)

MOMENTS = st.sampled_from(["before", "inside", "after"])
MOVE = st.one_of(
    st.tuples(st.just("on"), st.integers(1, 80)),
    st.tuples(st.just("days"), st.integers(1, 9)),
    st.tuples(st.just("jump"), st.sampled_from([-400, -30, -2, -1, 1, 2, 30, 400])),
    st.tuples(st.just("shift"), st.sampled_from([-300, -61, -3, 3, 61, 300])),
    st.tuples(st.just("fro"), st.integers(2, 9)),
    st.tuples(st.just("late"), st.sampled_from([-48, -2, 2, 48])),
    st.tuples(st.just("die"), st.tuples(MOMENTS, st.booleans())),
    st.tuples(st.just("begin"), st.just(0)),
)
# Kept as they were found, or thought of, to be tried every time.
YEAR_AND_BACK: Sequence[Move] = [
    ("days", 1),
    ("jump", 400),
    ("on", 1),
    ("jump", -400),
    ("on", 1),
    ("days", 2),
]
HOURS_AND_BACK: Sequence[Move] = [("on", 1)] * 8 + [("shift", -300), ("on", 1), ("on", 1)]
TO_AND_FRO: Sequence[Move] = [("days", 2), ("fro", 16), ("days", 12)]
DOUBTED: Sequence[Move] = [("days", 6), ("on", 23), ("on", 4), ("shift", 61), ("days", 2)]
LEAPS: Sequence[Move] = [("days", 1), *[("jump", 30)] * 9, ("days", 9)]
TAKEN: Sequence[Move] = [("days", 5), ("die", ("inside", True)), ("days", 5), ("jump", 30), ("days", 9)]


@dataclass
class CrashPlan:
    """Tells a process at which moment of its next turn to die, if any."""

    moment: str = ""

    def __call__(self, step: str, moment: str) -> None:
        if (step, moment) == ("work", self.moment):
            raise ProcessDied(moment)


@dataclass
class SimulatedProcess:
    """A process that lives until it is over."""

    process: Process
    scheduler: Scheduler
    doom: CrashPlan
    over: anyio.Event = field(default_factory=anyio.Event)


@dataclass
class ScheduleSimulation:
    """Some processes on one folder, and the almanac that is kept beside them."""

    place: World
    almanac: ScheduleModel
    tasks: anyio.abc.TaskGroup
    hosts: list[SimulatedProcess] = field(default_factory=list)
    clock_was_wrong: bool = False

    @property
    def now(self) -> datetime:
        return self.place.clock.now()

    @property
    def lived(self) -> timedelta:
        """The machine's uptime."""
        uptime = self.place.clock.uptime()
        assert uptime is not None
        return timedelta(seconds=uptime.seconds)

    async def run_process(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Be a process until it is over."""
        doom = CrashPlan()
        async with self.place.open_process(crash=doom) as process:
            host = SimulatedProcess(process, Scheduler(process.services.schedules, process.engine), doom)
            self.hosts.append(host)
            await process.engine.resume()
            task_status.started()
            await host.over.wait()

    async def look_for_due_work(self, *, dying: str = "", anew: bool = False) -> None:
        """All look at once; of a process that dies the others, or another, go on with what it left."""
        self.almanac.begin_look(self.now, self.lived)
        expected = {name: self.almanac.due_tick(name, self.now) for name in self.almanac.plans}
        self.hosts[0].doom.moment = dying
        async with anyio.create_task_group() as tasks:
            for each in self.hosts * 2:
                tasks.start_soon(each.scheduler.start_due_runs)
        if dying:
            await self.wait_until_idle()
            await self.replace_dead_process(anew=anew)
        await self.wait_until_idle()
        await self.check_model(expected)

    async def wait_until_idle(self) -> None:
        """Wait for the end of all that runs, in whichever process."""
        with anyio.fail_after(60):
            while running := [each for each in self.place.journal.values() if _runs(each)]:
                for each in running:
                    await each.left.wait()
        assert [name for name, each in self.place.journal.items() if each.error] == []

    async def replace_dead_process(self, *, anew: bool) -> None:
        """Replace the process that has died, before or after those that live found what it left."""
        dead = [each for each in self.hosts if each.process.engine.dead]
        self.almanac.deaths += len(dead)
        self.hosts = [each for each in self.hosts if each not in dead]
        for each in [*self.hosts] * (not anew):
            await each.process.engine.resume()
        for each in dead:
            each.over.set()
            await self.tasks.start(self.run_process)
        for each in self.hosts:
            each.doom.moment = ""

    async def check_model(self, expected: dict[str, str | None]) -> None:
        """What happened is what had to."""
        process = self.hosts[0].process
        assert [name for name, each in self.place.journal.items() if not each.ended] == []
        ran = {(name, tick.partition("~")[0]) for name, tick in self.almanac.ran[self.almanac.seen :]}
        assert ran == {(name, tick) for name, tick in expected.items() if tick}
        record = await process.deps.store.read(load_clock_record)
        self.almanac.record_scan(record.last.at if record else None, self.now, self.lived)
        everything = await process.deps.store.read(lambda uow: uow.datasets.find(DatasetQuery(limit=50)))
        archived = [each.dataset_id for each in everything if each.status is DatasetStatus.ARCHIVED]
        self.almanac.check_teardowns(self.now, self.lived, archived)
        self.almanac.check_each_tick_once()
        for each in everything:
            kept = self.almanac.watched[each.dataset_id]
            assert each.status in {DatasetStatus.READY, DatasetStatus.ARCHIVED}
            if each.status is DatasetStatus.READY:
                assert (each.orphan and timedelta(seconds=each.orphan.served)) == (
                    kept.served if kept.marked else None
                )
        outcomes = {
            each.plan.name: each.last.outcome for each in await process.services.schedules.list() if each.last
        }
        refusable = {ORPHAN_SWEEP_SCHEDULE, RETENTION_SCHEDULE} if self.clock_was_wrong else set()
        assert all(outcome == "done" or name in refusable for name, outcome in outcomes.items()), outcomes
        assert set(outcomes.values()) <= {"done", "refused"}, outcomes
        assert (await process.load_event_kinds()).count("dataset:torn_down") == len(archived)

    async def apply_move(self, kind: str, how: int | tuple[str, bool]) -> None:
        """One thing that may happen, and a look."""
        if isinstance(how, tuple):
            moment, anew = how
            self.place.clock.ahead += DAY
            await self.look_for_due_work(dying=moment, anew=anew)
            return
        match kind:
            case "on":
                self.place.clock.ahead += how * HOUR
            case "jump":
                self.set_clock_wrong(how * DAY)
            case "shift":
                self.set_clock_wrong(timedelta(minutes=how))
            case "late":
                self.place.clock.ahead += DAY
                self.set_clock_wrong(how * HOUR)
            case "fro":
                await self.set_clock_to_and_fro(how)
            case "begin" if len(self.hosts) < MOST_HOSTS:
                await self.tasks.start(self.run_process)
        for _ in range(how if kind == "days" else 0):
            self.place.clock.ahead += DAY
            await self.look_for_due_work()
        await self.look_for_due_work()

    def set_clock_wrong(self, span: timedelta) -> None:
        """Somebody sets the clock; no time passes."""
        self.place.clock.off += span
        self.clock_was_wrong = True

    async def set_clock_to_and_fro(self, times: int) -> None:
        """The clock leaps from day to day and back, with a look at each."""
        for number in range(times):
            self.set_clock_wrong(DAY * (number + 1) * (-1) ** number)
            await self.look_for_due_work()


def _runs(entry: JournalEntry) -> bool:
    return not entry.ended and entry.owner is not None and not entry.owner.dead


async def add_datasets(story: ScheduleSimulation) -> None:
    """Three datasets: one that is wanted, one that is until its lease ends, and one that is not."""
    process = story.hosts[0].process
    await process.add_client_and_journey()
    made = {}
    for journey_id, kind, lease in (
        ("j1", DatasetType.CONFLUENCE_PAGES, None),
        ("j2", DatasetType.SLACK_MESSAGES, None),
        ("j3", DatasetType.JIRA_ISSUES, story.now + LEASE),
    ):
        if journey_id != "j1":
            journey = Journey(
                journey_id=journey_id,
                client_id="acme",
                stage=Stage.SANDBOX,
                state=JourneyState.ACTIVE,
                lease_expires_at=lease,
            )
            await process.services.registry.add_journey(journey, OPERATOR)
        made[journey_id] = await process.provision(dataset_type=kind, journey_id=journey_id)
    await process.complete_journey("j2")
    ends = story.now + LEASE
    unused: dict[str, Callable[[datetime], bool]] = {
        "j1": lambda _: False,
        "j2": lambda _: True,
        "j3": lambda now: now >= ends,
    }
    story.almanac.watched = {
        each.dataset_id: ExpectedDataset(used=each.last_used_at, unused=unused[name])
        for name, each in made.items()
    }


@asynccontextmanager
async def open_simulation(folder: Path, database: str) -> AsyncIterator[ScheduleSimulation]:
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(open_world(folder, records=4, database=database))
        place.clock, place.plans = DrivenClock(), PLANS
        async with place.open_store() as store:
            installation = await store.read(lambda uow: uow.installation)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        story = ScheduleSimulation(
            place, ScheduleModel({each.name: each.offset_for(installation) for each in PLANS}), tasks
        )
        for _ in range(2):
            await tasks.start(story.run_process)
        await add_datasets(story)
        try:
            yield story
        finally:
            for each in story.hosts:
                each.over.set()


@contextmanager
def record_ticks(stories: list[ScheduleSimulation]) -> Iterator[None]:
    """Every turn that is begun goes into the almanac, and a purge forgets whatever has ended: all that it ever may."""
    turn = ScheduleService.run_job

    async def note_run(
        self: ScheduleService, name: str, tick: str, chore: ScheduledJob
    ) -> ScheduledRun | None:
        stories[-1].almanac.ran.append((name, tick))
        return await turn(self, name, tick, chore)

    async def purge(self: InlineEngine) -> None:
        for saga_id in [saga_id for saga_id, each in self.journal.items() if each.ended]:
            del self.journal[saga_id]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScheduleService, "run_job", note_run)
        patch.setattr(InlineEngine, "purge", purge)
        yield


def play_factory(
    folder: Path, fresh: Callable[[], str], drop: Callable[[str], None]
) -> Callable[[Sequence[Move]], None]:
    numbers, stories = count(), list[ScheduleSimulation]()

    async def play(moves: Sequence[Move]) -> None:
        url = fresh()
        room = folder / str(next(numbers))
        room.mkdir()
        try:
            async with open_simulation(room, url) as story:
                stories.append(story)
                await story.look_for_due_work()
                for kind, how in moves:
                    await story.apply_move(kind, how)
        finally:
            drop(url)

    def run(moves: Sequence[Move]) -> None:
        with record_ticks(stories), start_blocking_portal() as portal:
            portal.call(play, moves)

    return run


@pytest.fixture
def play_moves(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> Callable[[Sequence[Move]], None]:
    """Plays moves in a world of their own, on a database of its own."""
    if not database:
        return play_factory(tmp_path, str, lambda _: None)
    cluster: PostgresServer = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("store_template")
    return play_factory(tmp_path, lambda: cluster.create_database(template), cluster.drop_database)


@pytest.mark.parametrize(
    "moves",
    [YEAR_AND_BACK, HOURS_AND_BACK, TAKEN, TO_AND_FRO, DOUBTED, LEAPS],
    ids=["a year", "hours", "taken", "to and fro", "doubted", "leaps"],
)
def test_turns_are_had_once_through_the_jumps_that_are_known_to_be_hard(
    play_moves: Callable[[Sequence[Move]], None], moves: Sequence[Move]
) -> None:
    play_moves(moves)


def test_turns_are_had_once_whatever_happens(play_moves: Callable[[Sequence[Move]], None]) -> None:
    @FEW
    @given(moves=st.lists(MOVE, min_size=3, max_size=MOVES))
    def any_days(moves: list[Move]) -> None:
        play_moves(moves)

    any_days()


@pytest.mark.exhaustive
def test_turns_are_had_once_whatever_happens_for_long(play_moves: Callable[[Sequence[Move]], None]) -> None:
    @MANY
    @given(moves=st.lists(MOVE, min_size=8, max_size=40))
    def any_days(moves: list[Move]) -> None:
        play_moves(moves)

    any_days()
