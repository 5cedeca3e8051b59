"""The toolset `leases`, over the real use cases: what is lengthened, and what only a person may do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import format_timestamp
from domain.model.journey import Journey
from domain.model.principal import Principal
from tests.integration.tools.conftest import ACME, open_tool_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.ports import UnitOfWork
    from tests.integration.tools.conftest import ToolSession
    from tests.support.world import World

ON_A_JOURNEY = {"journey_id": "j1", "duration": "12h"}


@pytest.fixture
async def lease_session(world: World) -> AsyncIterator[ToolSession]:
    """The toolset, with the client ACME there, its journey j1 leased for an hour, and one dataset."""
    async with open_tool_session(world, toolsets=("leases",)) as found:
        await found.process.add_client_and_journey()
        await found.process.provision()
        await found.process.services.leases.renew_lease(
            "j1", timedelta(hours=1), Principal(subject="person:kim"), person=True
        )
        yield found


async def dataset_id(served: ToolSession) -> str:
    """The id of the only dataset."""
    answered = await served.call_ok("provision_dataset", ACME)
    return str(answered["dataset_id"])


def ahead(span: timedelta) -> str:
    """The instant that far from now, as a model writes it."""
    return str(format_timestamp(datetime.now(UTC) + span))


async def test_the_toolset_is_there_only_when_it_is_asked_for(
    tool_session: ToolSession, lease_session: ToolSession
) -> None:
    usual = {each.name for each in (await tool_session.client.list_tools()).tools}
    with_leases = {each.name for each in (await lease_session.client.list_tools()).tools}
    assert with_leases - usual == {"renew_journey_lease", "protect_dataset"}


async def test_a_lease_is_lengthened_from_now(lease_session: ToolSession) -> None:
    answered = await lease_session.call_ok("renew_journey_lease", {**ON_A_JOURNEY, "client_id": "acme"})

    until = datetime.fromisoformat(answered.pop("lease_expires_at"))
    assert answered == {"journey_id": "j1", "client_id": "acme", "stage": "sandbox", "state": "active"}
    assert timedelta(hours=11, minutes=55) < until - datetime.now(UTC) <= timedelta(hours=12)


async def test_a_dataset_is_kept_until_the_instant(lease_session: ToolSession) -> None:
    found, until = await dataset_id(lease_session), ahead(timedelta(days=3))

    answered = await lease_session.call_ok("protect_dataset", {"dataset_id": found, "until": until})

    assert answered == {
        "name": "ACME-Sandbox-Confluence",
        "dataset_id": found,
        "client_id": "acme",
        "journey_id": "j1",
        "stage": "sandbox",
        "status": "ready",
        "protected_until": until,
    }


@pytest.mark.parametrize(
    ("duration", "code"),
    [
        ("30m", "forbidden"),
        ("31d", "invalid_argument"),
        ("0m", "invalid_argument"),
        ("999999d", "invalid_argument"),
        ("-3h", "invalid_argument"),
        ("P1D", "invalid_argument"),
        ("12", "invalid_argument"),
        ("12 h", "invalid_argument"),
        ("12H", "invalid_argument"),
        ("\u0661\u0662h", "invalid_argument"),
        ("h", "invalid_argument"),
    ],
)
async def test_a_lease_is_not_shortened_and_no_nonsense(
    lease_session: ToolSession, duration: str, code: str
) -> None:
    error = await lease_session.call_refused(
        "renew_journey_lease", {"journey_id": "j1", "duration": duration}
    )
    assert (error["code"], error["field"]) == (code, "duration")


@pytest.mark.parametrize(
    "until",
    [
        "2020-01-01T00:00:00Z",
        "2099-01-01T00:00:00Z",
        "2026-12-01T12:00:00",
        "2026-12-01",
        "tomorrow at noon",
        "9999-12-31T23:59:59-12:00",
        "1800000000",
    ],
)
async def test_an_instant_that_is_past_far_or_none_is_refused(lease_session: ToolSession, until: str) -> None:
    error = await lease_session.call_refused(
        "protect_dataset", {"dataset_id": await dataset_id(lease_session), "until": until}
    )
    assert (error["code"], error["field"], error["recovery"]) == ("invalid_argument", "until", "fix_input")


async def test_a_protection_is_not_shortened_and_no_argument_gets_past_that(
    lease_session: ToolSession,
) -> None:
    found = await dataset_id(lease_session)
    kept = await lease_session.call_ok(
        "protect_dataset", {"dataset_id": found, "until": ahead(timedelta(days=9))}
    )

    error = await lease_session.call_refused(
        "protect_dataset", {"dataset_id": found, "until": ahead(timedelta(days=8))}
    )

    assert (error["code"], error["recovery"], error["field"]) == ("forbidden", "needs_human", "until")
    for name in ("person", "force", "confirmed"):
        more = {"dataset_id": found, "until": ahead(timedelta(days=8)), name: True}
        assert (await lease_session.call_refused("protect_dataset", more))["field"] == name
    shown = await lease_session.process.load_dataset(found)
    assert format_timestamp(shown.protected_until) == kept["protected_until"]


async def test_a_journey_without_a_lease_is_given_none(world: World) -> None:
    async with open_tool_session(world, toolsets=("leases",)) as served:
        await served.process.add_client_and_journey()
        error = await served.call_refused("renew_journey_lease", ON_A_JOURNEY)
    assert (error["code"], error["recovery"]) == ("forbidden", "needs_human")
    assert "no lease" in error["message"]


@pytest.mark.parametrize("tool", ["renew_journey_lease", "protect_dataset"])
async def test_what_another_client_has_is_unknown(world: World, tool: str) -> None:
    async with open_tool_session(world) as first:
        await first.process.add_client_and_journey()
        found = (await first.process.provision()).dataset_id
    stranger = Principal(subject="agent:x", clients=frozenset({"globex"}))
    arguments: dict[str, Any] = {
        "renew_journey_lease": ON_A_JOURNEY,
        "protect_dataset": {"dataset_id": found, "until": ahead(timedelta(days=1))},
    }
    async with open_tool_session(world, toolsets=("leases",), principal=stranger) as other:
        error = await other.call_refused(tool, arguments[tool])
    assert error["code"] in {"unknown_journey", "unknown_dataset"}
    assert "candidates" not in error


async def test_a_lapsed_lease_is_not_renewed(lease_session: ToolSession) -> None:
    store = lease_session.process.deps.store

    def lapse(uow: UnitOfWork) -> None:
        held = uow.journeys.get("acme", "j1")
        assert isinstance(held, Journey)
        uow.journeys.put(replace(held, lease_expires_at=datetime(2026, 1, 1, tzinfo=UTC)))

    await store.transact(lapse)
    error = await lease_session.call_refused("renew_journey_lease", ON_A_JOURNEY)
    assert (error["code"], error["recovery"]) == ("journey_not_active", "needs_human")
