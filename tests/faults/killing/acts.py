"""What scenes are made of: what was before, and what is done, each in one process of the product."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import anyio

from domain.deliveries import Delivery, DeliveryState
from domain.errors import LifecycleError
from domain.model import Client, Journey, OrphanMark
from domain.records import DatasetQuery
from domain.schedules import HEALTH, KIND, turn_id
from domain.vocabulary import DatasetType, JourneyState, Stage, TeardownReason
from server.sandbox.faults import Fault
from tests.processes.folder import KIM, request
from tests.repository import confluence_page, write_template

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.model import Dataset
    from domain.records import Records
    from tests.faults.killing.host import Host

    Part = Callable[[Host], Awaitable[None]]

TICKS: Final = {HEALTH: "2026-01-31T12:05"}
TICK: Final = "2026-01-31"


KEEPING: Final = {"admin": "datasources.delete", "indexing": "bulkindexusers"}
"""The operation that Glean must refuse so that it keeps a datasource."""


async def nothing(_: Host) -> None:
    """What is done where nothing needs to be."""


def refused(operation: str, **more: object) -> Fault:
    """Glean refuses that, for ever, and asking again does not help."""
    return Fault(kind="status", operation=operation, status=403, **({"times": None} | more))  # type: ignore[arg-type]


async def only(host: Host) -> Dataset:
    """The dataset that was made last."""
    found = await host.outside.store.read(lambda records: records.datasets(DatasetQuery()))
    return max(found, key=lambda each: each.created_at)


async def evolve(host: Host, dataset: Dataset, **changes: object) -> None:
    def change(records: Records) -> None:
        held = records.dataset(dataset.dataset_id)
        assert held is not None
        records.put_dataset(held.evolve(**changes))

    await host.outside.store.transact(change)


# --- what was before ------------------------------------------------------------------------------------------------


async def arrived(host: Host) -> None:
    """A client with an active journey."""
    await host.services.registry.add_client(
        Client(client_id="acme", name="acme", industry="fintech", use_case="developer_productivity"), KIM
    )
    await journey(host, "j1")


async def journey(host: Host, journey_id: str) -> None:
    await host.services.registry.add_journey(
        Journey(journey_id=journey_id, client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE), KIM
    )


async def served(host: Host) -> None:
    await arrived(host)
    await provision(host)


async def short(host: Host) -> None:
    """VALIDATING, for three documents were lost; a retry will bring other records."""
    host.glean.faults.add(Fault(kind="sync_loses", documents=3))
    await served(host)
    host.glean.faults.clear()
    pages = [confluence_page(number) for number in range(50, 58)]
    write_template(host.folder / "repository", DatasetType.CONFLUENCE_PAGES, pages)


async def flawed(host: Host) -> None:
    """VALIDATING, for a third of the records had no title; a retry will bring other records."""
    folder = host.folder / "repository"
    pages = [confluence_page(number) | ({} if number % 3 else {"title": ""}) for number in range(12)]
    write_template(folder, DatasetType.CONFLUENCE_PAGES, pages)
    await served(host)
    pages = [confluence_page(number) for number in range(50, 58)]
    write_template(folder, DatasetType.CONFLUENCE_PAGES, pages)


async def flawed_and_quick(host: Host) -> None:
    """The same, where syncs take no time."""
    await flawed(host)
    host.glean.set_rate(1_000_000, minimum_seconds=0)


async def short_and_quick(host: Host) -> None:
    """The same, where syncs take no time."""
    await short(host)
    host.glean.set_rate(1_000_000, minimum_seconds=0)


async def done_with(host: Host) -> None:
    """READY, and its journey is over."""
    await served(host)
    await host.services.registry.set_state("j1", JourneyState.COMPLETED, KIM)


async def stuck(host: Host) -> None:
    """In TEARDOWN past the point of no return, for Glean would not let go of the datasource."""
    await done_with(host)
    host.glean.faults.add(refused(KEEPING[host.settings.glean.dialect]))
    await tear_down(host)
    host.glean.faults.clear()


async def stuck_before(host: Host) -> None:
    """In TEARDOWN with its archive written, short of the point of no return."""
    await done_with(host)
    host.death.broken.add(("archives", "read"))
    await tear_down(host)


async def archived(host: Host) -> None:
    """ARCHIVED, and there is a journey for which it may come back."""
    await done_with(host)
    await tear_down(host)
    await journey(host, "j2")


async def lost(host: Host) -> None:
    """READY, with its staged file gone."""
    await served(host)
    await host.outside.staging.remove((await only(host)).dataset_id)


async def orphaned(host: Host) -> None:
    """An orphan past its grace."""
    await done_with(host)
    served_s = timedelta(days=30).total_seconds()
    mark = OrphanMark(orphaned_at=datetime.now(UTC), reason="journey_completed", served=served_s)
    await evolve(host, await only(host), orphan=mark)


async def past_keeping(host: Host) -> None:
    """An archive past its time, as another day has found it, too."""
    await archived(host)

    def found(records: Records) -> None:
        [(dataset_id, facts)] = records.archives()
        records.put_archive(dataset_id, facts | {"found_past": "2026-01-01"})

    await host.outside.store.transact(found)


async def parked(host: Host) -> None:
    """An event that a webhook would not take."""
    await served(host)
    dataset_id = (await only(host)).dataset_id
    now = datetime.now(UTC)
    left = Delivery(
        webhook="gone", seq=1, dataset_id=dataset_id, state=DeliveryState.PARKED, due_at=now, settled_at=now
    )
    await host.outside.store.transact(lambda records: records.put_delivery(left))


# --- what is done ---------------------------------------------------------------------------------------------------


async def provision(host: Host, *, retry: bool = False) -> None:
    """Provision; that it fails is for the scene to say."""
    wish = replace(request(), retry=retry)
    with suppress(LifecycleError):
        begun = await host.services.provisioning.start_or_attach(wish, KIM)
        await host.services.provisioning.wait(begun, None)


async def provision_again(host: Host) -> None:
    await provision(host, retry=True)


async def provision_in_vain(host: Host) -> None:
    """A first attempt fails late, and of what it made nothing can be taken back at once."""
    host.death.broken.add(("staging", "remove"))
    if host.settings.glean.dialect == "admin":
        for operation in ("health.get", "sync.find", "uploads.discard", "datasources.delete"):
            host.glean.faults.add(refused(operation))
    else:  # what undoes asks for the same things as what does: how a sync stands is asked by those who wait for it, too
        host.death.broken.update(("platform", name) for name in ("observe", "discard", "remove"))
        host.death.breaking["platform", "observe"] = ("platform", "job")
    await provision(host)
    host.death.broken.clear()
    host.death.breaking.clear()
    host.glean.faults.clear()


async def deleted_at_the_console(host: Host) -> None:
    """Somebody deletes the datasource."""
    [found] = host.glean.datasources()
    host.glean.delete(found["name"])


async def take_back(host: Host) -> None:
    """Try again to take back what could not be."""
    await host.services.sagas.resume(patiently=False)


async def tear_down(host: Host) -> None:
    dataset_id = (await only(host)).dataset_id
    with suppress(LifecycleError):
        begun = await host.services.teardowns.start_or_attach(
            dataset_id, TeardownReason.JOURNEY_COMPLETED, KIM
        )
        await host.services.teardowns.wait(begun, None)


async def call_off(host: Host) -> None:
    """Cancel the teardown; the dataset is given back."""
    await host.services.sagas.cancel((await only(host)).dataset_id, KIM)


async def bring_back(host: Host) -> None:
    begun = await host.services.restoring.start((await only(host)).dataset_id, "j2", KIM)
    await host.services.sagas.wait(begun.dataset.dataset_id, None)


async def keep(host: Host) -> None:
    """Take a snapshot."""
    with suppress(LifecycleError):
        await host.services.snapshots.take((await only(host)).dataset_id, KIM)


def turned(schedule: str) -> Part:
    """Do what a schedule does, once."""

    async def act(host: Host) -> None:
        tick = TICKS.get(schedule, TICK)
        saga_id = turn_id(schedule, tick)
        await host.engine.start(KIND, saga_id, schedule)
        with anyio.fail_after(60):
            assert await host.engine.wait(saga_id, 60)

    return act
