"""A tenant who looks at another's things: every answer must be the one for what does not exist."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tests.support.adversaries.actors import HASTY, MINE, TENANT, THEIRS
from tests.support.adversaries.literal_agent import lookalike_ids
from tests.support.adversaries.oracle import REASONS

if TYPE_CHECKING:
    from random import Random

    from tests.support.adversaries.actors import ToolReply
    from tests.support.adversaries.attempts import CheckedCalls
    from tests.support.adversaries.oracle import ActorIdentity

FORM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
NOWHERE: Final = "nowhere-0000"
"""The id of nothing, ever."""


@dataclass(frozen=True)
class TenantProbe:
    """One call, with the argument that names somebody else's thing, and what that is."""

    tool: str
    argument: str
    name: str
    rest: dict[str, Any]

    def with_name(self, name: str) -> dict[str, Any]:
        return self.rest | {self.argument: name}


def make_probe(world: CheckedCalls, chance: Random) -> TenantProbe:
    """A call that names something of the other tenant's, truly or nearly."""
    theirs = [each.dataset_id for each in world.oracle.datasets.values() if each.client != MINE]
    dataset = _vary_spelling(chance.choice([THEIRS, *theirs]), chance)
    client, journey = _vary_spelling(THEIRS, chance), _vary_spelling("beech-way", chance)
    until = (world.arena.now() + timedelta(days=20)).isoformat()
    wish = {"stage": "sandbox", "dataset_type": "confluence_pages"}
    return chance.choice(
        [
            TenantProbe("teardown_dataset", "dataset_id", dataset, {"reason": chance.choice(REASONS)}),
            TenantProbe("check_connector_health", "dataset_id", dataset, {}),
            TenantProbe("check_connector_health", "connector_id", f"cn-{dataset}-1", {}),
            TenantProbe("check_connector_health", "client_id", client, {}),
            TenantProbe("list_orphans", "client_id", client, {}),
            TenantProbe("restore_dataset", "dataset_id", dataset, {"journey_id": "alder-way"}),
            TenantProbe("restore_dataset", "dataset_id", dataset, {"journey_id": "beech-way"}),
            TenantProbe("protect_dataset", "dataset_id", dataset, {"until": until}),
            TenantProbe("renew_journey_lease", "journey_id", journey, {"duration": "2h"}),
            TenantProbe("renew_journey_lease", "journey_id", journey, {"duration": "2h", "client_id": MINE}),
            TenantProbe(
                "renew_journey_lease", "client_id", client, {"duration": "2h", "journey_id": "beech-way"}
            ),
            TenantProbe(
                "renew_journey_lease", "client_id", client, {"duration": "2h", "journey_id": "alder-way"}
            ),
            TenantProbe("provision_dataset", "client_id", client, wish | {"journey_id": "beech-way"}),
            TenantProbe("provision_dataset", "journey_id", journey, wish | {"client_id": MINE}),
        ]
    )


def _vary_spelling(name: str, chance: Random) -> str:
    return chance.choice([name, name, *(each for each in lookalike_ids(name) if FORM.fullmatch(each))])


async def check_probe(world: CheckedCalls, probe: TenantProbe, era: str, who: ActorIdentity = TENANT) -> None:
    """The answer about theirs is, to the letter, the answer about nothing; its candidates are of the prober's own."""
    about_theirs = await _call(world, who, probe.tool, probe.with_name(probe.name), era)
    about_nothing = await _call(world, who, probe.tool, probe.with_name(NOWHERE), era)
    assert about_theirs.error is not None, (probe, about_theirs.text)
    assert about_nothing.error is not None, (probe, about_nothing.text)
    one, other = dict(about_theirs.error), dict(about_nothing.error)
    own = await _own_candidates(world, str(one["code"]))
    for each in (one, other):
        each.pop("audit_id", None)
        candidates = each.pop("candidates", [])
        assert set(candidates) <= set(own), probe
        if candidates:  # a name that is near one of the prober's own leads there, and no other to an operator
            for name in ("recovery", "suggested_action"):
                one.pop(name, None)
                other.pop(name, None)
    assert str(one).replace(probe.name, "…") == str(other).replace(NOWHERE, "…"), probe
    assert str(one["code"]).startswith("unknown_"), probe


async def _own_candidates(world: CheckedCalls, code: str) -> list[str]:
    """What the tenant has, of the kind that the code is about."""
    mine = [each for each in world.oracle.datasets.values() if each.client == MINE]
    if code == "unknown_dataset":
        return [each.dataset_id for each in mine]
    if code == "unknown_client":
        return [MINE]
    if code == "unknown_journey":
        journeys = world.oracle.journeys.values()
        return [each.name for each in journeys if each.client == MINE and each.readable]
    store = world.arena.store
    living = await store.read(lambda uow: uow.connectors.list_connected(client_id=MINE))
    return [each.connector_id for each in living]


async def check_listing(world: CheckedCalls, limit: int, era: str) -> None:
    """Page by page everybody sees all of what is theirs to see, and nothing else."""
    oracle, now = world.oracle, world.arena.now()
    for who in (TENANT, HASTY):
        seen = await _list_pages(world, who, "list_orphans", {"limit": limit, "min_age_days": 0}, era)
        orphans = {
            each.dataset_id
            for each in oracle.datasets.values()
            if who.can_see(each.client) and oracle.orphan_reason(each, each.state, now)
        }
        assert sorted(each["dataset_id"] for each in seen) == sorted(orphans)
        found = await _list_pages(world, who, "check_connector_health", {"limit": limit}, era)
        visible = {each.dataset_id for each in oracle.datasets.values() if who.can_see(each.client)}
        served = {
            each.dataset_id
            for each in oracle.datasets.values()
            if who.can_see(each.client) and each.state in {"ready", "validating"}
        }
        shown = {each["dataset_id"] for each in found}
        assert served <= shown <= visible


async def _list_pages(
    world: CheckedCalls, who: ActorIdentity, tool: str, given: dict[str, Any], era: str
) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        reply = await _call(world, who, tool, given | cursor, era)
        assert reply.body is not None, reply.text
        assert reply.body["count"] == len(reply.body["items"])
        items += reply.body["items"]
        if "next_cursor" not in reply.body:
            return items
        cursor = {"cursor": reply.body["next_cursor"]}


async def _call(
    world: CheckedCalls, who: ActorIdentity, tool: str, given: dict[str, Any], era: str
) -> ToolReply:
    reply = await world.actors[who].call(tool, given, era)
    world.check_answer(who, given, reply)
    return reply
