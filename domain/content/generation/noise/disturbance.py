"""Disturbance: which records of a story are noise, and what stands in their place. It depends on their number alone.

Ids, and with them links, stay. Only such records are replaced as no golden question depends on and no page links to.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

import msgspec

from domain.content.generation.noise.copies import copy_record
from domain.content.generation.noise.stale_pages import tell_stale_page
from domain.content.generation.story import TOLD
from domain.model import DatasetType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.content.generation.choices import Chooser
    from domain.content.generation.specification import Noise
    from domain.content.generation.story import Stories, Story

_COPIED: Final[Mapping[DatasetType, int]] = {
    DatasetType.CONFLUENCE_PAGES: 3,
    DatasetType.JIRA_ISSUES: 2,
    DatasetType.SLACK_MESSAGES: 1,
    DatasetType.GITHUB_REPOS: 3,
}
"""In the place of which of a story's four records its first one may be copied."""
_NUMBERS: Final = Struct("<3H")
"""What is drawn for the noise of a story: three numbers of two bytes."""
_SPAN: Final = 1 << 16
_MISLAID: Final = 2
"""In the place of which of a story's four pages there may be a stale one, or one in the wrong space."""


class Disturbance:
    """The noise of a company, for the records of one type.

    Args:
        noise: how much of it there is.
        stories: the stories.
        chooser: the choices of the company.
        dataset_type: the type.
    """

    def __init__(self, noise: Noise, stories: Stories, chooser: Chooser, dataset_type: DatasetType) -> None:
        self._chooser = chooser
        self._stories = stories
        self._dataset_type = dataset_type
        # One of a story's four records can be a copy, so four times as many of those are one.
        self._copies = noise.near_duplicates * TOLD * _SPAN
        is_of_pages = dataset_type is DatasetType.CONFLUENCE_PAGES
        self._stale = noise.stale_pages * TOLD * _SPAN if is_of_pages else 0.0
        self._mislaid = self._stale + noise.misfiled * TOLD * _SPAN if is_of_pages else 0.0

    def copied_place(self, story: Story) -> int | None:
        """In the place of which of a story's records its first one is copied; None where it is not."""
        return _COPIED[self._dataset_type] if self._draw(story)[0] < self._copies else None

    def _draw(self, story: Story) -> tuple[int, int, int]:
        thing = b"noise %s %d" % (self._dataset_type.value.encode(), story.number)
        return _NUMBERS.unpack_from(self._chooser.draw(thing))

    def disturb(self, story: Story, told: str) -> str:
        """The records of a story, as lines of JSON, with some of them replaced."""
        lines = told.split("\n")
        draw, place = self._draw(story), self.copied_place(story)
        if place is not None:
            lines[place] = copy_record(self._dataset_type, lines[0], lines[place])
        if draw[1] < self._stale:
            lines[_MISLAID] = tell_stale_page(story, _MISLAID, self._stories, self._chooser)
        elif draw[1] < self._mislaid:
            page = msgspec.json.decode(lines[_MISLAID])
            space = self._stories.another_project(story.team, draw[2])
            lines[_MISLAID] = msgspec.json.encode(page | {"space_key": space}).decode()
        return "\n".join(lines)
