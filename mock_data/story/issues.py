"""Which Jira issues there are, in which order: an issue only refers to earlier issues."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from mock_data.story.draw import STORY_BEGINS, STORY_ENDS, Draw
from mock_data.story.episodes import noticed
from mock_data.story.people import crew

if TYPE_CHECKING:
    from datetime import datetime

    from mock_data.story.world import (
        Aside,
        Defect,
        Episode,
        Incident,
        Initiative,
        Person,
        Service,
        Team,
        World,
    )

_FIRST_NUMBER = 101
_PRIORITIES = {"SEV-1": "Highest", "SEV-2": "High", "SEV-3": "Medium"}


@dataclass(slots=True)
class Issue:
    """An issue that is to be written; `kind` is Jira's issue type."""

    kind: str
    summary: str
    project: str
    assignee: Person
    reporter: Person
    created: datetime
    updated: datetime
    status: str
    priority: str
    team: Team
    service: Service | None = None
    incident: Incident | None = None
    initiative: Initiative | None = None
    defect: Defect | None = None
    episode: Episode | None = None
    aside: Aside | None = None
    parent: Issue | None = None
    key: str = ""
    labels: list[str] = field(default_factory=list)


def plan_issues(world: World) -> list[Issue]:
    """Return the issues of a world, as many as it wants records."""
    told = {incident.key: _incident(world, incident) for incident in world.incidents}
    first = [issue for key in world.headlines for issue in told.pop(key)]
    groups = [*told.values(), *(_initiative(world, plan) for plan in world.initiatives)]
    groups += [[_episode(world, episode)] for episode in world.episodes]
    groups += [[_aside(world, aside)] for aside in world.asides]
    draw = Draw(world.industry, "issues")
    missing = world.records - len(first) - sum(len(group) for group in groups)
    pairs = draw.some([(service, defect) for service in world.services for defect in world.defects], missing)
    groups += [[_defect(world, service, defect)] for service, defect in pairs]
    issues = first + [issue for group in draw.shuffled(groups) for issue in group]
    _number(issues)
    return issues


def _number(issues: list[Issue]) -> None:
    """Give the issues of each project their numbers in the order in which they were created."""
    count: Counter[str] = Counter()
    for issue in sorted(issues, key=lambda issue: (issue.created, issue.summary)):
        if not issue.key:
            issue.key = f"{issue.project}-{_FIRST_NUMBER + count[issue.project]}"
            count[issue.project] += 1


def _issue(
    world: World, kind: str, summary: str, team: Team, created: datetime, *, age_done: int = 45
) -> Issue:
    draw = Draw(world.industry, "issue", team.slug, summary, created)
    updated = draw.working_time(created, min(created + timedelta(days=age_done), STORY_ENDS))
    old = (STORY_ENDS - created).days > age_done
    status = draw.one(
        ("Done", "Done", "Done", "Done", "Closed")
        if old
        else ("To Do", "In Progress", "In Progress", "In Review", "Done")
    )
    priority = draw.one(("Low", "Medium", "Medium", "Medium", "High"))
    assignee, reporter = draw.one(world.members(team)), draw.one(world.people)
    return Issue(kind, summary, team.project, assignee, reporter, created, updated, status, priority, team)


def _incident(world: World, incident: Incident) -> list[Issue]:
    service = world.service(incident.service)
    team = world.team_of(service)
    main = _issue(world, "Incident", incident.title, team, incident.started)
    main.key, main.project, main.status = incident.key, "INC", "Closed"
    main.priority, main.service, main.incident = _PRIORITIES[incident.severity], service, incident
    main.assignee = crew(world, incident)[0]
    main.updated = min(incident.started + timedelta(days=8, hours=6), STORY_ENDS)
    main.labels = [incident.severity.lower(), service.slug]
    group = [main]
    for number, action in enumerate(incident.actions):
        created = min(incident.started + timedelta(days=1, hours=3 + number), STORY_ENDS - timedelta(days=1))
        task = _issue(world, "Task", action, team, created, age_done=30)
        task.service, task.incident, task.parent, task.priority = service, incident, main, "High"
        task.labels = ["incident-action", service.slug]
        group.append(task)
    return group


def _initiative(world: World, plan: Initiative) -> list[Issue]:
    team = next(team for team in world.teams if team.slug == plan.team)
    draw = Draw(world.industry, "initiative", plan.slug)
    begin = draw.working_time(STORY_BEGINS + timedelta(days=90), STORY_ENDS - timedelta(days=120))
    epic = _issue(world, "Epic", plan.title, team, begin)
    epic.status, epic.initiative, epic.labels = "In Progress", plan, [plan.slug]
    epic.updated = draw.working_time(STORY_ENDS - timedelta(days=20))
    group = [epic]
    for number, step in enumerate(plan.steps):
        story = _issue(world, "Story", step, team, begin + timedelta(days=1 + 21 * number, hours=1))
        story.initiative, story.parent, story.labels = plan, epic, [plan.slug]
        group.append(story)
    return group


def _episode(world: World, episode: Episode) -> Issue:
    service = world.service(episode.service)
    created = noticed(world, episode) + timedelta(minutes=35)
    issue = _issue(world, "Task", episode.title, world.team_of(service), created)
    issue.service, issue.episode, issue.labels = service, episode, [service.slug]
    return issue


def _aside(world: World, aside: Aside) -> Issue:
    service = world.service(aside.service)
    draw = Draw(world.industry, "aside", aside.service, aside.title)
    created = draw.working_time(STORY_BEGINS, STORY_ENDS - timedelta(days=3))
    issue = _issue(world, "Task", aside.title, world.team_of(service), created)
    issue.service, issue.aside, issue.labels = service, aside, [service.slug]
    return issue


def _defect(world: World, service: Service, defect: Defect) -> Issue:
    team = world.team_of(service)
    draw = Draw(world.industry, "defect", service.slug, defect.summary)
    created = draw.working_time(STORY_BEGINS, STORY_ENDS - timedelta(days=3))
    kind = "Bug" if defect.summary.startswith("{service}:") else "Task"
    issue = _issue(world, kind, defect.summary, team, created)
    issue.service, issue.defect, issue.labels = service, defect, [service.slug]
    return issue
