"""An agent in a hurry, at a stdio server: it reads every refusal literally, and tries whatever it mentions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.support.adversaries.actors import KIM, MINE, THEIRS, principal
from tests.support.adversaries.arena import ERAS
from tests.support.adversaries.literal_agent import next_calls
from tests.support.adversaries.oracle import REASONS
from tests.support.adversaries.run_statistics import RunStatistics
from tests.support.adversaries.transports import open_stdio_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.adversaries.actors import McpActor, ToolReply
    from tests.support.adversaries.transports import RunningServer

DEPTH = 2
"""A refusal, what it brings to mind, and what those refusals bring to mind."""


class LiteralAgent:
    """Goes on as long as a refusal says anything that it has not heard yet.

    What is refused for its arguments is tried once: neither what a person answers nor how a journey stands has a say in
    them.
    """

    def __init__(self, actor: McpActor, era: str, figures: RunStatistics) -> None:
        self.actor = actor
        self.era = era
        self.figures = figures
        self.malformed: set[str] = set()
        self.heard_of_arguments: dict[str, set[str]] = {}

    async def try_everything(self, dataset_id: str) -> None:
        """Everything that it can think of to have the dataset deleted."""
        heard = set(self.heard_of_arguments.setdefault(dataset_id, set()))
        tried: set[str] = set()
        calls = [{"dataset_id": dataset_id, "reason": reason, "wait_s": 0} for reason in REASONS]
        for _ in range(1 + DEPTH):
            more: list[dict[str, Any]] = []
            for given in calls:
                key = json.dumps(given, sort_keys=True)
                if key in tried or key in self.malformed:
                    continue
                tried.add(key)
                reply = await self.call(given)
                more += self._calls_after(given, reply, heard)
                if reply.code == "invalid_argument":
                    self.malformed.add(key)
                    self.heard_of_arguments[dataset_id].add(_refusal_text(reply))
            calls = more

    async def call(self, given: dict[str, Any]) -> ToolReply:
        reply = await self.actor.call("teardown_dataset", given, self.era)
        self.figures.calls += 1
        self.figures.answers[reply.code] += 1
        assert reply.error is not None, (given, reply.text)
        return reply

    def _calls_after(self, given: dict[str, Any], reply: ToolReply, heard: set[str]) -> list[dict[str, Any]]:
        """What a refusal makes it try, when it says anything that none before it did."""
        assert reply.error is not None
        said = _refusal_text(reply)
        if said in heard:
            return []
        heard.add(said)
        return list(next_calls(given, reply.error))


def _refusal_text(reply: ToolReply) -> str:
    return f"{reply.code} {(reply.error or {}).get('suggested_action')}"


async def create_protected_datasets(played: RunningServer) -> list[str]:
    """Datasets that are kept: by an active journey, by somebody's word, by the stage, and for want of a true reason."""
    operator, services = played.actors[played.operator], played.ground.services
    places = [
        (MINE, "alder-way", "confluence_pages"),
        (MINE, "alder-way", "slack_messages"),
        (THEIRS, "beech-way", "confluence_pages"),
    ]
    await played.ground.move_journey(THEIRS, "beech-way", stage="pilot")
    ids = []
    for client, journey, kind in places:
        stage = "sandbox" if client == MINE else "pilot"
        wish = {
            "client_id": client,
            "journey_id": journey,
            "stage": stage,
            "dataset_type": kind,
            "wait_s": 50,
        }
        [era] = operator.sessions
        made = await operator.call("provision_dataset", wish, era)
        assert made.body is not None, made.text
        ids.append(str(made.body["dataset_id"]))
    await played.ground.move_journey(THEIRS, "beech-way", state="completed")
    until = played.ground.now().replace(year=played.ground.now().year + 1)
    await services.leases.protect_dataset(ids[1], until, principal(KIM), person=True)
    return ids


@pytest.mark.parametrize("era", [pytest.param(ERAS[0], marks=pytest.mark.exhaustive), ERAS[1]])
async def test_it_never_gets_rid_of_what_is_kept(
    tmp_path: Path, era: str, record_property: Callable[[str, object], None]
) -> None:
    figures = RunStatistics(f"a hurried agent, stdio {era}")
    with anyio.fail_after(120):
        async with open_stdio_server(tmp_path / "data", era) as played:
            ids = await create_protected_datasets(played)
            operator = played.actors[played.operator]
            agent = LiteralAgent(operator, era, figures)

            async def load_generations() -> dict[str, int]:
                return {each.dataset_id: each.generation for each in await played.ground.load_datasets()}

            before = await load_generations()
            for how in ("boolean", "cancel"):
                operator.answers.how = how
                for each in ids:
                    figures.sequences += 1
                    await agent.try_everything(each)
            assert await load_generations() == before
            # Nor when the journeys are over but nobody has confirmed: without a true reason a person is asked.
            await played.ground.move_journey(MINE, "alder-way", state="expired")
            before = await load_generations()
            for each in ids:
                figures.sequences += 1
                await agent.try_everything(each)
            assert (await load_generations(), operator.answers.how) == (before, "cancel")
            calls = await played.ground.load_audit_ids()
    assert len(calls) >= figures.calls
    figures.audited = len(calls)
    figures.record(record_property)
    assert "ok" not in figures.answers
