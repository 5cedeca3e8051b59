"""Made-up company: its records of each type, in order, as they are on a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from domain.content.documents import JsonLinesBatch
from domain.content.generation.calendar import FIRST_MONDAY, HISTORY_WEEKS, Calendar
from domain.content.generation.choices import Chooser
from domain.content.generation.noise import Disturbance
from domain.content.generation.phrases.words import NOWHERE
from domain.content.generation.specification import Noise
from domain.content.generation.story import TOLD, Stories
from domain.content.generation.telling import TELLERS, RepositoryTeller
from domain.errors import Recovery, TemplateInvalidError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from domain.content.generation.specification import CompanySpecification
    from domain.content.generation.story import Story
    from domain.content.generation.telling import Teller
    from domain.model import DatasetType

_STORIES_TOGETHER: Final = 16
_EARLIEST_DAYS: Final = 2 * 7 * HISTORY_WEEKS
_SEARCHED: Final = 400
"""How many stories are searched for the latest one of a system."""


class Company:
    """Company as its records show it on a day.

    The same specification, count and day give the same records, byte for byte. Stories keep their numbers from day to
    day as long as the count stays, so on a later day there are more of them at the end and fewer at the beginning.

    Args:
        specification: what the company is.
        count: how many records of each type there are. Records refer to such of other types as have the same count.
        on: the day; the newest records are of the day before.

    Raises TemplateInvalidError for a day before any story.
    """

    def __init__(self, specification: CompanySpecification, count: int, on: date) -> None:
        today = (on - FIRST_MONDAY).days
        if today < _EARLIEST_DAYS:
            raise TemplateInvalidError(
                f"No record can be generated for {on}: the stories of made-up companies begin on {FIRST_MONDAY}.",
                recovery=Recovery.NEEDS_HUMAN,
                suggested_action="Set the clock of this machine.",
            )
        self.count = count
        self._specification = specification
        calendar = Calendar.for_stories(-(-count // TOLD))
        self._chooser = Chooser(specification.seed, specification.company)
        self.stories = Stories(specification, self._chooser, calendar, count, today)
        self._today = today
        self._end = calendar.first_story(on)

    def records(self, dataset_type: DatasetType) -> Iterator[JsonLinesBatch]:
        """All records of a type, the oldest first, in batches."""
        teller = TELLERS[dataset_type](self.stories, self._chooser, self._today)
        tell = self._find_tell(dataset_type, teller)
        left = self.count
        if isinstance(teller, RepositoryTeller):
            systems = self._tell_systems(teller)
            left -= len(systems)
            yield _batch(systems)
        begin = self._end + -left // TOLD
        for first in range(begin, self._end, _STORIES_TOGETHER):
            numbers = range(first, min(first + _STORIES_TOGETHER, self._end))
            told = [tell(self.stories.story(number)) for number in numbers]
            if left < TOLD * len(told):
                told = "\n".join(told).split("\n")[:left]
            yield _batch(told)
            left -= TOLD * len(told)

    def record(self, dataset_type: DatasetType, position: int) -> str:
        """The record at a position, from 0, which needs none of those before it."""
        teller = TELLERS[dataset_type](self.stories, self._chooser, self._today)
        told = self.count
        if isinstance(teller, RepositoryTeller):
            systems = min(self.stories.systems, self.count)
            if position < systems:
                return self._tell_system(teller, position)
            told, position = told - systems, position - systems
        story, place = divmod(position, TOLD)
        tell = self._find_tell(dataset_type, teller)
        return tell(self.stories.story(self._end + -told // TOLD + story)).split("\n")[place]

    def latest_stories(self) -> Iterator[Story]:
        """The stories of which four records of each type tell, the latest first."""
        told = max(0, self.count - self.stories.systems)
        is_cut = self.count % TOLD != 0 or told % TOLD != 0
        for number in range(self._end - 1 - is_cut, self._end - 1 - -(-told // TOLD), -1):
            yield self.stories.story(number)

    @property
    def absent_names(self) -> list[str]:
        """Names of systems that the company does not have and that no record of it contains."""
        named = msgspec.json.encode(self._specification).decode().casefold()
        return [each for each in NOWHERE if each.casefold() not in named]

    def copied_place(self, dataset_type: DatasetType, story: Story) -> int | None:
        """In the place of which record of a story its first one is copied, where noise is asked for."""
        disturbance = self._disturbance(dataset_type)
        return disturbance.copied_place(story) if disturbance else None

    def _find_tell(self, dataset_type: DatasetType, teller: Teller) -> Callable[[Story], str]:
        """How a story is told: plainly, or with the noise that the specification asks for."""
        disturbance = self._disturbance(dataset_type)
        if disturbance is None:
            return teller.tell
        return lambda story: disturbance.disturb(story, teller.tell(story))

    def _disturbance(self, dataset_type: DatasetType) -> Disturbance | None:
        noise = self._specification.noise
        if noise == Noise():
            return None
        return Disturbance(noise, self.stories, self._chooser, dataset_type)

    def _tell_systems(self, teller: RepositoryTeller) -> list[str]:
        return [self._tell_system(teller, each) for each in range(min(self.stories.systems, self.count))]

    def _tell_system(self, teller: RepositoryTeller, system: int) -> str:
        latest = self._latest_story(system)
        if latest is not None:
            return teller.tell_system(latest)
        return teller.tell_quiet_system(self.stories.story(self._end - 1, system))

    def _latest_story(self, system: int) -> Story | None:
        """The latest story of a system, of those that are told; None when there is none lately."""
        oldest = max(self._end + -self.count // TOLD, self._end - _SEARCHED)
        for number in range(self._end - 1, oldest - 1, -1):
            if self.stories.system_of(number) == system:
                return self.stories.story(number)
        return None


def _batch(lines: list[str]) -> JsonLinesBatch:
    return JsonLinesBatch("\n".join(lines).encode())
