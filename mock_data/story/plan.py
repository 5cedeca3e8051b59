"""The whole story of a world: what exists in each type, and where it is to be found from the others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mock_data.story.draw import Draw
from mock_data.story.episodes import noticed
from mock_data.story.issues import Issue, plan_issues
from mock_data.story.links import issue_url, message_url, page_url
from mock_data.story.pages import Page, plan_pages

if TYPE_CHECKING:
    from mock_data.story.world import Episode, Incident, Initiative, Service, World

_SENTENCE_START = re.compile(r"(^|[.?!] )([a-z])")


@dataclass(frozen=True, slots=True)
class Plan:
    """A world with its pages and issues."""

    world: World
    pages: tuple[Page, ...]
    issues: tuple[Issue, ...]

    def page(self, title: str) -> Page:
        """Return the page of that title."""
        return next(page for page in self.pages if page.title == title)

    def review(self, incident: Incident) -> Page:
        """Return the page that reviews an incident."""
        return next(page for page in self.pages if page.kind == "review" and page.incident == incident)

    def overview(self, service: Service) -> Page:
        """Return the page that describes a service."""
        return next(page for page in self.pages if page.kind == "overview" and page.service == service)

    def page_about(self, episode: Episode) -> Page:
        """Return the page that tells of an episode."""
        return next(page for page in self.pages if page.episode == episode)

    def issue_about(self, episode: Episode) -> Issue:
        """Return the issue in which the work on an episode was planned."""
        return next(issue for issue in self.issues if issue.episode == episode)

    def pages_about(self, service: Service, kind: str) -> list[Page]:
        """Return the pages of a kind about a service; there may be none."""
        return [page for page in self.pages if page.kind == kind and page.service == service]

    def actions(self, incident: Incident) -> list[Issue]:
        """Return the issues that follow an incident up."""
        return [issue for issue in self.issues if issue.incident == incident and issue.kind == "Task"]

    def epic(self, initiative: Initiative) -> Issue:
        """Return the epic of an initiative."""
        return next(issue for issue in self.issues if issue.initiative == initiative and issue.kind == "Epic")

    def defects(self, service: Service) -> list[Issue]:
        """Return the bugs and chores of a service; there may be none."""
        return [issue for issue in self.issues if issue.defect and issue.service == service]

    def thread(self, incident: Incident) -> tuple[str, str]:
        """Return channel and message id of the thread in which an incident was handled."""
        channel = incident.key.lower() if incident.key in self.world.headlines else "incidents"
        number = self.world.incidents.index(incident) + 1
        return channel, f"p{int(incident.started.timestamp())}{number:06d}"

    def talk(self, episode: Episode) -> tuple[str, str]:
        """Return channel and message id of the thread about an episode."""
        team = self.world.team_of(self.world.service(episode.service))
        number = len(self.world.incidents) + self.world.episodes.index(episode) + 1
        return team.channel, f"p{int(noticed(self.world, episode).timestamp())}{number:06d}"

    def fill(self, text: str, service: Service, draw: Draw) -> str:
        """Return a text with its slots filled and its sentences begun with capitals."""
        peer = draw.one([other for other in self.world.services if other.team != service.team])
        team = self.world.team_of(service)
        filled = text.format(
            service=service.title,
            data=service.data,
            signal=service.signal,
            peer=peer.title,
            channel=team.channel,
        )
        return capitalised(filled)


def make_plan(world: World) -> Plan:
    """Return the plan of a world; the same world always gives the same plan."""
    return Plan(world, tuple(plan_pages(world)), tuple(plan_issues(world)))


def capitalised(text: str) -> str:
    """Return a text whose sentences begin with a capital."""
    return _SENTENCE_START.sub(lambda found: found[1] + found[2].upper(), text)


def summary_of(plan: Plan, issue: Issue) -> str:
    """Return the summary of an issue as it is read."""
    if issue.defect is None or issue.service is None:
        return issue.summary
    return plan.fill(issue.summary, issue.service, Draw(plan.world.industry, "issue text", issue.key))


def url_of_page(page: Page) -> str:
    """Return where a page is."""
    return page_url(page.space, page.page_id)


def url_of_issue(issue: Issue) -> str:
    """Return where an issue is."""
    return issue_url(issue.key)


def url_of_thread(plan: Plan, incident: Incident) -> str:
    """Return where the thread of an incident is."""
    return message_url(*plan.thread(incident))


def url_of_talk(plan: Plan, episode: Episode) -> str:
    """Return where the thread about an episode is."""
    return message_url(*plan.talk(episode))
