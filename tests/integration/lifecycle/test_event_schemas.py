"""Every kind of event happens in one dataset's life or another, and says what the reference says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec import ValidationError

from domain.errors import PlatformDeniedError, ProvisionFailedError
from domain.model.enums import DatasetType, JourneyState, Stage
from domain.model.event import EventKind
from domain.model.event_payloads import EVENT_DATA_TYPES, OrphanCleared, TornDown
from domain.model.journey import Journey
from tests.support.sandbox.faults import Fault
from tests.support.webhooks.event_schemas import load_events, parse_event_data
from tests.support.world import OPERATOR, AcceptingConfirmer

if TYPE_CHECKING:
    from tests.support.world import World


async def test_every_kind_of_event_is_told_as_it_is_described(world: World) -> None:
    async with world.open_process(confirmer=AcceptingConfirmer()) as process:
        await process.add_client_and_journey()
        world.glean.faults.add(Fault(kind="sync_fails"))
        with pytest.raises(ProvisionFailedError):
            await process.provision(dataset_type=DatasetType.SLACK_MESSAGES)
        dataset = await process.provision()
        await process.complete_journey()
        world.clock.ahead += timedelta(days=1)
        await process.services.orphans.scan(OPERATOR)
        until = world.clock.now() + timedelta(hours=1)
        await process.services.leases.protect_dataset(dataset.dataset_id, until, OPERATOR, person=True)
        world.clock.ahead += timedelta(hours=2)
        world.glean.faults.add(Fault(kind="status", operation="datasources.delete", status=403))
        with pytest.raises(PlatformDeniedError):
            await process.tear_down(dataset)
        await process.tear_down(dataset)
        again = Journey(journey_id="j2", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
        await process.services.registry.add_journey(again, OPERATOR)
        begun = await process.services.restores.start_or_attach(dataset.dataset_id, "j2", OPERATOR)
        await process.services.provisioning.wait(begun, 30)
        world.clock.ahead += timedelta(days=100)
        await process.services.archives.purge_archives(OPERATOR, apply=True)

        told = await load_events(process.deps.store)
    assert {each.kind for each in told} == set(EventKind) - {EventKind.HEALTH_CHANGED}
    shapes = [type(parse_event_data(each)) for each in told]
    assert shapes == [EVENT_DATA_TYPES[each.kind] for each in told]
    assert {OrphanCleared, TornDown} < set(shapes)


async def test_a_field_more_or_less_is_not_as_described(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision()
        first = (await load_events(process.deps.store))[0]
    data = dict(first.data)
    for wrong in ({**data, "secret": "x"}, {name: data[name] for name in data if name != "attempt"}):
        with pytest.raises(ValidationError):
            parse_event_data(
                type(first)(kind=first.kind, at=first.at, dataset_id="d", client_id="c", data=wrong)
            )
