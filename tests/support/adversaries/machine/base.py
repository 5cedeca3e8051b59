"""What every rule of the state machine has at hand: the world, the oracle, and ways to pick something that is there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.support.adversaries.actors import AGENTS, HOW
from tests.support.adversaries.arena import ERAS, JOURNEYS
from tests.support.adversaries.attempts import SentCall
from tests.support.adversaries.hosts import HOSTS
from tests.support.adversaries.oracle import REASONS, ActorIdentity, ApprovalRequest, Dataset, Journey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from tests.support.adversaries.machine.sequence_runner import SequenceRunner

    T = TypeVar("T")

SPANS: Final = (
    timedelta(minutes=5),
    timedelta(minutes=10),
    timedelta(minutes=25),
    timedelta(hours=25),
    timedelta(days=8),
)
PATIENCE_S: Final = 60
"""How long a move may take in earnest; the clock of the world stands meanwhile."""
agents: Final = st.sampled_from(AGENTS)
eras: Final = st.sampled_from(ERAS)
hosts: Final = st.sampled_from(tuple(HOSTS))
hows: Final = st.sampled_from(HOW)
places: Final = st.sampled_from(JOURNEYS)
reasons: Final = st.sampled_from(REASONS)
seldom: Final = st.sampled_from([False, False, False, True])
spans: Final = st.sampled_from(SPANS)
picks: Final = st.integers(0, (1 << 16) - 1)
"""Which of the things that are there. What is drawn depends on nothing that was answered, so a sequence can be played
again."""


def pick_one(pick: int, known: Sequence[T]) -> T:
    """The thing that was picked."""
    return known[pick % len(known)]


class WorldRules(RuleBasedStateMachine):
    """One world, a fresh one for each sequence."""

    def __init__(self, hall: SequenceRunner) -> None:
        super().__init__()
        self.hall = hall
        self.arena, self.world = hall.open_world()
        self.oracle = self.world.oracle
        self.switches = self.arena.switches
        for client, name in JOURNEYS:
            self.oracle.journeys[client, name] = Journey(client, name, "sandbox")

    def run(self, work: Callable[..., Awaitable[T]], *given: object, **named: object) -> T:
        """Do something in the event loop, which stands still between the moves but for sagas that are held."""

        async def run_bounded() -> T:
            with anyio.fail_after(PATIENCE_S):
                return await work(*given, **named)

        return self.hall.portal.call(run_bounded)

    def now(self) -> datetime:
        """The instant by the world's clock."""
        return self.arena.now()

    def datasets_in(self, *states: str) -> list[Dataset]:
        """The datasets in one of those states; all of them when none is named."""
        return [each for each in self.oracle.datasets.values() if not states or each.state in states]

    def requests(self, *states: str) -> list[ApprovalRequest]:
        """The requests that stand so now; all of them when nothing is named."""
        known = self.oracle.requests.values()
        return [each for each in known if not states or each.state_at(self.now()) in states]

    @property
    def is_undisturbed(self) -> bool:
        """Whether Glean and the disks are there, and no gate is shut."""
        shut = self.switches.populating or self.switches.archiving
        return not (self.switches.platform_down or self.switches.disk_broken or shut)

    def call_teardown(
        self, who: ActorIdentity, dataset: Dataset, reason: str, how: str, era: str
    ) -> SentCall:
        """A teardown that waits for the end, unless a gate is shut."""
        wait_s = 0 if self.switches.archiving else 50
        given: dict[str, Any] = {"dataset_id": dataset.dataset_id, "reason": reason, "wait_s": wait_s}
        return SentCall(who, given, how, era)

    def move_journey(self, place: tuple[str, str], *, state: str = "", stage: str = "") -> None:
        """A person moves a journey, as far as the table lets them."""
        journey = self.oracle.journeys[place]
        may = self.oracle.move_journey(journey, self.now(), state=state, stage=stage)
        code = self.run(self.arena.move_journey, *place, state=state, stage=stage)
        refusals = {"invalid_argument"} if journey.readable else {"precondition_unknown"}
        assert code in ({"ok"} if may else refusals)
