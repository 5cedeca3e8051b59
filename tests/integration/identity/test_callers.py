"""What the bearer of a token may do, over real HTTP, asked by the SDK's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.errors import ForbiddenError
from domain.model.enums import JourneyState
from domain.model.principal import Principal
from server.web.auth.token_claims import principal_from_claims
from server.web.auth.token_verifier import require_bearer_principal
from tests.integration.identity.conftest import COMMAND_OPTIONS
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from tests.integration.identity.conftest import GuardedServer
    from tests.support.servers.token_issuer import TokenIssuer

WISH = {"client_id": "acme", "journey_id": "j1", "stage": "sandbox", "dataset_type": "confluence_pages"}


def test_claims_are_taken_as_they_are_and_what_is_missing_gives_nothing() -> None:
    assert principal_from_claims({"sub": "kim"}) == Principal(
        subject="kim", clients=frozenset(), scopes=frozenset()
    )
    assert principal_from_claims(
        {
            "sub": "kim",
            "scp": ["datasets:read", "admin"],
            "clients": ["acme"],
            "act": {"sub": "journey-agent", "act": {"sub": "orchestrator"}},
            "journey_id": "j1",
        }
    ) == Principal(
        subject="kim",
        clients=frozenset({"acme"}),
        scopes=frozenset({"datasets:read", "admin"}),
        actors=("journey-agent", "orchestrator"),
        journey_id="j1",
    )
    assert principal_from_claims({"sub": "kim", "scp": "admin"}).scopes == frozenset({"admin"})


def test_without_a_token_there_is_no_caller() -> None:
    with pytest.raises(ForbiddenError, match="no identity"):
        require_bearer_principal()


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_the_caller_is_the_bearer_in_both_eras_and_not_who_they_say_they_are(
    guarded_server: GuardedServer, issuer: TokenIssuer, mode: str
) -> None:
    await guarded_server.process.add_client_and_journey()
    dataset = await guarded_server.process.provision()
    await guarded_server.process.complete_journey()
    arguments = {"dataset_id": dataset.dataset_id, "reason": "journey_completed"}
    result = await guarded_server.call_tool(
        issuer.token("two", sub="lee"), "teardown_dataset", mode, **arguments
    )
    assert not result.is_error, result.content
    teardown = (await guarded_server.process.load_dataset(dataset.dataset_id)).teardown
    assert teardown is not None
    assert teardown.requester == "lee"


async def test_each_tool_asks_for_the_scope_of_its_verb(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    await guarded_server.process.add_client_and_journey()
    reads = issuer.token(scope="datasets:read")
    error = await guarded_server.call_refused(reads, "provision_dataset", **WISH)
    assert error == {
        "code": "forbidden",
        "message": "provision needs the scope datasets:provision, which this caller does not have.",
        "recovery": "needs_human",
        "scope": "datasets:provision",
        "suggested_action": "Ask an administrator whether this account may have that scope.",
    }
    assert await guarded_server.process.load_event_kinds() == []
    provisions = issuer.token(scope="datasets:read datasets:provision")
    made = await guarded_server.call_ok(provisions, "provision_dataset", **WISH)
    gone = {"dataset_id": made["dataset_id"], "reason": "journey_completed"}
    error = await guarded_server.call_refused(provisions, "teardown_dataset", **gone)
    assert (error["code"], error["scope"]) == ("forbidden", "datasets:teardown")
    assert (await guarded_server.call_ok(reads, "check_connector_health"))["count"] == 1


async def test_whether_anothers_dataset_exists_cannot_be_told(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    await guarded_server.process.add_client_and_journey()
    await guarded_server.process.add_client_and_journey("globex", "j2")
    theirs = await guarded_server.process.provision(client_id="globex", journey_id="j2")
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
        one = await guarded_server.call_refused(token, tool, **{argument: there}, **rest)
        other = await guarded_server.call_refused(token, tool, **{argument: absent}, **rest)
        assert one["code"].startswith("unknown_")
        assert spelt(one, there) == spelt(other, absent)
        assert "globex" not in spelt(one, there).lower()
    one = await guarded_server.call_refused(token, "provision_dataset", **WISH | {"client_id": "globex"})
    other = await guarded_server.call_refused(token, "provision_dataset", **WISH | {"client_id": "initech"})
    assert spelt(one, "globex") == spelt(other, "initech")
    assert (await guarded_server.call_ok(token, "check_connector_health"))["items"] == []


async def test_a_token_without_clients_has_none(guarded_server: GuardedServer, issuer: TokenIssuer) -> None:
    await guarded_server.process.add_client_and_journey()
    error = await guarded_server.call_refused(issuer.token(without="clients"), "provision_dataset", **WISH)
    assert (error["code"], error.get("candidates")) == ("unknown_client", None)


async def test_a_token_bound_to_a_journey_changes_no_other_journeys_datasets(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    await guarded_server.process.add_client_and_journey()
    dataset = await guarded_server.process.provision()
    await guarded_server.process.services.registry.set_state("j1", JourneyState.COMPLETED, OPERATOR)
    bound = issuer.token(journey_id="j9", act={"sub": "journey-agent"})
    error = await guarded_server.call_refused(bound, "provision_dataset", **WISH)
    assert (error["code"], error.get("candidates")) == ("unknown_journey", None)
    gone = {"dataset_id": dataset.dataset_id, "reason": "journey_completed"}
    error = await guarded_server.call_refused(bound, "teardown_dataset", **gone)
    assert error == {
        "code": "forbidden",
        "message": "This token is bound to the journey j9, and ACME-Sandbox-Confluence belongs to another.",
        "recovery": "needs_human",
        "dataset_id": dataset.dataset_id,
        "suggested_action": "Ask the person who is responsible for that dataset's journey to do it.",
    }
    assert (await guarded_server.call_ok(bound, "check_connector_health"))["count"] == 1
    own = issuer.token(journey_id="j1", act={"sub": "journey-agent"})
    assert (await guarded_server.call_ok(own, "teardown_dataset", **gone))["dataset_id"] == dataset.dataset_id


async def test_a_provision_is_cancelled_by_whoever_may_provision_for_its_journey(
    guarded_server: GuardedServer,
) -> None:
    await guarded_server.process.add_client_and_journey()
    begun = (await guarded_server.process.start_provision()).dataset
    sagas = guarded_server.process.services.sagas
    for principal, why in [
        (
            Principal(subject="kim", scopes=frozenset({"datasets:teardown"})),
            "needs the scope datasets:provision",
        ),
        (Principal(subject="kim", journey_id="j9"), "bound to the journey j9"),
    ]:
        with pytest.raises(ForbiddenError, match=why):
            await sagas.cancel(begun.dataset_id, principal)
    untouched = await guarded_server.process.load_dataset(begun.dataset_id)
    assert untouched.run is not None
    assert not untouched.run.cancel_requested
    asked = await sagas.cancel(
        begun.dataset_id, Principal(subject="kim", scopes=frozenset({"datasets:provision"}), journey_id="j1")
    )
    assert asked.run is not None
    assert asked.run.cancel_requested


async def test_a_recheck_is_for_the_datasets_of_ones_own_journey(guarded_server: GuardedServer) -> None:
    await guarded_server.process.add_client_and_journey()
    dataset = await guarded_server.process.provision()
    with pytest.raises(ForbiddenError, match="bound to the journey j9"):
        await guarded_server.process.services.datasets.recheck(
            dataset.dataset_id, Principal(subject="kim", journey_id="j9")
        )


@pytest.mark.parametrize(("scope", "shown"), [("datasets:read", False), ("datasets:read admin", True)])
async def test_only_a_bearer_with_the_scope_admin_is_shown_the_folders_of_the_servers_machine(
    guarded_server: GuardedServer, issuer: TokenIssuer, scope: str, *, shown: bool
) -> None:
    token = issuer.token(scope=scope)
    refusal = await guarded_server.call_refused(token, "list_orphans", client_id="acme")
    page = await guarded_server.get("/approvals/ap-none", token)
    nobody = await guarded_server.get("/approvals/ap-none")
    for command, told in (
        ("clients add acme --name NAME --industry INDUSTRY --use-case USE_CASE", refusal),
        ("approvals list", page.json()["error"]),
    ):
        options = f" {COMMAND_OPTIONS}" if shown else ""
        assert f"`dataset-lifecycle {command}{options}`" in told["suggested_action"]
    assert COMMAND_OPTIONS not in nobody.text
