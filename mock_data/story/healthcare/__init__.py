"""A group of hospitals and the teams that run its clinical systems."""

from __future__ import annotations

from mock_data.story.engineering import DECISIONS, DEFECTS, RUNBOOKS, TALKS
from mock_data.story.healthcare.episodes import EPISODES
from mock_data.story.healthcare.incidents import INCIDENTS
from mock_data.story.healthcare.initiatives import INITIATIVES
from mock_data.story.healthcare.practices import PRACTICES, WARD_TALKS
from mock_data.story.healthcare.services import SERVICES
from mock_data.story.healthcare.subjects import SUBJECTS
from mock_data.story.healthcare.teams import TEAMS
from mock_data.story.people import hire
from mock_data.story.world import World

WORLD = World(
    industry="healthcare",
    use_case="clinical_operations",
    title="Clinical operations",
    shared_space="CLIN",
    records=500,
    headlines=("INC-3108", "INC-3121", "INC-3134"),
    teams=TEAMS,
    people=hire(
        "healthcare",
        [team.slug for team in TEAMS],
        each=6,
        roles=(
            "Clinical Lead",
            "Systems Engineer",
            "Charge Nurse",
            "Integration Engineer",
            "Service Manager",
            "Safety Analyst",
        ),
    ),
    services=SERVICES,
    incidents=INCIDENTS,
    episodes=EPISODES,
    subjects=SUBJECTS,
    initiatives=INITIATIVES,
    runbooks=RUNBOOKS,
    decisions=DECISIONS,
    practices=PRACTICES,
    talks=TALKS + WARD_TALKS,
    defects=DEFECTS,
)
