"""Confluence pages: reviews, overviews, procedures, decisions, notes and reports."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, TypeVar

from mock_data.story.draw import Draw, stamp
from mock_data.story.links import html, issue_url, repository_url
from mock_data.story.people import crew
from mock_data.story.plan import capitalised, summary_of, url_of_issue, url_of_page, url_of_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_data.story.pages import Page
    from mock_data.story.plan import Plan
    from mock_data.story.world import Incident

T = TypeVar("T")

_OPENINGS = (
    "The week went as planned, apart from two interruptions.",
    "A short week because of the holiday; most of it went into reviews.",
    "Most of the week went into the initiative, the rest into support.",
    "Two colleagues were at a training, so less was started than usual.",
    "A calm week, used for work that had been waiting for a while.",
    "The first half went into an unplanned question from another team.",
)
_TRENDS = (
    "better by {n} % than the time before",
    "within the objective all the time",
    "outside the objective on {d} days",
    "changed by less than {d} %, which is noise",
    "worse by {n} % after a release, recovered on the same day",
    "steady, with one peak of {m} minutes",
)
_NEXT = (
    "Finish what is in review before anything new is started.",
    "Try the procedure for a fail-over with the two newest colleagues.",
    "Agree with the people of {peer} who owns the interface.",
    "Bring the open actions from incident reviews below five.",
    "Write down what was learnt about {data}.",
    "Move the alert on {signal} from the old to the new dashboard.",
)
_REMARKS = (
    "Costs per thousand {data} fell by {n} %, mostly because of smaller instances at night.",
    "{n} changes went to production, {d} of them were rolled back.",
    "The oldest open issue is {m} days old and waits for {peer}.",
    "Colleagues from {peer} joined the rota for two weeks, and both sides want to repeat it.",
    "The restore exercise took {m} minutes; the goal is an hour.",
    "{n} of {m} pages about this service were read again and corrected.",
)


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
    if page.kind in {"runbook", "report", "decision"} and page.service:
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
    return _join(
        _p(
            f"{plan.world.title}: {len(plan.world.teams)} teams, {len(plan.world.services)} systems, one place to look."
        ),
        _h("Teams"),
        _list(teams),
        _h("Where things are"),
        _p(
            "Each team has its own space. Incident reviews, decisions and the ways of working are shared, and live here."
        ),
    )


def _shelf(plan: Plan, page: Page, _draw: Draw) -> str:
    lines = {
        "Incident reviews": "Every incident of severity 1 or 2 is reviewed within eight days; those of severity 3 when somebody can learn from it.",
        "Decisions": "A decision record says what was decided, what else was considered, and what would make us think again.",
        "How we work": "What new colleagues ask in their first weeks, written down by those who were asked.",
    }
    return _join(
        _p(lines[page.title]),
        _p(
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
    return _join(
        _p(
            f"{escape(team.name)} {team.mission}. Work is planned in the Jira project {team.project} and talked over in #{team.channel}."
        ),
        _h("People"),
        _list(people),
        _h("Systems"),
        _list(listed),
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
    return _join(
        _p(
            f"{html(issue_url(incident.key), incident.key)}, {incident.severity}, {begin:%-d %B %Y}. "
            f"System: {html(repository_url(service.slug), service.title)}. Lead: {escape(lead)}. "
            f"The conversation is kept in {html(url_of_thread(plan, incident), '#' + plan.thread(incident)[0])}.",
        ),
        _h("What was seen"),
        _p(incident.symptom),
        _h("Impact"),
        _p(incident.impact),
        _h("Time line (UTC)"),
        _list(
            [
                f"{begin:%H:%M} The alert on {service.signal} is raised and {escape(lead)} takes the lead.",
                f"{begin + timedelta(minutes=8):%H:%M} Colleagues from {peer.title} join, because {escape(peer.data)} are affected as well.",
                f"{found:%H:%M} The cause is found.",
                f"{end:%H:%M} {capitalised(service.signal)} is back within its objective; {incident.key} is closed after {incident.minutes} minutes.",
            ],
        ),
        _h("Cause"),
        _p(incident.cause),
        _h("What helped"),
        _p(incident.mitigation),
        _h("What we change"),
        _list(actions),
        _h("What we learnt"),
        _p(incident.lesson),
    )


def _overview(plan: Plan, page: Page, draw: Draw) -> str:
    service, team = _known(page.service), _known(page.team)
    near = draw.some([other for other in plan.world.services if other != service], 3)
    return _join(
        _p(
            f"{service.title} {escape(service.purpose)}. It is run by {escape(team.name)}; code and configuration are in {html(repository_url(service.slug), service.slug)}."
        ),
        _h("What it handles"),
        _p(
            f"On a usual day {draw.between(4, 90) * 1000:,} {escape(service.data)} pass through it, most of them between 08:00 and 11:00. It is written in {service.language}."
        ),
        _h("Objective"),
        _p(
            f"The team watches {service.signal}. The objective holds for 28 days; {draw.between(95, 99)}.{draw.between(1, 9)} % of it was kept last time."
        ),
        _h("Neighbours"),
        _list(
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
    return _join(
        _p(f"{escape(initiative.goal)} The work is collected in {html(url_of_issue(epic), epic.key)}."),
        _h("How we will know"),
        _p(f"One number: {escape(initiative.measure)}. It is looked at on the first Tuesday of each month."),
        _h("Steps"),
        _list(
            [
                f"{html(url_of_issue(issue), issue.key)}: {escape(issue.summary)} ({issue.status})"
                for issue in stories
            ]
        ),
        _h("What it is not"),
        _p(
            "No step depends on a new tool, and no team gets a target that it cannot influence. Ideas beyond this page go to the next planning."
        ),
    )


def _practice(_plan: Plan, page: Page, _draw: Draw) -> str:
    return _join(
        *(_p(paragraph) for paragraph in _known(page.practice).paragraphs),
        _p(f"Kept by {escape(page.author.name)}, {page.author.role}."),
    )


def _runbook(plan: Plan, page: Page, draw: Draw) -> str:
    service, book = _known(page.service), _known(page.runbook)
    return _join(
        _h("When"),
        _p(plan.fill(book.when, service, draw)),
        _h("Steps"),
        _list([escape(plan.fill(step, service, draw)) for step in book.steps], ordered=True),
        _h("Afterwards"),
        _p(plan.fill(book.after, service, draw)),
        _p(
            f"Last tried by {escape(page.author.name)} on {page.modified:%-d %B %Y}; it took {draw.between(12, 75)} minutes. Background: {html(url_of_page(plan.overview(service)), service.title)}."
        ),
        _incidents(plan, plan.world.incidents_of(service)),
    )


def _decision(plan: Plan, page: Page, draw: Draw) -> str:
    service, decision = _known(page.service), _known(page.decision)
    people = ", ".join(escape(person.name) for person in draw.some(plan.world.people, 3))
    return _join(
        _p(
            f"Status: {draw.one(('accepted', 'accepted', 'accepted', 'proposed', 'replaced in part'))}. Decided for {html(url_of_page(plan.overview(service)), service.title)} with {people}."
        ),
        _h("Context"),
        _p(plan.fill(decision.context, service, draw)),
        _h("Decision"),
        _p(plan.fill(decision.choice, service, draw)),
        _h("Considered and rejected"),
        _p(plan.fill(decision.rejected, service, draw)),
        _h("Consequences"),
        _p(plan.fill(decision.consequence, service, draw)),
        _p(
            f"To be looked at again after {draw.one(('six months', 'a year', 'the next peak', 'the next three incidents'))}."
        ),
    )


def _note(plan: Plan, page: Page, draw: Draw) -> str:
    team = _known(page.team)
    services = draw.some([service for service in plan.world.services if service.team == team.slug], 3)
    numbers = [
        f"{service.title}, {service.signal}: {_numbers(draw.one(_TRENDS), draw)}." for service in services
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
    plans = [escape(plan.fill(text, draw.one(services), draw)) for text in draw.some(_NEXT, 2)]
    return _join(
        _p(
            f"{draw.one(_OPENINGS)} Present: {', '.join(escape(person.name) for person in draw.some(plan.world.members(team), 4))}."
        ),
        _h("Numbers"),
        _list([escape(number) for number in numbers]),
        *((_h("In progress"), _list(items)) if items else ()),
        _incidents(plan, tuple(recent)),
        _h("Next week"),
        _list(plans),
    )


def _report(plan: Plan, page: Page, draw: Draw) -> str:
    service = _known(page.service)
    remarks = [
        escape(_numbers(plan.fill(_escape_slots(text), service, draw), draw))
        for text in draw.some(_REMARKS, 3)
    ]
    return _join(
        _p(
            f"{html(url_of_page(plan.overview(service)), service.title)} {escape(service.purpose)}. Availability in the quarter was 99.{draw.between(90, 99)} %. {capitalised(service.signal)}: {_numbers(draw.one(_TRENDS), draw)}."
        ),
        _h("What stands out"),
        _list(remarks),
        _incidents(
            plan,
            tuple(
                incident for incident in plan.world.incidents_of(service) if incident.started <= page.created
            ),
        ),
        _h("Next quarter"),
        _list([escape(plan.fill(text, service, draw)) for text in draw.some(_NEXT, 2)]),
    )


_WRITERS: dict[str, Callable[[Plan, Page, Draw], str]] = {
    "home": _home,
    "shelf": _shelf,
    "team": _team,
    "review": _review,
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
    return _h("Incidents") + _list(lines)


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


def _join(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _p(text: str) -> str:
    return f"<p>{text}</p>"


def _h(text: str) -> str:
    return f"<h2>{text}</h2>"


def _list(items: list[str], *, ordered: bool = False) -> str:
    tag = "ol" if ordered else "ul"
    return f"<{tag}>" + "".join(f"<li>{item}</li>" for item in items) + f"</{tag}>"
