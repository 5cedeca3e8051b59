"""Confluence pages: reviews, overviews, procedures, decisions, notes and reports."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, TypeVar

from mock_data.story.draw import Draw, stamp
from mock_data.story.links import html, issue_url, repository_url
from mock_data.story.markup import bullets, heading, join, paragraph
from mock_data.story.people import crew
from mock_data.story.phrases import NEXT, OPENINGS, REMARKS, TRENDS
from mock_data.story.plan import (
    capitalised,
    summary_of,
    url_of_issue,
    url_of_page,
    url_of_talk,
    url_of_thread,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_data.story.pages import Page
    from mock_data.story.plan import Plan
    from mock_data.story.world import Incident

T = TypeVar("T")


def confluence_pages(plan: Plan) -> list[dict[str, object]]:
    """Return the page records of a plan."""
    return [_record(plan, page) for page in plan.pages]


def _record(plan: Plan, page: Page) -> dict[str, object]:
    draw = Draw(plan.world.industry, "page text", page.page_id, page.title)
    references: list[str] = []
    record: dict[str, object] = {
        "page_id": page.page_id,
        "title": page.title,
        "body": _WRITERS[page.kind](plan, page, draw),
        "space_key": page.space,
        "author_email": page.author.email,
        "author_name": page.author.name,
        "created": stamp(page.created),
        "last_modified": stamp(page.modified),
        "labels": _labels(page),
        "url": url_of_page(page),
    }
    if page.parent:
        record["parent_id"] = plan.page(page.parent).page_id
        references.append(plan.page(page.parent).page_id)
    if page.kind in {"runbook", "report", "decision", "episode", "aside"} and page.service:
        overview = plan.overview(page.service).page_id
        references += [] if overview in references else [overview]
    if references:
        record["references"] = references
    return record


def _labels(page: Page) -> list[str]:
    labels = [page.kind]
    labels += [page.team.slug] if page.team else []
    labels += [page.service.slug] if page.service else []
    labels += [page.incident.key.lower()] if page.incident else []
    return labels


def _home(plan: Plan, _page: Page, _draw: Draw) -> str:
    teams = [
        f"<strong>{escape(team.name)}</strong> {team.mission}; talk to them in #{team.channel}."
        for team in plan.world.teams
    ]
    return join(
        paragraph(
            f"{plan.world.title}: {len(plan.world.teams)} teams, {len(plan.world.services)} systems, one place to look."
        ),
        heading("Teams"),
        bullets(teams),
        heading("Where things are"),
        paragraph(
            "Each team has its own space. Incident reviews, decisions and the ways of working are shared, and live here."
        ),
    )


def _shelf(plan: Plan, page: Page, _draw: Draw) -> str:
    lines = {
        "Incident reviews": "Every incident of severity 1 or 2 is reviewed within eight days; those of severity 3 when somebody can learn from it.",
        "Decisions": "A decision record says what was decided, what else was considered, and what would make us think again.",
        "How we work": "What new colleagues ask in their first weeks, written down by those who were asked.",
    }
    return join(
        paragraph(lines[page.title]),
        paragraph(
            f"The pages are kept by {escape(page.author.name)}, {page.author.role}. {len(plan.world.people)} people may edit them."
        ),
    )


def _team(plan: Plan, page: Page, _draw: Draw) -> str:
    team = _known(page.team)
    people = [f"{escape(person.name)}, {person.role}" for person in plan.world.members(team)]
    services = [service for service in plan.world.services if service.team == team.slug]
    listed = [
        f"{html(repository_url(service.slug), service.title)} {escape(service.purpose)}."
        for service in services
    ]
    return join(
        paragraph(
            f"{escape(team.name)} {team.mission}. Work is planned in the Jira project {team.project} and talked over in #{team.channel}."
        ),
        heading("People"),
        bullets(people),
        heading("Systems"),
        bullets(listed),
    )


def _review(plan: Plan, page: Page, _draw: Draw) -> str:
    incident, service = _known(page.incident), _known(page.service)
    lead = crew(plan.world, incident)[0].name
    begin = incident.started
    found, end = begin + timedelta(minutes=incident.minutes // 3), begin + timedelta(minutes=incident.minutes)
    actions = [
        f"{html(url_of_issue(issue), issue.key)}: {escape(issue.summary)} ({escape(issue.assignee.name)})"
        for issue in plan.actions(incident)
    ]
    peer = plan.world.service(incident.peer)
    return join(
        paragraph(
            f"{html(issue_url(incident.key), incident.key)}, {incident.severity}, {begin:%-d %B %Y}. "
            f"System: {html(repository_url(service.slug), service.title)}. Lead: {escape(lead)}. "
            f"The conversation is kept in {html(url_of_thread(plan, incident), '#' + plan.thread(incident)[0])}.",
        ),
        heading("What was seen"),
        paragraph(incident.symptom),
        heading("Impact"),
        paragraph(incident.impact),
        heading("Time line (UTC)"),
        bullets(
            [
                f"{begin:%H:%M} The alert on {service.signal} is raised and {escape(lead)} takes the lead.",
                f"{begin + timedelta(minutes=8):%H:%M} Colleagues from {peer.title} join, because {escape(peer.data)} are affected as well.",
                f"{found:%H:%M} The cause is found.",
                f"{end:%H:%M} {capitalised(service.signal)} is back within its objective; {incident.key} is closed after {incident.minutes} minutes.",
            ],
        ),
        heading("Cause"),
        paragraph(incident.cause),
        heading("What helped"),
        paragraph(incident.mitigation),
        heading("What we change"),
        bullets(actions),
        heading("What we learnt"),
        paragraph(incident.lesson),
    )


def _episode(plan: Plan, page: Page, _draw: Draw) -> str:
    episode, service = _known(page.episode), _known(page.service)
    issue = plan.issue_about(episode)
    return join(
        paragraph(
            f"It concerns {html(url_of_page(plan.overview(service)), service.title)}; the work was planned in {html(url_of_issue(issue), issue.key)} and talked over in {html(url_of_talk(plan, episode), '#' + plan.world.team_of(service).channel)}."
        ),
        heading("What was noticed"),
        paragraph(episode.symptom),
        heading("Why it happened"),
        paragraph(episode.cause),
        heading("What is different now"),
        paragraph(episode.mitigation),
        heading("What came of it"),
        paragraph(episode.outcome),
    )


def _aside(plan: Plan, page: Page, draw: Draw) -> str:
    service = _known(page.service)
    plans = [escape(plan.fill(text, service, draw)) for text in draw.some(NEXT, 1)]
    return join(
        paragraph(_known(page.aside).text),
        paragraph(
            f"Noted by {escape(page.author.name)} for {html(url_of_page(plan.overview(service)), service.title)} on {page.created:%-d %B %Y}, and read by {draw.between(3, 40)} people since."
        ),
        heading("On the same day"),
        bullets(plans),
    )


def _overview(plan: Plan, page: Page, draw: Draw) -> str:
    service, team = _known(page.service), _known(page.team)
    near = draw.some([other for other in plan.world.services if other != service], 3)
    return join(
        paragraph(
            f"{service.title} {escape(service.purpose)}. It is run by {escape(team.name)}; code and configuration are in {html(repository_url(service.slug), service.slug)}."
        ),
        heading("What it handles"),
        paragraph(
            f"On a usual day {draw.between(4, 90) * 1000:,} {escape(service.data)} pass through it, most of them between 08:00 and 11:00. It is written in {service.language}."
        ),
        heading("Objective"),
        paragraph(
            f"The team watches {service.signal}. The objective holds for 28 days; {draw.between(95, 99)}.{draw.between(1, 9)} % of it was kept last time."
        ),
        heading("Neighbours"),
        bullets(
            [
                f"{html(repository_url(other.slug), other.title)}: exchanges {escape(other.data)}"
                for other in near
            ]
        ),
        _incidents(plan, plan.world.incidents_of(service)),
    )


def _initiative(plan: Plan, page: Page, _draw: Draw) -> str:
    initiative = _known(page.initiative)
    epic = plan.epic(initiative)
    stories = [issue for issue in plan.issues if issue.parent is epic]
    return join(
        paragraph(
            f"{escape(initiative.goal)} The work is collected in {html(url_of_issue(epic), epic.key)}."
        ),
        heading("How we will know"),
        paragraph(
            f"One number: {escape(initiative.measure)}. It is looked at on the first Tuesday of each month."
        ),
        heading("Steps"),
        bullets(
            [
                f"{html(url_of_issue(issue), issue.key)}: {escape(issue.summary)} ({issue.status})"
                for issue in stories
            ]
        ),
        heading("What it is not"),
        paragraph(
            "No step depends on a new tool, and no team gets a target that it cannot influence. Ideas beyond this page go to the next planning."
        ),
    )


def _practice(_plan: Plan, page: Page, _draw: Draw) -> str:
    return join(
        *(paragraph(text) for text in _known(page.practice).paragraphs),
        paragraph(f"Kept by {escape(page.author.name)}, {page.author.role}."),
    )


def _runbook(plan: Plan, page: Page, draw: Draw) -> str:
    service, book = _known(page.service), _known(page.runbook)
    return join(
        heading("When"),
        paragraph(plan.fill(book.when, service, draw)),
        heading("Steps"),
        bullets([escape(plan.fill(step, service, draw)) for step in book.steps], ordered=True),
        heading("Afterwards"),
        paragraph(plan.fill(book.after, service, draw)),
        paragraph(
            f"Last tried by {escape(page.author.name)} on {page.modified:%-d %B %Y}; it took {draw.between(12, 75)} minutes. Background: {html(url_of_page(plan.overview(service)), service.title)}."
        ),
        _incidents(plan, plan.world.incidents_of(service)),
    )


def _decision(plan: Plan, page: Page, draw: Draw) -> str:
    service, decision = _known(page.service), _known(page.decision)
    people = ", ".join(escape(person.name) for person in draw.some(plan.world.people, 3))
    return join(
        paragraph(
            f"Status: {draw.one(('accepted', 'accepted', 'accepted', 'proposed', 'replaced in part'))}. Decided for {html(url_of_page(plan.overview(service)), service.title)} with {people}."
        ),
        heading("Context"),
        paragraph(plan.fill(decision.context, service, draw)),
        heading("Decision"),
        paragraph(plan.fill(decision.choice, service, draw)),
        heading("Considered and rejected"),
        paragraph(plan.fill(decision.rejected, service, draw)),
        heading("Consequences"),
        paragraph(plan.fill(decision.consequence, service, draw)),
        paragraph(
            f"To be looked at again after {draw.one(('six months', 'a year', 'the next peak', 'the next three incidents'))}."
        ),
    )


def _note(plan: Plan, page: Page, draw: Draw) -> str:
    team = _known(page.team)
    services = draw.some([service for service in plan.world.services if service.team == team.slug], 3)
    numbers = [
        f"{service.title}, {service.signal}: {_numbers(draw.one(TRENDS), draw)}." for service in services
    ]
    issues = [
        issue
        for issue in plan.issues
        if issue.team == team and issue.created <= page.created <= issue.updated
    ]
    items = [
        f"{html(url_of_issue(issue), issue.key)} {escape(summary_of(plan, issue))}"
        for issue in draw.some([issue for issue in issues if issue.kind != "Incident"], 2)
    ]
    recent = [
        incident
        for incident in plan.world.incidents
        if timedelta(0) <= page.created - incident.started <= timedelta(days=14)
    ]
    plans = [escape(plan.fill(text, draw.one(services), draw)) for text in draw.some(NEXT, 2)]
    return join(
        paragraph(
            f"{draw.one(OPENINGS)} Present: {', '.join(escape(person.name) for person in draw.some(plan.world.members(team), 4))}."
        ),
        heading("Numbers"),
        bullets([escape(number) for number in numbers]),
        *((heading("In progress"), bullets(items)) if items else ()),
        _incidents(plan, tuple(recent)),
        heading("Next week"),
        bullets(plans),
    )


def _report(plan: Plan, page: Page, draw: Draw) -> str:
    service = _known(page.service)
    remarks = [
        escape(_numbers(plan.fill(_escape_slots(text), service, draw), draw))
        for text in draw.some(REMARKS, 3)
    ]
    return join(
        paragraph(
            f"{html(url_of_page(plan.overview(service)), service.title)} {escape(service.purpose)}. Availability in the quarter was 99.{draw.between(90, 99)} %. {capitalised(service.signal)}: {_numbers(draw.one(TRENDS), draw)}."
        ),
        heading("What stands out"),
        bullets(remarks),
        _incidents(
            plan,
            tuple(
                incident for incident in plan.world.incidents_of(service) if incident.started <= page.created
            ),
        ),
        heading("Next quarter"),
        bullets([escape(plan.fill(text, service, draw)) for text in draw.some(NEXT, 2)]),
    )


_WRITERS: dict[str, Callable[[Plan, Page, Draw], str]] = {
    "home": _home,
    "shelf": _shelf,
    "team": _team,
    "review": _review,
    "aside": _aside,
    "episode": _episode,
    "overview": _overview,
    "initiative": _initiative,
    "practice": _practice,
    "runbook": _runbook,
    "decision": _decision,
    "note": _note,
    "report": _report,
}


def _incidents(plan: Plan, incidents: tuple[Incident, ...]) -> str:
    """Return a section on incidents, or nothing when there are none."""
    if not incidents:
        return ""
    lines = [
        f"{html(issue_url(incident.key), incident.key)}: {escape(incident.title)}, {incident.started:%-d %B %Y}, "
        f"{html(url_of_thread(plan, incident), 'conversation')}"
        for incident in incidents
    ]
    return heading("Incidents") + bullets(lines)


def _numbers(text: str, draw: Draw) -> str:
    return text.format(n=draw.between(3, 28), d=draw.between(1, 3), m=draw.between(31, 95))


def _escape_slots(text: str) -> str:
    """Return a text whose number slots survive the filling of the others."""
    for slot in ("{n}", "{d}", "{m}"):
        text = text.replace(slot, "{" + slot + "}")
    return text


def _known(value: T | None) -> T:
    """Return what a page of this kind always has."""
    assert value is not None  # noqa: S101 (the plan made the page with it)
    return value
