"""Stale pages: written long before a story, never changed since, and contradicted by it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from domain.content.generation.calendar import CLOCK, day_forms
from domain.content.generation.noise.phrases import STALE_ENDS, STALE_FORMS
from domain.content.generation.phrases.wording import Wording
from domain.content.generation.story import SLOTS, TOLD
from domain.content.generation.telling import lay_out_page

if TYPE_CHECKING:
    from domain.content.generation.choices import Chooser
    from domain.content.generation.story import Stories, Story

_FEWEST_DAYS: Final = 120
_MORE_DAYS: Final = 240
"""A page was written so many days before its story, and up to so many more."""
_NAMED: Final = slice(SLOTS.index("e0"), SLOTS.index("e3") + 1)
"""The days that a page names, all of them before it was written."""
_AUTHOR: Final = '"author_email":"%(mail)s","author_name":"%(author)s"'
_ABOUT: Final = f'{_AUTHOR},"created":"%(written)s:00Z","last_modified":"%(written)s:00Z"'


def tell_stale_page(story: Story, place: int, stories: Stories, chooser: Chooser) -> str:
    """What the page at that place of a story said before the story. It has no parent: that was written later."""
    variant = _stale_page(story.kind, place).variant(story.variant)
    drawn = chooser.draw_many(b"stale page %d" % (story.number * TOLD + place), variant.size)
    day = story.day - _FEWEST_DAYS - drawn[0] % _MORE_DAYS
    author = stories.person(story.team, drawn[1], day)
    facts = [*story.facts]
    facts[_NAMED] = [day_forms(day - 2 - choice % 60).long for choice in drawn[2:6]]
    written = f"{day_forms(day).iso}T{CLOCK[9 * 60 + drawn[6]]}"
    return variant.fill(facts, (author.mail, author.name, written), drawn)


@cache
def _stale_page(kind: str, place: int) -> Wording:
    layout = lay_out_page(STALE_FORMS[kind], place, _ABOUT, (STALE_ENDS,))
    return Wording([layout], [*SLOTS, "mail", "author", "written"])
