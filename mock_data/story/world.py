"""The nouns of the story: who works on what, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Team:
    """A team; `space` and `project` are its Confluence space key and its Jira project key."""

    slug: str
    name: str
    space: str
    project: str
    channel: str
    mission: str


@dataclass(frozen=True, slots=True)
class Person:
    """An invented colleague."""

    name: str
    email: str
    role: str
    team: str


@dataclass(frozen=True, slots=True)
class Service:
    """A system that a team runs; its repository has the same name as its slug.

    `purpose` continues "The service …", `data` is what it handles, `signal` what its operators watch.
    """

    slug: str
    title: str
    team: str
    language: str
    purpose: str
    data: str
    signal: str


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that went wrong; its key is also the key of its Jira issue. The texts are whole sentences."""

    key: str
    service: str
    peer: str
    title: str
    started: datetime
    minutes: int
    severity: str
    symptom: str
    impact: str
    cause: str
    mitigation: str
    actions: tuple[str, str, str]
    lesson: str


@dataclass(frozen=True, slots=True)
class Episode:
    """Something smaller than an incident that all four types tell of. The texts are whole sentences."""

    slug: str
    service: str
    title: str
    symptom: str
    cause: str
    mitigation: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks in a demo, in words of their own; what holds the sentence that answers it is an answer.

    `about` is the key of an incident or the slug of an episode, `answer` says which of its sentences is asked for.
    """

    text: str
    about: str
    answer: Literal["cause", "mitigation"]


@dataclass(frozen=True, slots=True)
class Aside:
    """A remark on a service that each type tells of once, and that has no consequences."""

    service: str
    title: str
    text: str


def asides(service: str, lines: str) -> tuple[Aside, ...]:
    """Return the remarks on one service that stand in these lines, each as `title: text`."""
    told = (line.strip().partition(": ") for line in lines.strip().splitlines())
    return tuple(Aside(service, title, text) for title, _, text in told)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked about one thing, and what was said about it that is no answer."""

    questions: tuple[Question, ...]
    asides: tuple[Aside, ...]


@dataclass(frozen=True, slots=True)
class Initiative:
    """A piece of planned work: one epic, one page, one story a step."""

    slug: str
    team: str
    title: str
    goal: str
    measure: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Runbook:
    """A procedure that every service has; texts may hold `{service}`, `{data}`, `{signal}`, `{peer}`, `{channel}`."""

    slug: str
    title: str
    when: str
    steps: tuple[str, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A choice that a team recorded; slots as in `Runbook`."""

    title: str
    context: str
    choice: str
    rejected: str
    consequence: str


@dataclass(frozen=True, slots=True)
class Practice:
    """How the people of this industry do something, in paragraphs."""

    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Talk:
    """A question or a remark in a channel, and the answers to it; slots as in `Runbook`."""

    opening: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Defect:
    """A bug or a chore as it is written up; slots as in `Runbook`."""

    summary: str
    description: str


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the four types of one (industry, use case) draw from.

    `headlines` are the keys of the incidents told first and at length; `records` is how many of each type to write.
    """

    industry: str
    use_case: str
    title: str
    shared_space: str
    records: int
    headlines: tuple[str, ...]
    teams: tuple[Team, ...]
    people: tuple[Person, ...]
    services: tuple[Service, ...]
    incidents: tuple[Incident, ...]
    episodes: tuple[Episode, ...]
    subjects: tuple[Subject, ...]
    initiatives: tuple[Initiative, ...]
    runbooks: tuple[Runbook, ...]
    decisions: tuple[Decision, ...]
    practices: tuple[Practice, ...]
    talks: tuple[Talk, ...]
    defects: tuple[Defect, ...]

    def team_of(self, service: Service) -> Team:
        """Return the team that runs a service."""
        return next(team for team in self.teams if team.slug == service.team)

    def members(self, team: Team) -> tuple[Person, ...]:
        """Return the people of a team."""
        return tuple(person for person in self.people if person.team == team.slug)

    def service(self, slug: str) -> Service:
        """Return the service of that name."""
        return next(service for service in self.services if service.slug == slug)

    def incidents_of(self, service: Service) -> tuple[Incident, ...]:
        """Return what went wrong in a service."""
        return tuple(incident for incident in self.incidents if incident.service == service.slug)

    def episodes_of(self, service: Service) -> tuple[Episode, ...]:
        """Return the smaller things that happened in a service."""
        return tuple(episode for episode in self.episodes if episode.service == service.slug)

    @property
    def asides(self) -> tuple[Aside, ...]:
        """The remarks on all subjects."""
        return tuple(aside for subject in self.subjects for aside in subject.asides)

    def told(self, about: str) -> Incident | Episode:
        """Return the incident of that key or the episode of that slug."""
        found = {each.key: each for each in self.incidents} | {each.slug: each for each in self.episodes}
        return found[about]
