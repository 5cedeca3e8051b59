"""Jira issues: incidents, what follows from them, planned work, bugs and chores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_data.story.draw import Draw, stamp
from mock_data.story.links import issue_url, page_url, repository_url
from mock_data.story.plan import summary_of, url_of_issue, url_of_page, url_of_thread

if TYPE_CHECKING:
    from mock_data.story.issues import Issue
    from mock_data.story.plan import Plan
    from mock_data.story.world import Episode

_FOUND = (
    "Found by {person} while looking into a question from support.",
    "Reported by a colleague from {peer} on {day}.",
    "Came up in the weekly review of {team}.",
    "Noticed by {person} during the handover of the rota.",
    "Mentioned twice in the feedback of the last month.",
    "Found by {person} while trying the procedures with a new colleague.",
    "Seen in staging first, then on {day} in production as well.",
)
_WORKAROUNDS = (
    "Until then, {person} corrects the affected entries once a day.",
    "There is a way around it: the list can be exported and sorted by hand.",
    "No way around it is known.",
    "Users were told, and {n} of them have asked again since.",
    "The rota knows about it and has a note beside the screen.",
    "{person} has a script that finds the affected entries.",
    "About {n} people are affected, most of them in one office.",
    "It can wait: {n} entries a week are affected.",
)
_STEPS = (
    "{person} has talked to {peer}; they see no obstacle and want to be among the first to try it.",
    "The estimate is {n} working days, with half of it for the change of habits rather than of software.",
    "{person} tries it with one group first and reports after two weeks.",
    "Depends on the step before; {peer} is told when it begins.",
    "{n} colleagues were asked, and most of them expect this step to help the most.",
)
_DONE_WHEN = (
    "Done when a test shows the fault and stays green afterwards.",
    "Done when {team} has seen it work for a week.",
    "Done when the overview page is up to date as well.",
    "Done when {signal} has not moved for three days after the release.",
    "Done when {person} has agreed with the wording.",
)


def jira_issues(plan: Plan) -> list[dict[str, object]]:
    """Return the issue records of a plan."""
    return [_record(plan, issue) for issue in plan.issues]


def _record(plan: Plan, issue: Issue) -> dict[str, object]:
    draw = Draw(plan.world.industry, "issue text", issue.key)
    record: dict[str, object] = {
        "key": issue.key,
        "summary": summary_of(plan, issue),
        "description": _description(plan, issue, draw),
        "issue_type": issue.kind,
        "status": issue.status,
        "priority": issue.priority,
        "project": issue.project,
        "assignee": issue.assignee.email,
        "reporter": issue.reporter.email,
        "created": stamp(issue.created),
        "updated": stamp(issue.updated),
        "labels": issue.labels,
        "url": issue_url(issue.key),
    }
    if issue.parent:
        record["references"] = [issue.parent.key]
    return record


def _description(plan: Plan, issue: Issue, draw: Draw) -> str:
    if issue.incident:
        return _action(plan, issue, draw) if issue.parent else _incident(plan, issue)
    if issue.initiative:
        return _step(plan, issue, draw) if issue.parent else _epic(plan, issue)
    if issue.episode:
        return _episode(plan, issue.episode)
    return _defect(plan, issue, draw) if issue.defect else _aside(plan, issue, draw)


def _action(plan: Plan, issue: Issue, draw: Draw) -> str:
    incident, parent = issue.incident, issue.parent
    assert incident is not None  # noqa: S101 (asked by the caller)
    assert parent is not None  # noqa: S101
    service = plan.world.service(incident.service)
    return _paragraphs(
        f"Action from {incident.key} ({url_of_issue(parent)}): {incident.title}.",
        f"{issue.summary}, because of what was found: {incident.cause}",
        f"The review is at {url_of_page(plan.review(incident))}, the code at {repository_url(service.slug)}.",
        _vary(plan, draw.one(_DONE_WHEN), issue, draw),
    )


def _epic(plan: Plan, issue: Issue) -> str:
    initiative = issue.initiative
    assert initiative is not None  # noqa: S101 (asked by the caller)
    page = plan.page(initiative.title)
    return _paragraphs(
        initiative.goal,
        f"Measured by: {initiative.measure}.",
        f"Plan and steps: {page_url(page.space, page.page_id)}",
    )


def _step(plan: Plan, issue: Issue, draw: Draw) -> str:
    initiative, parent = issue.initiative, issue.parent
    assert initiative is not None  # noqa: S101 (asked by the caller)
    assert parent is not None  # noqa: S101
    return _paragraphs(
        f"A step of {parent.summary} ({url_of_issue(parent)}). {initiative.goal}",
        _vary(plan, draw.one(_STEPS), issue, draw),
        _vary(plan, draw.one(_DONE_WHEN), issue, draw),
    )


def _aside(plan: Plan, issue: Issue, draw: Draw) -> str:
    aside = issue.aside
    assert aside is not None  # noqa: S101 (what is nothing else is one)
    return _paragraphs(
        aside.text,
        _vary(plan, draw.one(_FOUND), issue, draw),
        _vary(plan, draw.one(_DONE_WHEN), issue, draw),
        f"Code: {repository_url(aside.service)}",
    )


def _incident(plan: Plan, issue: Issue) -> str:
    incident = issue.incident
    assert incident is not None  # noqa: S101 (asked by the caller)
    service = plan.world.service(incident.service)
    return _paragraphs(
        f"{incident.symptom}",
        f"Impact: {incident.impact}",
        f"Cause: {incident.cause}",
        f"What helped: {incident.mitigation}",
        f"Duration: {incident.minutes} minutes, {incident.severity}. System: {service.title} ({repository_url(service.slug)}).",
        f"Conversation: {url_of_thread(plan, incident)}",
        f"Review: {url_of_page(plan.review(incident))}",
    )


def _episode(plan: Plan, episode: Episode) -> str:
    service = plan.world.service(episode.service)
    return _paragraphs(
        episode.symptom,
        f"Found out: {episode.cause}",
        f"Changed: {episode.mitigation}",
        f"Afterwards: {episode.outcome}",
        f"Page: {url_of_page(plan.page_about(episode))} — code: {repository_url(service.slug)}",
    )


def _defect(plan: Plan, issue: Issue, draw: Draw) -> str:
    service, defect = issue.service, issue.defect
    assert service is not None  # noqa: S101 (a defect is one of a service)
    assert defect is not None  # noqa: S101
    text = plan.fill(defect.description, service, draw)
    books = plan.pages_about(service, "runbook")
    pointer = (
        f"Procedure: {url_of_page(draw.one(books))}"
        if books
        else f"Overview: {url_of_page(plan.overview(service))}"
    )
    return _paragraphs(
        text,
        _vary(plan, draw.one(_FOUND), issue, draw) + " " + _vary(plan, draw.one(_WORKAROUNDS), issue, draw),
        _vary(plan, draw.one(_DONE_WHEN), issue, draw),
        f"{pointer} — code: {repository_url(service.slug)}",
    )


def _vary(plan: Plan, text: str, issue: Issue, draw: Draw) -> str:
    services = [service for service in plan.world.services if service.team == issue.team.slug]
    return text.format(
        person=draw.one(plan.world.members(issue.team)).name,
        peer=draw.one([team for team in plan.world.teams if team != issue.team]).name,
        day=f"{issue.created:%-d %B}",
        team=issue.team.name,
        signal=(issue.service or services[0]).signal,
        n=draw.between(3, 24),
    )


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(parts)
