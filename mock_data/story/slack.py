"""Slack messages: incident threads, questions and answers, announcements, reviews."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mock_data.story.draw import STORY_BEGINS, STORY_ENDS, Draw, stamp
from mock_data.story.episodes import noticed
from mock_data.story.links import issue_url, message_url, repository_url
from mock_data.story.people import crew
from mock_data.story.plan import capitalised, summary_of, url_of_issue, url_of_page

if TYPE_CHECKING:
    from mock_data.story.plan import Plan
    from mock_data.story.world import Aside, Episode, Incident, Person, Service

_FIRST_NUMBER = 1001
_DETAILS = (
    "The change is in {link}.",
    "More in the readme: {link}",
    "It concerns {link}.",
    "See {link}",
)
_TRIAGE = (
    (
        "{key} landed on our board: {summary}. Who knows that corner? {link}",
        "I wrote half of that, so {key} is mine. Starting after the release.",
        "Thanks. {person} offered to pair on {key}.",
    ),
    (
        "Triage result: {key} ({summary}) goes before the feature work. {link}",
        "Fine. How many are affected by {key}?",
        "About {n} a week, and rising. {person} keeps count.",
    ),
    (
        "{key} came back after {n} days: {summary}. {link}",
        "Then the test covers the wrong case. I will write the one that {person} described.",
        "Good. Please link it in {key} before it is closed again.",
    ),
    (
        "Is {key} still worth doing? {summary}, open for {n} weeks. {link}",
        "Yes: {person} stumbled over it only yesterday.",
        "Then {key} goes into the next sprint.",
    ),
    ("Small win: {key} is fixed, {summary}. {link}", "{person} will be pleased, that was {n} clicks a day."),
    (
        "{person} would like to take over {key}: {summary}. {link}",
        "Gladly. My notes on {key} are in the issue, {n} lines.",
        "Perfect, I will pass that on.",
    ),
    (
        "{key} can be reproduced now: {summary}. Steps are in the issue. {link}",
        "Good find. {key} only shows with more than {n} entries, right?",
        "Right, and only on the second page, as {person} suspected.",
    ),
    (
        "Question on {key}: {summary}. Is anybody against closing it as done? {link}",
        "I would wait until {person} has looked at the numbers.",
        "Looked: {n} days without a case. Closing {key}.",
    ),
)
_PROCEDURE = (
    (
        "We tried the page “{title}” today, it took {n} minutes. {link}",
        "Last time it took me {d} hours, because step three was unclear. Is it better now?",
        "Yes, {person} rewrote it after an exercise of {n} minutes.",
    ),
    (
        "Is the page “{title}” still right? {link}",
        "Mostly. {n} of the numbers are from last year, {person} and I will correct them.",
    ),
    (
        "{person} asked for a second reader of “{title}”. {link}",
        "I can do that today, it has {n} lines.",
        "Thank you. {d} remarks so far, all of them about wording.",
    ),
    (
        "For the new colleagues: “{title}” is worth ten minutes. {link}",
        "Read it, thank you. I have {d} questions and {person} has {n}, may we come by at two?",
    ),
)
_DECISION = (
    (
        "The record is written: {title}. {link}",
        "{person} and I still think that we will regret one of the consequences within {n} months, but we can live with it.",
        "Noted with your name, as agreed. We look at it again in {n} weeks.",
    ),
    (
        "Comments welcome until Friday: {title}. {link}",
        "Reads well. Does it hold for the other {n} jobs too?",
        "It does, {person} checked {d} of them.",
    ),
)


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation: what was said, by whom, how many minutes after it began."""

    channel: str
    begun: datetime
    lines: tuple[tuple[Person, str, int], ...]
    root: str = ""


def slack_messages(plan: Plan) -> list[dict[str, object]]:
    """Return the message records of a plan: a thread's first message, then its answers, thread after thread."""
    world = plan.world
    told = {incident.key: _incident(plan, incident) for incident in world.incidents}
    threads = [told.pop(key) for key in world.headlines]
    others = [*told.values(), *(_episode(plan, episode) for episode in world.episodes)]
    others += [_aside(plan, aside) for aside in world.asides]
    chatter = Draw(world.industry, "chatter").shuffled(_chatter(plan))
    count = sum(len(thread.lines) for thread in [*threads, *others])
    while count + len(chatter[-1].lines) < world.records:
        others.append(chatter.pop())
        count += len(others[-1].lines)
    threads += [*Draw(world.industry, "threads").shuffled(others), chatter.pop()]
    records: list[dict[str, object]] = []
    for thread in threads:
        records += _records(thread, _FIRST_NUMBER + len(records))
    return records[: world.records]


def _records(thread: Thread, number: int) -> list[dict[str, object]]:
    root = ""
    records: list[dict[str, object]] = []
    for position, (author, text, minutes) in enumerate(thread.lines):
        instant = thread.begun + timedelta(minutes=minutes)
        message_id = f"p{int(instant.timestamp())}{number + position:06d}"
        if thread.root and not position:
            message_id = thread.root
        record: dict[str, object] = {
            "message_id": message_id,
            "text": text,
            "channel": thread.channel,
            "author": author.email,
            "author_name": author.name,
            "timestamp": stamp(instant),
            "thread": root,
            "url": message_url(thread.channel, message_id),
        }
        root = root or message_id
        records.append(record)
    return records


def _incident(plan: Plan, incident: Incident) -> Thread:
    world = plan.world
    service, peer = world.service(incident.service), world.service(incident.peer)
    draw = Draw(world.industry, "incident thread", incident.key)
    lead, second = crew(world, incident)
    guest = draw.one(
        world.members(world.team_of(peer))
        if peer.team != service.team
        else [p for p in world.people if p.team != service.team]
    )
    end = incident.minutes
    actions = ", ".join(f"{issue.key} {url_of_issue(issue)}" for issue in plan.actions(incident))
    lines = [
        (
            lead,
            f"{incident.key} is open, {incident.severity}: {incident.title}. {incident.symptom} I have the lead. {issue_url(incident.key)}",
            0,
        ),
        (guest, f"We see it at {peer.title} as well, {peer.data} are affected. Joining you.", 6),
        (lead, f"What we know about the impact of {incident.key}: {incident.impact}", end // 4),
        (
            second,
            f"Found it. {incident.cause} The place in the code is {repository_url(service.slug)}",
            end // 3,
        ),
        (lead, f"Next step is agreed. {incident.mitigation}", end // 2),
        (
            guest,
            f"{peer.title} looks normal again, and {service.signal} comes down on our side of the graph too.",
            end - 8,
        ),
        (
            lead,
            f"{incident.key} is closed after {end} minutes. Thank you all. The review is written tomorrow, questions are welcome here.",
            end,
        ),
        (
            second,
            f"The review of {incident.key} is here: {url_of_page(plan.review(incident))} In one sentence: {incident.lesson}",
            end + 1500,
        ),
        (lead, f"Actions from {incident.key}: {actions}", end + 1620),
    ]
    if incident.key not in world.headlines:
        lines = [lines[0], lines[3], lines[4], lines[6], lines[7]]
    channel, root = plan.thread(incident)
    return Thread(channel, incident.started, tuple(lines), root)


def _episode(plan: Plan, episode: Episode) -> Thread:
    world, issue = plan.world, plan.issue_about(episode)
    service = world.service(episode.service)
    draw = Draw(world.industry, "episode thread", episode.slug)
    one, other = draw.some(world.members(world.team_of(service)), 2)
    lines = (
        (one, f"{episode.symptom} Does anybody at {service.title} know more? {url_of_issue(issue)}", 0),
        (other, f"I do by now. {episode.cause}", draw.between(40, 300)),
        (
            one,
            f"Agreed with {other.name.split()[0]} and done. {episode.mitigation} {url_of_page(plan.page_about(episode))}",
            draw.between(2000, 6000),
        ),
    )
    channel, root = plan.talk(episode)
    return Thread(channel, noticed(world, episode), lines, root)


def _aside(plan: Plan, aside: Aside) -> Thread:
    service = plan.world.service(aside.service)
    draw = Draw(plan.world.industry, "aside", service.slug, aside.title)
    detail = draw.one(_DETAILS).format(link=repository_url(service.slug))
    return _talk(plan, service, draw, (f"{aside.text} {detail}",))


def _chatter(plan: Plan) -> list[Thread]:
    """Return every conversation of a usual day that the plan has material for."""
    world = plan.world
    threads = []
    for service in world.services:
        for talk in world.talks:
            draw = Draw(world.industry, "talk", service.slug, talk.opening)
            near = draw.one([other for other in world.services if other != service])
            lines = [_slots(text, service, near) for text in (talk.opening, *talk.answers)]
            detail = draw.one(_DETAILS).format(link=repository_url(service.slug))
            threads.append(_talk(plan, service, draw, (f"{lines[0]} {detail}", *lines[1:])))
        for issue in plan.defects(service):
            draw = Draw(world.industry, "triage", issue.key)
            begin = issue.created + timedelta(hours=2)
            summary = summary_of(plan, issue)
            threads.append(
                _about(
                    plan,
                    service,
                    draw,
                    draw.one(_TRIAGE),
                    {"key": issue.key, "summary": summary, "link": url_of_issue(issue)},
                    begin,
                )
            )
        for kind, texts in (("runbook", _PROCEDURE), ("decision", _DECISION)):
            for page in plan.pages_about(service, kind):
                draw = Draw(world.industry, "page talk", page.page_id)
                threads.append(
                    _about(
                        plan,
                        service,
                        draw,
                        draw.one(texts),
                        {"title": page.title, "link": url_of_page(page)},
                        page.modified,
                    )
                )
    return threads


def _slots(text: str, service: Service, near: Service) -> str:
    return capitalised(
        text.format(service=service.title, data=service.data, signal=service.signal, peer=near.title)
    )


def _about(
    plan: Plan, service: Service, draw: Draw, texts: tuple[str, ...], about: dict[str, str], begin: datetime
) -> Thread:
    guests = [person for person in plan.world.people if person.team != service.team]
    numbers = {"n": draw.between(4, 40), "d": draw.between(2, 5), "person": draw.one(guests).name.split()[0]}
    return _talk(plan, service, draw, tuple(text.format(**about, **numbers) for text in texts), begin)


def _talk(
    plan: Plan, service: Service, draw: Draw, texts: tuple[str, ...], begin: datetime = STORY_BEGINS
) -> Thread:
    team = plan.world.team_of(service)
    begun = draw.working_time(begin, STORY_ENDS - timedelta(days=2))
    one, other = draw.some(plan.world.members(team), 2)
    minutes, lines = 0, []
    for position, text in enumerate(texts):
        lines.append((other if position % 2 else one, text, minutes))
        minutes += draw.between(2, 55)
    return Thread(team.channel, begun, tuple(lines))
