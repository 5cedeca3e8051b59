"""Refusals lead on: an agent that does literally what they say reaches the call that was meant, in at most two steps.

The calls and what was meant are in `tests/support/agents/confused_calls.py`. The call that was meant is not made, so
all cases share one world; nothing in it may have changed at the end.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from domain.errors import LifecycleError, format_timestamp
from domain.model.enums import DatasetType, JourneyState, Stage
from domain.model.journey import Client, Journey
from domain.model.principal import Principal
from domain.ports import DatasetQuery
from tests.integration.tools.conftest import ToolSession, open_tool_session, result_text
from tests.support.agents.confused_calls import CONFUSED_CALLS, TEMPLATES, ConfusedCall, next_call
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR
from tools.edge.arguments import restore_types
from tools.toolsets import TOOLSETS, select_tools

if TYPE_CHECKING:
    from domain.model.dataset import Dataset
    from tests.support.agents.confused_calls import Call
    from tests.support.world import Process, World

STEPS: Final = 2
LEAST: Final = 178
SHARE: Final = 0.95
CALLS_OF_ONE: Final = 40
"""Fewer cases than a principal may make calls for within a minute."""
CLOSE: Final = timedelta(minutes=10)
FOREIGN: Final = re.compile(r"initech", re.IGNORECASE)
KNOWN: Final = {each.name: each.fn_metadata.arg_model.model_fields for each in select_tools(tuple(TOOLSETS))}
PLACE: Final = re.compile(r"\{([^{}\"]+)\}")


async def prepare(world: World, process: Process) -> dict[str, str]:
    """Three clients with what calls are confused about, and the names for it."""
    clients = {"acme": ("Acme Bank AG", "fintech"), "globex": ("Globex Health", "healthcare")}
    for client_id, (name, industry) in (clients | {"initech": ("Initech Corp", "retail")}).items():
        client = Client(client_id=client_id, name=name, industry=industry, use_case="developer_productivity")
        await process.services.registry.add_client(client, OPERATOR)
    for journey_id, stage in {
        "acme-rollout": Stage.SANDBOX,
        "acme-second": Stage.SANDBOX,
        "acme-paused": Stage.SANDBOX,
        "acme-old": Stage.SANDBOX,
        "acme-q3": Stage.PILOT,
        "globex-trial": Stage.SANDBOX,
        "initech-run": Stage.SANDBOX,
    }.items():
        client_id = journey_id.partition("-")[0]
        await process.services.registry.add_journey(
            Journey(journey_id=journey_id, client_id=client_id, stage=stage, state=JourneyState.ACTIVE),
            OPERATOR,
        )

    async def make(client_id: str, journey_id: str, kind: DatasetType) -> Dataset:
        return await process.provision(
            client_id=client_id,
            journey_id=journey_id,
            dataset_type=kind,
            template_id=f"{TEMPLATES}/{kind}",
        )

    live = await make("acme", "acme-rollout", DatasetType.CONFLUENCE_PAGES)
    archived = await make("acme", "acme-old", DatasetType.JIRA_ISSUES)
    done = await make("globex", "globex-trial", DatasetType.CONFLUENCE_PAGES)
    foreign = await make("initech", "initech-run", DatasetType.CONFLUENCE_PAGES)
    world.glean.faults.add(Fault(kind="status", operation="documents.upload", status=503, times=None))
    try:
        await make("acme", "acme-rollout", DatasetType.GITHUB_REPOS)
    except LifecycleError:
        world.glean.faults.clear()
    await process.complete_journey("acme-old")
    await process.complete_journey("globex-trial")
    await process.services.registry.set_state("acme-paused", JourneyState.PAUSED, OPERATOR)
    await process.tear_down(archived)
    now = datetime.now(UTC)
    names = {
        "soon": now + timedelta(days=3),
        "tomorrow": now + timedelta(days=1),
        "in 2 days": now + timedelta(days=2),
        "in 3 hours": now + timedelta(hours=3),
        "in a week": now + timedelta(days=7),
    }
    found = {name: str(format_timestamp(each)) for name, each in names.items()}
    found["day"] = found["soon"][:10]
    for name, dataset in {"live": live, "archived": archived, "done": done, "foreign": foreign}.items():
        found |= {
            name: dataset.dataset_id,
            f"{name}.upper": dataset.dataset_id.upper(),
            f"{name}.underscored": dataset.dataset_id.replace("-", "_"),
            f"{name}.cut": dataset.dataset_id[:-1],
            f"{name}.mistyped": f"{dataset.dataset_id[:-1]}{'a' if dataset.dataset_id[-1] != 'a' else 'b'}",
            f"{name}.name": dataset.name,
            f"{name}.connector": dataset.connector_id or "",
        }
    return found


def fill(call: Call | None, names: dict[str, str]) -> Call | None:
    """The call with what the names stand for."""
    if call is None:
        return None

    def fill_value(value: Any) -> Any:  # noqa: ANN401 - an argument is any JSON
        return PLACE.sub(lambda match: names[match[1]], value) if isinstance(value, str) else value

    return call[0], {name: fill_value(value) for name, value in call[1].items()}


def understood_call(call: Call) -> Call:
    """The call as the server takes it, with the types of its arguments restored."""
    return call[0], restore_types(call[1], KNOWN.get(call[0], {}))


def is_same_call(one: Call | None, other: Call | None) -> bool:
    """Whether two calls are the same, instants being those of about the same time."""
    if one is None or other is None:
        return one is other
    mine, theirs = dict(one[1]), dict(other[1])
    if "until" in mine and "until" in theirs:
        here, there = _instant(mine.pop("until")), _instant(theirs.pop("until"))
        if here is None or there is None or abs(here - there) > CLOSE:
            return False
    return (one[0], mine) == (other[0], theirs)


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


async def follow(session: ToolSession, case: ConfusedCall, names: dict[str, str]) -> str | None:
    """Where following the refusals of a case leads, when that is not what was meant; None when it is."""
    call, right = fill(case.given, names), fill(case.right, names)
    meant = right[1] if right else {}
    where = ""
    for _ in range(STEPS):
        if call is None:
            return f"it stopped: {where}"
        if is_same_call(understood_call(call), right):
            return None
        result = await session.client.call_tool(*call)
        if not result.is_error:
            return f"it was answered: {call}"
        error = (result.meta or {})["dataset-lifecycle/error"]
        where = str(error)
        check_innocent(case, names, result_text(result))
        call = next_call(call, error, meant)
        check_harmless(case, call, names)
        if is_same_call(call, right):
            return None
    return f"after {STEPS} steps it would call {call}: {where}"


def check_innocent(case: ConfusedCall, names: dict[str, str], told: str) -> None:
    """No refusal names another tenant's, but for what the caller said."""
    said = str(fill(case.given, names))
    assert not FOREIGN.search(told) or FOREIGN.search(said), told
    if names["foreign"] not in said:
        assert names["foreign"] not in told


def check_harmless(case: ConfusedCall, call: Call | None, names: dict[str, str]) -> None:
    """No refusal leads to a teardown of what the caller did not mean, or to anything that confirms."""
    if call is None:
        return
    tool, arguments = call
    right = fill(case.right, names)
    assert not {"confirm", "confirmed", "approve", "force", "abandon"} & arguments.keys(), case.name
    if tool == "teardown_dataset" and case.given[0] != tool:
        assert right is not None, case.name
        assert right[0] == tool, case.name
    given = fill(case.given, names) or call
    if tool == "teardown_dataset" and arguments.get("dataset_id") != given[1].get("dataset_id"):
        assert right is not None, case.name
        assert arguments["dataset_id"] == right[1]["dataset_id"], case.name


async def test_refusals_lead_nearly_every_confused_call_to_the_one_that_was_meant(world: World) -> None:
    astray: dict[str, str] = {}
    async with world.open_process() as process:
        names = await prepare(world, process)
        before = await process.deps.store.read(lambda uow: uow.datasets.find(DatasetQuery()))
    for first in range(0, len(CONFUSED_CALLS), CALLS_OF_ONE):
        agent = Principal(subject=f"agent:{first}", clients=frozenset({"acme", "globex"}))
        async with open_tool_session(world, toolsets=tuple(TOOLSETS), principal=agent) as session:
            for case in CONFUSED_CALLS[first : first + CALLS_OF_ONE]:
                if (where := await follow(session, case, names)) is not None:
                    astray[case.name] = where
    async with world.open_process() as process:
        after = await process.deps.store.read(lambda uow: uow.datasets.find(DatasetQuery()))
    assert len(CONFUSED_CALLS) >= LEAST
    assert len({str(each) for each in CONFUSED_CALLS}) == len(CONFUSED_CALLS)
    assert len(astray) <= (1 - SHARE) * len(CONFUSED_CALLS), "\n".join(map(": ".join, astray.items()))
    assert after == before
