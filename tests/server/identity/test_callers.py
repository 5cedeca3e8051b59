"""What the bearer of a token may do, over real HTTP, asked by the SDK's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.callers import Caller
from domain.errors import ForbiddenError
from domain.vocabulary import JourneyState
from server.identity.claims import caller_of
from server.identity.verifier import bearer
from tests.world import ALL

if TYPE_CHECKING:
    from tests.server.identity.conftest import Guarded
    from tests.server.identity.issuing import Issuer

WISH = {"client_id": "acme", "journey_id": "j1", "stage": "sandbox", "dataset_type": "confluence_pages"}


def test_claims_are_taken_as_they_are_and_what_is_missing_gives_nothing() -> None:
    assert caller_of({"sub": "kim"}) == Caller(subject="kim", clients=frozenset(), scopes=frozenset())
    assert caller_of(
        {
            "sub": "kim",
            "scp": ["datasets:read", "admin"],
            "clients": ["acme"],
            "act": {"sub": "journey-agent", "act": {"sub": "orchestrator"}},
            "journey_id": "j1",
        }
    ) == Caller(
        subject="kim",
        clients=frozenset({"acme"}),
        scopes=frozenset({"datasets:read", "admin"}),
        act="journey-agent",
        journey_id="j1",
    )
    assert caller_of({"sub": "kim", "scp": "admin"}).scopes == frozenset({"admin"})


def test_without_a_token_there_is_no_caller() -> None:
    with pytest.raises(ForbiddenError, match="no identity"):
        bearer()


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_the_caller_is_the_bearer_in_both_eras_and_not_who_they_say_they_are(
    server: Guarded, issuer: Issuer, mode: str
) -> None:
    await server.process.arrive()
    dataset = await server.process.provision()
    await server.process.complete()
    arguments = {"dataset_id": dataset.dataset_id, "reason": "journey_completed"}
    result = await server.call(issuer.token("two", sub="lee"), "teardown_dataset", mode, **arguments)
    assert not result.is_error, result.content
    teardown = (await server.process.look(dataset.dataset_id)).teardown
    assert teardown is not None
    assert teardown.requester == "lee"


async def test_each_tool_asks_for_the_scope_of_its_verb(server: Guarded, issuer: Issuer) -> None:
    await server.process.arrive()
    reads = issuer.token(scope="datasets:read")
    error = await server.refusal(reads, "provision_dataset", **WISH)
    assert error == {
        "code": "forbidden",
        "message": "provision needs the scope datasets:provision, which this caller does not have.",
        "recovery": "needs_human",
        "scope": "datasets:provision",
        "suggested_action": "Have an administrator decide whether this account is to have that scope.",
    }
    assert await server.process.events() == []
    provisions = issuer.token(scope="datasets:read datasets:provision")
    made = await server.answer(provisions, "provision_dataset", **WISH)
    gone = {"dataset_id": made["dataset_id"], "reason": "journey_completed"}
    error = await server.refusal(provisions, "teardown_dataset", **gone)
    assert (error["code"], error["scope"]) == ("forbidden", "datasets:teardown")
    assert (await server.answer(reads, "check_connector_health"))["count"] == 1


async def test_whether_anothers_dataset_exists_cannot_be_told(server: Guarded, issuer: Issuer) -> None:
    await server.process.arrive()
    await server.process.arrive("globex", "j2")
    theirs = await server.process.provision(client_id="globex", journey_id="j2")
    connector = theirs.connector_id or ""
    token = issuer.token()

    def spelt(error: dict[str, object], name: str) -> str:
        return str(error).replace(name, "NAME")

    pairs: list[tuple[str, str, str, str, dict[str, str]]] = [
        (
            "teardown_dataset",
            "dataset_id",
            theirs.dataset_id,
            "globex-sandbox-none-aaaaaa",
            {"reason": "manual"},
        ),
        ("check_connector_health", "dataset_id", theirs.dataset_id, "globex-sandbox-none-aaaaaa", {}),
        ("check_connector_health", "connector_id", connector, "no-such-connector", {}),
        ("check_connector_health", "client_id", "globex", "initech", {}),
        ("list_orphans", "client_id", "globex", "initech", {}),
        (
            "restore_dataset",
            "dataset_id",
            theirs.dataset_id,
            "globex-sandbox-none-aaaaaa",
            {"journey_id": "j2"},
        ),
    ]
    for tool, argument, there, absent, rest in pairs:
        one = await server.refusal(token, tool, **{argument: there}, **rest)
        other = await server.refusal(token, tool, **{argument: absent}, **rest)
        assert one["code"].startswith("unknown_")
        assert spelt(one, there) == spelt(other, absent)
        assert "globex" not in spelt(one, there).lower()
    one = await server.refusal(token, "provision_dataset", **WISH | {"client_id": "globex"})
    other = await server.refusal(token, "provision_dataset", **WISH | {"client_id": "initech"})
    assert spelt(one, "globex") == spelt(other, "initech")
    assert (await server.answer(token, "check_connector_health"))["items"] == []


async def test_a_token_without_clients_has_none(server: Guarded, issuer: Issuer) -> None:
    await server.process.arrive()
    error = await server.refusal(issuer.token(without="clients"), "provision_dataset", **WISH)
    assert (error["code"], error.get("candidates")) == ("unknown_client", None)


async def test_a_token_bound_to_a_journey_changes_no_other_journeys_datasets(
    server: Guarded, issuer: Issuer
) -> None:
    await server.process.arrive()
    dataset = await server.process.provision()
    await server.process.services.registry.set_state("j1", JourneyState.COMPLETED, ALL)
    bound = issuer.token(journey_id="j9", act={"sub": "journey-agent"})
    error = await server.refusal(bound, "provision_dataset", **WISH)
    assert (error["code"], error.get("candidates")) == ("unknown_journey", None)
    gone = {"dataset_id": dataset.dataset_id, "reason": "journey_completed"}
    error = await server.refusal(bound, "teardown_dataset", **gone)
    assert error == {
        "code": "forbidden",
        "message": "This token is bound to the journey j9, and ACME-Sandbox-Confluence belongs to another.",
        "recovery": "needs_human",
        "dataset_id": dataset.dataset_id,
        "suggested_action": "Have whoever is responsible for that dataset's journey do it.",
    }
    assert (await server.answer(bound, "check_connector_health"))["count"] == 1
    own = issuer.token(journey_id="j1", act={"sub": "journey-agent"})
    assert (await server.answer(own, "teardown_dataset", **gone))["dataset_id"] == dataset.dataset_id


async def test_a_provision_is_cancelled_by_whoever_may_provision_for_its_journey(server: Guarded) -> None:
    await server.process.arrive()
    begun = (await server.process.start()).dataset
    sagas = server.process.services.sagas
    for caller, why in [
        (
            Caller(subject="kim", scopes=frozenset({"datasets:teardown"})),
            "needs the scope datasets:provision",
        ),
        (Caller(subject="kim", journey_id="j9"), "bound to the journey j9"),
    ]:
        with pytest.raises(ForbiddenError, match=why):
            await sagas.cancel(begun.dataset_id, caller)
    untouched = await server.process.look(begun.dataset_id)
    assert untouched.run is not None
    assert not untouched.run.cancel_requested
    asked = await sagas.cancel(
        begun.dataset_id, Caller(subject="kim", scopes=frozenset({"datasets:provision"}), journey_id="j1")
    )
    assert asked.run is not None
    assert asked.run.cancel_requested


async def test_a_recheck_is_for_the_datasets_of_ones_own_journey(server: Guarded) -> None:
    await server.process.arrive()
    dataset = await server.process.provision()
    with pytest.raises(ForbiddenError, match="bound to the journey j9"):
        await server.process.services.datasets.recheck(
            dataset.dataset_id, Caller(subject="kim", journey_id="j9")
        )
