"""When the smaller things happened, which page, issue and conversation about one agree on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mock_data.story.draw import STORY_BEGINS, STORY_ENDS, Draw

if TYPE_CHECKING:
    from datetime import datetime

    from mock_data.story.world import Episode, World


def noticed(world: World, episode: Episode) -> datetime:
    """Return when somebody first spoke of an episode: early enough for what was changed to be done by now."""
    draw = Draw(world.industry, "episode", episode.slug)
    return draw.working_time(STORY_BEGINS + timedelta(days=30), STORY_ENDS - timedelta(days=60))
