"""Which Confluence pages there are, in which order: a page only has an earlier page as its parent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mock_data.story.draw import STORY_BEGINS, STORY_ENDS, Draw
from mock_data.story.episodes import noticed

if TYPE_CHECKING:
    from datetime import datetime

    from mock_data.story.world import (
        Aside,
        Decision,
        Episode,
        Incident,
        Initiative,
        Person,
        Practice,
        Runbook,
        Service,
        Team,
        World,
    )

_FIRST_ID = 4_210_001


_ID_STEP = 37


# How the pages beside the core are shared out, in percent.
_RUNBOOKS, _DECISIONS, _NOTES = 36, 22, 26


# Days after the story's beginning in which a page of that kind is made: parents before children.
_FIRST_DAYS = {"home": (0, 2), "shelf": (3, 6), "team": (0, 2), "overview": (7, 28)}


_SHELVES = {"review": "Incident reviews", "decision": "Decisions", "practice": "How we work"}


@dataclass(slots=True)
class Page:
    """A page that is to be written; `kind` says what about."""

    kind: str
    title: str
    space: str
    author: Person
    created: datetime
    modified: datetime
    parent: str
    team: Team | None = None
    service: Service | None = None
    incident: Incident | None = None
    initiative: Initiative | None = None
    practice: Practice | None = None
    runbook: Runbook | None = None
    decision: Decision | None = None
    episode: Episode | None = None
    aside: Aside | None = None
    page_id: str = ""


def plan_pages(world: World) -> list[Page]:
    """Return the pages of a world, as many as it wants records."""
    shared = [_page(world, "home", world.title, world.shared_space, "")]
    shared += [_page(world, "shelf", title, world.shared_space, world.title) for title in _SHELVES.values()]
    shared += [_page(world, "team", team.name, team.space, "", team=team) for team in world.teams]
    reviews = {incident.key: _review(world, incident) for incident in world.incidents}
    headlines = [reviews.pop(key) for key in world.headlines]
    core = [*reviews.values(), *(_overview(world, service) for service in world.services)]
    core += [
        _page(world, "initiative", plan.title, team.space, team.name, team=team, initiative=plan)
        for plan in world.initiatives
        for team in world.teams
        if team.slug == plan.team
    ]
    core += [
        _page(world, "practice", practice.title, world.shared_space, _SHELVES["practice"], practice=practice)
        for practice in world.practices
    ]
    draw = Draw(world.industry, "pages")
    told = [_episode(world, episode) for episode in world.episodes]
    told += [_aside(world, aside) for aside in world.asides]
    pages = shared + headlines + draw.shuffled(core)
    pages += draw.shuffled([*told, *_rest(world, draw, world.records - len(pages) - len(told))])
    for position, page in enumerate(pages):
        page.page_id = str(_FIRST_ID + _ID_STEP * position)
    return pages


def _page(
    world: World, kind: str, title: str, space: str, parent: str, *, team: Team | None = None, **about: object
) -> Page:
    draw = Draw(world.industry, "page", space, title)
    begin, end = _FIRST_DAYS.get(kind, (35, 330))
    created = draw.working_time(STORY_BEGINS + timedelta(days=begin), STORY_BEGINS + timedelta(days=end))
    author = draw.one(world.members(team) if team else world.people)
    modified = draw.working_time(created)
    page = Page(kind, title, space, author, created, modified, parent, team=team)
    for name, value in about.items():
        setattr(page, name, value)
    return page


def _review(world: World, incident: Incident) -> Page:
    service = world.service(incident.service)
    team = world.team_of(service)
    title = f"{incident.key} review: {incident.title}"
    page = _page(
        world,
        "review",
        title,
        world.shared_space,
        _SHELVES["review"],
        team=team,
        service=service,
        incident=incident,
    )
    page.created = incident.started + timedelta(days=1, hours=2)
    page.modified = min(incident.started + timedelta(days=8, hours=5), STORY_ENDS)
    return page


def _overview(world: World, service: Service) -> Page:
    team = world.team_of(service)
    return _page(
        world, "overview", f"{service.title}: overview", team.space, team.name, team=team, service=service
    )


def _episode(world: World, episode: Episode) -> Page:
    service = world.service(episode.service)
    team = world.team_of(service)
    page = _page(
        world,
        "episode",
        f"What we changed: {episode.title.lower()}",
        team.space,
        f"{service.title}: overview",
        team=team,
        service=service,
        episode=episode,
    )
    page.created = noticed(world, episode) + timedelta(hours=30)
    page.modified = page.created + timedelta(days=4, minutes=page.modified.minute)
    return page


def _aside(world: World, aside: Aside) -> Page:
    service = world.service(aside.service)
    team = world.team_of(service)
    parent = f"{service.title}: overview"
    return _page(
        world, "aside", f"Noted: {aside.title}", team.space, parent, team=team, service=service, aside=aside
    )


def _rest(world: World, draw: Draw, count: int) -> list[Page]:
    runbooks = draw.some(
        [(service, book) for service in world.services for book in world.runbooks], count * _RUNBOOKS // 100
    )
    decisions = draw.some(
        [(service, what) for service in world.services for what in world.decisions], count * _DECISIONS // 100
    )
    weeks = [STORY_BEGINS + timedelta(days=6 + 7 * week) for week in range(51)]
    notes = draw.some([(team, week) for team in world.teams for week in weeks], count * _NOTES // 100)
    pages = []
    for service, book in runbooks:
        team = world.team_of(service)
        parent = f"{service.title}: overview"
        title = f"{service.title}: {book.title.lower()}"
        pages.append(
            _page(world, "runbook", title, team.space, parent, team=team, service=service, runbook=book)
        )
    for number, (service, what) in enumerate(decisions, start=1):
        team = world.team_of(service)
        title = f"Decision {number:03d}: {what.title} ({service.title})"
        page = _page(
            world,
            "decision",
            title,
            world.shared_space,
            _SHELVES["decision"],
            team=team,
            service=service,
            decision=what,
        )
        pages.append(page)
    for team, week in notes:
        page = _page(
            world, "note", f"{team.name}: week of {week:%-d %B %Y}", team.space, team.name, team=team
        )
        page.created = week + timedelta(hours=14, minutes=draw.below(90))
        page.modified = page.created + timedelta(minutes=draw.between(5, 600))
        pages.append(page)
    quarters = ("Q3 2025", "Q4 2025", "Q1 2026", "Q2 2026")
    reports = draw.some(
        [(service, quarter) for service in world.services for quarter in quarters], count - len(pages)
    )
    for service, quarter in reports:
        team = world.team_of(service)
        parent = f"{service.title}: overview"
        title = f"{service.title}: service review {quarter}"
        page = _page(world, "report", title, team.space, parent, team=team, service=service)
        end = STORY_BEGINS + timedelta(days=92 * (quarters.index(quarter) + 1) - 12)
        page.created = min(end, STORY_ENDS - timedelta(days=5)).replace(hour=9, minute=draw.below(60))
        page.modified = page.created + timedelta(hours=draw.between(1, 60))
        pages.append(page)
    return pages
