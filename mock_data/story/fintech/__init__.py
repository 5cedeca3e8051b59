"""A payments company and the teams that build its software."""

from __future__ import annotations

from mock_data.story.engineering import DECISIONS, DEFECTS, RUNBOOKS, TALKS
from mock_data.story.fintech.episodes import EPISODES
from mock_data.story.fintech.incidents import INCIDENTS
from mock_data.story.fintech.initiatives import INITIATIVES
from mock_data.story.fintech.practices import PRACTICES
from mock_data.story.fintech.services import SERVICES
from mock_data.story.fintech.subjects import SUBJECTS
from mock_data.story.fintech.teams import TEAMS
from mock_data.story.people import hire
from mock_data.story.world import World

WORLD = World(
    industry="fintech",
    use_case="developer_productivity",
    title="Payments engineering",
    shared_space="ENG",
    records=500,
    headlines=("INC-2041", "INC-2057", "INC-2063"),
    teams=TEAMS,
    people=hire("fintech", [team.slug for team in TEAMS], each=6),
    services=SERVICES,
    incidents=INCIDENTS,
    episodes=EPISODES,
    subjects=SUBJECTS,
    initiatives=INITIATIVES,
    runbooks=RUNBOOKS,
    decisions=DECISIONS,
    practices=PRACTICES,
    talks=TALKS,
    defects=DEFECTS,
)
