"""Repositories: one for each service, and those that surround it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mock_data.story.draw import STORY_ENDS, Draw, stamp
from mock_data.story.links import issue_url, markdown, repository_url
from mock_data.story.plan import url_of_page, url_of_talk, url_of_thread

if TYPE_CHECKING:
    from mock_data.story.plan import Plan
    from mock_data.story.world import Aside, Service, World

OWNER = "mock-org"

# Suffix, language (empty: the service's own), description, first paragraph of the readme.
_SATELLITES = (
    (
        "api",
        "Protocol Buffers",
        "Interface definitions of {service}",
        "The messages for {data}, with the rules for changing them: fields are added, never renamed, and removed after two releases.",
    ),
    (
        "client-python",
        "Python",
        "Python client for {service}",
        "A typed client with retries and deadlines. It is used by notebooks and nightly jobs that read {data}.",
    ),
    (
        "client-kotlin",
        "Kotlin",
        "Kotlin client for {service}",
        "A coroutine client that carries the deadline of the caller and sends an idempotency key with every write.",
    ),
    (
        "terraform",
        "HCL",
        "Infrastructure of {service}",
        "Queues, databases and alerts of {service}. A plan is posted on each pull request, and applied after two approvals.",
    ),
    (
        "helm",
        "YAML",
        "Deployment charts of {service}",
        "Charts with values for staging and production. The canary takes five percent of {data} for ten minutes.",
    ),
    (
        "e2e",
        "TypeScript",
        "End-to-end tests of {service}",
        "Six journeys that users would notice. They run every hour against staging, with test data that are made for each run.",
    ),
    (
        "load-tests",
        "Scala",
        "Load tests of {service}",
        "Profiles for a usual day, a peak and a recovery. The measure is {signal}; a run fails when it leaves its band.",
    ),
    (
        "dashboards",
        "Jsonnet",
        "Dashboards and alerts of {service}",
        "Dashboards are written as code. The first one answers a single question: is {signal} within its objective?",
    ),
    (
        "migrations",
        "SQL",
        "Database migrations of {service}",
        "Additive migrations for {data}. Each one says how long it took on a copy of production size.",
    ),
    (
        "simulator",
        "Go",
        "Simulator of {service} for its neighbours",
        "Answers like {service}, with made-up {data}, and can be slow, wrong or silent on request.",
    ),
    (
        "batch",
        "Python",
        "Nightly jobs of {service}",
        "Jobs that count, compare and archive {data}. Each job can be repeated without doing anything twice.",
    ),
    (
        "docs",
        "Markdown",
        "User documentation of {service}",
        "Pages for colleagues who use {service} without running it, with examples that are checked by a test.",
    ),
)
_CHAPTERS = (
    (
        "Working on it",
        "`just setup` prepares a checkout and `just check` runs what the build runs. The slowest part takes {n} seconds.",
    ),
    (
        "Design",
        "Requests are checked at the edge, decided in the core and written once. The core knows neither network nor clock, so that its {n}0 tests run in a second.",
    ),
    (
        "Operations",
        "The rota watches {signal}. Releases go out {d} times a week, the canary first; a rollback takes {n} minutes.",
    ),
    (
        "Data",
        "It handles {data}. Tables are partitioned by month, and {n} months stay in the database before they move to the archive.",
    ),
    (
        "Contributing",
        "Changes of up to 400 lines are reviewed within four working hours. Larger ones begin with a design review.",
    ),
    (
        "Limits",
        "Up to {n}00 requests a second are accepted, then callers are asked to wait. The limit is checked in every load test.",
    ),
)


def github_repos(plan: Plan) -> list[dict[str, object]]:
    """Return the repository records of a plan: first the services', then the others in a shuffled order."""
    world = plan.world
    pairs = Draw(world.industry, "repositories").shuffled(
        [(service, satellite) for service in world.services for satellite in _SATELLITES]
    )
    noted = _noted(world, pairs)
    pairs = sorted(pairs, key=lambda pair: _name(*pair) not in noted)[: world.records - len(world.services)]
    others = Draw(world.industry, "other repositories").shuffled(pairs)
    records = [
        _record(plan, service, service.slug, service.language, f"{service.title} {service.purpose}.", "")
        for service in world.services
    ]
    for service, satellite in others:
        suffix, language, description, readme = satellite
        draw = Draw(world.industry, "satellite", service.slug, suffix)
        name = _name(service, satellite)
        text = plan.fill(description, service, draw) + "."
        opening = plan.fill(readme, service, draw)
        if name in noted:
            opening += f"\n\n## Good to know\n\n{noted[name].text}"
        records.append(_record(plan, service, name, language, text, opening))
    return records


def _name(service: Service, satellite: tuple[str, str, str, str]) -> str:
    return f"{service.slug}-{satellite[0]}"


def _noted(world: World, pairs: list[tuple[Service, tuple[str, str, str, str]]]) -> dict[str, Aside]:
    """Return in which repository each aside stands: another one of its service for each."""
    noted: dict[str, Aside] = {}
    for aside in world.asides:
        of_service = (_name(*pair) for pair in pairs if pair[0].slug == aside.service)
        noted[next(name for name in of_service if name not in noted)] = aside
    return noted


def _record(
    plan: Plan, service: Service, name: str, language: str, description: str, opening: str
) -> dict[str, object]:
    draw = Draw(plan.world.industry, "repository", name)
    team = plan.world.team_of(service)
    main = name == service.slug
    return {
        "name": name,
        "owner": OWNER,
        "description": description,
        "language": language,
        "stars": draw.between(8, 140) if main else draw.between(0, 30),
        "issues": draw.between(4, 48) if main else draw.between(0, 9),
        "url": repository_url(name),
        "readme": _readme(plan, service, name, opening or description),
        "updated_at": stamp(draw.working_time(STORY_ENDS - timedelta(days=30 if main else 200))),
        "maintainer_email": draw.one(plan.world.members(team)).email,
        "topics": [team.slug, language.lower().replace(" ", "-")],
    }


def _readme(plan: Plan, service: Service, name: str, opening: str) -> str:
    draw = Draw(plan.world.industry, "readme", name)
    team = plan.world.team_of(service)
    overview = markdown(url_of_page(plan.overview(service)), f"{service.title}: overview")
    main = name == service.slug
    parts = [
        f"# {name}",
        opening,
        f"Kept by {team.name}, who answer in #{team.channel} and plan in the Jira project {team.project}. Background: {overview}.",
    ]
    if not main:
        parts.append(
            f"It belongs to {markdown(repository_url(service.slug), service.slug)}, which {service.purpose}."
        )
    for title, text in draw.some(_CHAPTERS, 3 if main else 1):
        numbers = {"n": draw.between(4, 39), "d": draw.between(2, 9)}
        parts += [f"## {title}", text.format(signal=service.signal, data=service.data, **numbers)]
    incidents = plan.world.incidents_of(service) if main else ()
    if incidents:
        parts.append("## Incidents that shaped this code")
        parts += [
            f"- {markdown(issue_url(incident.key), incident.key)} {incident.title}. {incident.cause} {incident.mitigation} Learnt: {incident.lesson} "
            f"({markdown(url_of_page(plan.review(incident)), 'review')}, {markdown(url_of_thread(plan, incident), 'conversation')})"
            for incident in incidents
        ]
    episodes = plan.world.episodes_of(service) if main else ()
    if episodes:
        parts.append("## Why some of it is as it is")
        parts += [
            f"- {episode.title}. {episode.cause} {episode.mitigation} ({markdown(url_of_page(plan.page_about(episode)), 'page')}, {markdown(url_of_talk(plan, episode), 'conversation')})"
            for episode in episodes
        ]
    return "\n\n".join(parts) + "\n"
