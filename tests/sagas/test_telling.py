"""Every kind of event happens in one dataset's life or another, and says what the reference says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec import ValidationError

from domain.errors import PlatformDeniedError, ProvisionFailedError
from domain.event_data import DATA, OrphanCleared, TornDown
from domain.events import EventKind
from domain.model import Journey
from domain.vocabulary import DatasetType, JourneyState, Stage
from server.sandbox.faults import Fault
from tests.told import as_described, events_of
from tests.world import ALL, Yes

if TYPE_CHECKING:
    from tests.world import World


async def test_every_kind_of_event_is_told_as_it_is_described(place: World) -> None:
    async with place.process(confirmer=Yes()) as process:
        await process.arrive()
        place.glean.faults.add(Fault(kind="sync_fails"))
        with pytest.raises(ProvisionFailedError):
            await process.provision(dataset_type=DatasetType.SLACK_MESSAGES)
        dataset = await process.provision()
        await process.complete()
        place.clock.ahead += timedelta(days=1)
        await process.services.orphans.scan(ALL)
        until = place.clock.now() + timedelta(hours=1)
        await process.services.keeping.protect(dataset.dataset_id, until, ALL, person=True)
        place.clock.ahead += timedelta(hours=2)
        place.glean.faults.add(Fault(kind="status", operation="datasources.delete", status=403))
        with pytest.raises(PlatformDeniedError):
            await process.tear_down(dataset)
        await process.tear_down(dataset)
        again = Journey(journey_id="j2", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
        await process.services.registry.add_journey(again, ALL)
        begun = await process.services.restoring.start(dataset.dataset_id, "j2", ALL)
        await process.services.provisioning.wait(begun, 30)
        place.clock.ahead += timedelta(days=100)
        await process.services.archives.purge(ALL, apply=True)

        told = await events_of(process.outside.store)
    assert {each.kind for each in told} == set(EventKind) - {EventKind.HEALTH_CHANGED}
    shapes = [type(as_described(each)) for each in told]
    assert shapes == [DATA[each.kind] for each in told]
    assert {OrphanCleared, TornDown} < set(shapes)


async def test_a_field_more_or_less_is_not_as_described(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        await process.provision()
        first = (await events_of(process.outside.store))[0]
    data = dict(first.data)
    for wrong in ({**data, "secret": "x"}, {name: data[name] for name in data if name != "attempt"}):
        with pytest.raises(ValidationError):
            as_described(type(first)(kind=first.kind, at=first.at, dataset_id="d", client_id="c", data=wrong))
