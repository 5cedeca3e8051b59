"""Stale pages: written long before a story, never changed since, and contradicted by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.content.generation.noise.phrases import STALE_ENDS, STALE_FORMS
from domain.content.generation.phrases.wording import VARIANTS
from domain.content.generation.story import SLOTS, TOLD
from domain.content.generation.telling import PageTeller, page_wording

if TYPE_CHECKING:
    from domain.content.generation.choices import Chooser
    from domain.content.generation.story import Stories, Story

_FEWEST_DAYS: Final = 120
_MORE_DAYS: Final = 240
"""A page was written so many days before its story, and up to so many more."""
_DAYS_NAMED: Final = 63
"""So many days before it a page may name."""
_PAGE_ID: Final = SLOTS.index("page0")


class StalePageTeller(PageTeller):
    """Tells what a page said before a story happened."""

    thing = b"stale page %d"

    def __init__(self, stories: Stories, chooser: Chooser, today: int) -> None:
        super().__init__(stories, chooser, today)
        self._stale = {
            kind: page_wording(form, (STALE_ENDS,), has_parent=False) for kind, form in STALE_FORMS.items()
        }

    def tell_stale(self, story: Story, place: int) -> str:
        """The page that stands in the place of one of the story's own. It has no parent: that was written later."""
        ((draw, digits),) = self._chooser.draw(self.thing % (story.number * TOLD + place))
        ago = _FEWEST_DAYS + draw[29] % _MORE_DAYS
        before = story._replace(day=max(self._first_day + _DAYS_NAMED, story.day - ago))
        author = self._stories.person(story.team, draw[30], before.day)
        written = self._stamp(before.day, 9 * 60 + draw[31] % 480, draw[30])
        own = (story.facts[_PAGE_ID + place], author.mail, author.name, written, written)
        facts = before.facts + self._figures(before, draw, digits) + own
        return self._stale[story.kind].fill(draw[28] % VARIANTS, facts)
