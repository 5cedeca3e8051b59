"""The checker finds nothing wrong with a world in which nobody died, and names whatever is broken in it."""

from __future__ import annotations

import json
from copy import deepcopy
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

from server.sandbox.faults import Fault
from server.settings import load
from server.wiring import running
from tests.chaos import host
from tests.chaos.checker import faults
from tests.chaos.collecting import collected, listened, restless
from tests.chaos.place import Place
from tests.receivers import Receiver
from tests.repository import write_repository
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.chaos.collecting import Row, World
    from tools.services import Services

    Change = Callable[[World], object]

RECORDS: Final = 12
KINDS: Final = ("confluence_pages", "github_repos", "slack_messages", "jira_issues")
NAMES: Final = dict(
    zip(("ready", "gone", "failed", "low"), ("Confluence", "GitHub", "Slack", "Jira"), strict=True)
)


class Town:
    """Somebody with four datasets: one is ready, one restored from an archive, one has failed, one is too bad."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def live(self, place: Place) -> None:
        """Have them all."""
        journeys = [f"j{number}" for number, _ in enumerate(KINDS)]
        await self._do("arrive", client_id="acme", journeys=journeys)
        with place.sandbox() as glean:
            glean.faults.add(Fault(kind="sync_fails", datasource=f"ACME-Sandbox-{NAMES['failed']}"))
            glean.faults.add(Fault(kind="sync_loses", datasource=f"ACME-Sandbox-{NAMES['low']}"))
        made = [await self._made(number) for number, _ in enumerate(KINDS)]
        gone = made[1]["dataset_id"]
        await self._do("journey", journey_id="j1", client_id="acme", state="completed")
        await self._do("teardown", dataset_id=gone, reason="manual", wait_s=None)
        await self._do("journey", journey_id="j1", client_id="acme", state="active")
        await self._do("restore", dataset_id=gone, journey_id="j1", wait_s=None)

    async def _made(self, number: int) -> Row:
        given = {
            "client_id": "acme",
            "journey_id": f"j{number}",
            "dataset_type": KINDS[number],
            "wait_s": None,
        }
        return await self._do("provision", **given)

    async def _do(self, verb: str, **given: Any) -> Row:
        return await host.done(self._services, verb, given)


@pytest.fixture(scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world after such a life, in one process that ended well."""
    folder = tmp_path_factory.mktemp("whole")
    place = Place(folder)
    async with Receiver().up() as receiver:
        place.configure(write_repository(folder / "repository", records=RECORDS), receiver.url)
        settings = load({}, place.config, place.data(0))
        with anyio.fail_after(120):
            async with running(settings, sagas=True, serves=True) as services:
                await eventually(lambda: listened(place), 60)
                await Town(services).live(place)
                await eventually(lambda: not restless(place), 60)
        return collected(place, receiver.heard)


@pytest.fixture
def world(whole: World) -> World:
    """A copy, to be broken."""
    return deepcopy(whole)


def named(world: World, status: str) -> Row:
    """The dataset of that status."""
    return next(each for each in world.store["datasets"] if each["status"] == status)


def source(world: World, status: str = "ready") -> Row:
    """The datasource of a dataset."""
    name = named(world, status)["document"]["name"]
    return next(each for each in world.glean["datasource"] if each["name"] == name)


def connector(world: World, status: str) -> Row:
    """The connector of a dataset."""
    about = named(world, status)["dataset_id"]
    return next(each for each in world.store["connectors"] if each["document"]["dataset_id"] == about)


def staged(world: World) -> str:
    """The file in which a ready dataset is staged."""
    return next(each for each in world.staged if each.startswith(named(world, "ready")["dataset_id"]))


def archived(world: World, name: str) -> str:
    """A file of the only archive."""
    return next(each for each in world.archived if each.endswith(f"/{name}"))


def forged(world: World) -> None:
    """Documents that are not those that were archived, and a manifest that was made for them."""
    path, manifest = archived(world, "documents.jsonl.zst"), archived(world, "manifest.json")
    world.archived[path] = world.archived[archived(world, "sample_data.json.zst")]
    said = json.loads(world.archived[manifest])
    data = world.archived[path]
    said["files"]["documents.jsonl.zst"] = {"size": len(data), "sha256": sha256(data).hexdigest()}
    world.archived[manifest] = json.dumps(said).encode()


def again(world: World, operation: str, *, times: int = 1, became: str | None = None, **changed: Any) -> None:
    """An effect of the ledger comes once more, or more often, or as another."""
    entries = world.glean["ledger"]
    found = next(each for each in entries if each["operation"] == operation)
    at = entries.index(found) + 1
    entries[at:at] = [{**found, "operation": became or operation, **changed}] * times


def elsewhere(world: World) -> None:
    """A run is begun once more, in another datasource of its name."""
    again(world, "sync.start", detail={})
    again(world, "sync.start", became="datasources.create", run=None, detail={})


def dropped(rows: list[Row], **wanted: object) -> None:
    """The first such row is gone."""
    rows.remove(next(each for each in rows if wanted.items() <= each.items()))


def rewritten(world: World) -> None:
    """Somebody has changed what is sealed."""
    entry = world.store["audit"][2]
    entry["sealed"] = entry["sealed"].replace("person:kim", "person:lee")


def events(world: World, status: str) -> list[Row]:
    """The events of a dataset."""
    about = named(world, status)["dataset_id"]
    return [each for each in world.store["events"] if each["dataset_id"] == about]


BROKEN: Final[Mapping[str, tuple[str, Change]]] = {
    "two live datasets in a slot": ("slot", lambda w: w.store["datasets"].append(dict(named(w, "ready")))),
    "a row that says otherwise than its document": (
        "slot",
        lambda w: named(w, "ready").update(status="failed"),
    ),
    "a saga that still runs": ("ended", lambda w: named(w, "ready").update(running=1)),
    "a run that was never given back": (
        "ended",
        lambda w: named(w, "failed")["document"].update(run={"saga_id": "x"}),
    ),
    "a dataset in the middle": ("ended", lambda w: named(w, "ready").update(status="provisioning")),
    "an undo that is left": (
        "ended",
        lambda w: w.store["undos"].append({"dataset_id": "acme-1", "attempt": 1, "what": "push"}),
    ),
    "a saga that the engine has as running": ("ended", lambda w: w.sagas[0].update(status="PENDING")),
    "a saga that broke": ("ended", lambda w: w.sagas[0].update(status="ERROR")),
    "a saga that was stopped without a word": ("ended", lambda w: w.sagas[0].update(status="CANCELLED")),
    "a sync that runs": ("ended", lambda w: w.glean["job"][0].update(status="RUNNING")),
    "a datasource of nobody's": ("datasource", lambda w: source(w)["config"].pop("managedBy")),
    "a datasource of another installation's": (
        "datasource",
        lambda w: source(w)["config"]["managedBy"].update(installation="another"),
    ),
    "a datasource of a dataset that has failed": (
        "datasource",
        lambda w: source(w)["config"]["managedBy"].update(datasetId=named(w, "failed")["dataset_id"]),
    ),
    "no datasource": ("datasource", lambda w: w.glean["datasource"].remove(source(w))),
    "two datasources": ("datasource", lambda w: w.glean["datasource"].append(source(w))),
    "a datasource that cannot sign in": ("datasource", lambda w: source(w).update(auth_sha256=None)),
    "a run that is left beside the one that is served": (
        "datasource",
        lambda w: w.glean["upload"].append({**w.glean["upload"][0], "row": 99, "served": 0}),
    ),
    "a document that is not served": (
        "datasource",
        lambda w: dropped(w.glean["served"], datasource_row=source(w)["row"]),
    ),
    "a document that was never staged": (
        "datasource",
        lambda w: w.staged.update({staged(w): b'{"id":"x","title":"x"}\n' * RECORDS}),
    ),
    "nothing staged": ("staging", lambda w: w.staged.pop(staged(w))),
    "something else staged": ("staging", lambda w: w.staged.update({staged(w): b"{}\n"})),
    "an attempt that is left": ("staging", lambda w: w.staged.update({staged(w).replace("1.", "2."): b""})),
    "a folder of nobody's": ("staging", lambda w: w.areas.append("acme-sandbox-confluence-000000")),
    "two connectors": (
        "connector",
        lambda w: w.store["connectors"].append({**connector(w, "ready"), "connector_id": "cn-2"}),
    ),
    "a connector to somewhere else": (
        "connector",
        lambda w: connector(w, "ready")["document"].update(handle="ds_0"),
    ),
    "a connector of a dataset that has failed": (
        "connector",
        lambda w: connector(w, "failed").update(status="healthy"),
    ),
    "a failed dataset with a content": (
        "connector",
        lambda w: named(w, "failed")["document"].update(content={"attempt": 1, "record_count": 0}),
    ),
    "a connector of no dataset": (
        "connector",
        lambda w: connector(w, "ready")["document"].update(dataset_id="acme-1"),
    ),
    "no archive on record": ("archive", lambda w: w.store["archives"].clear()),
    "an archive on record of no dataset": (
        "archive",
        lambda w: w.store["archives"].append({"dataset_id": "acme-1", "document": {}}),
    ),
    "no archive": ("archive", lambda w: w.archived.clear()),
    "an archive without a manifest": ("archive", lambda w: w.archived.pop(archived(w, "manifest.json"))),
    "an archive with a file missing": ("archive", lambda w: w.archived.pop(archived(w, "metadata.json"))),
    "an archive that is damaged": (
        "archive",
        lambda w: w.archived.update({archived(w, "documents.jsonl.zst"): b"damaged"}),
    ),
    "an archive of other documents": ("archive", forged),
    "an archive of another content": (
        "archive",
        lambda w: named(w, "archived")["document"]["content"].update(checksum="0" * 64),
    ),
    "an archive of nobody's": (
        "archive",
        lambda w: w.archived.update({"acme/sandbox/x/acme-1/manifest.json": b"{}"}),
    ),
    "an archive of a dataset that is live": (
        "archive",
        lambda w: named(w, "archived").update(status="ready"),
    ),
    "a temporary file in staging": (
        "leftover",
        lambda w: w.staged.update({f"{named(w, 'ready')['dataset_id']}/.1.jsonl.0a0a0a0a.tmp": b""}),
    ),
    "a temporary file in an archive": (
        "leftover",
        lambda w: w.archived.update({archived(w, "manifest.json").replace("manifest", ".manifest"): b""}),
    ),
    "a lock of a dead process": ("leftover", lambda w: w.beside.append("owners/0a0a.lock")),
    "a datasource that was made twice": ("twice", lambda w: again(w, "datasources.create", times=2)),
    "documents that were stored twice": ("twice", lambda w: again(w, "documents.upload")),
    "documents that were never stored": (
        "twice",
        lambda w: dropped(w.glean["ledger"], operation="documents.upload"),
    ),
    "a run that was synced twice": ("twice", lambda w: again(w, "sync.start")),
    "a run that was brought to two datasources": ("twice", elsewhere),
    "a story without its beginning": ("story", lambda w: w.store["events"].remove(events(w, "ready")[0])),
    "a story without its end": ("story", lambda w: w.store["events"].remove(events(w, "ready")[-1])),
    "a story that was told twice": ("story", lambda w: w.store["events"].append(events(w, "archived")[-1])),
    "a story in another order": ("story", lambda w: w.store["events"].reverse()),
    "a story of another attempt": (
        "story",
        lambda w: events(w, "ready")[0]["document"]["data"].update(attempt=2),
    ),
    "a story of no dataset": ("story", lambda w: w.store["events"][0].update(dataset_id="acme-1")),
    "a webhook that nobody delivers to": ("delivery", lambda w: w.store["posts"].clear()),
    "an event that was never heard": ("delivery", lambda w: w.heard.pop()),
    "events that were heard in another order": ("delivery", lambda w: w.heard.reverse()),
    "another event than there was": ("delivery", lambda w: w.heard[0].update(type="dataset:torn_down")),
    "a delivery that is still to be made": (
        "delivery",
        lambda w: w.store["deliveries"][0].update(state="waiting"),
    ),
    "an event without its entry": (
        "record",
        lambda w: w.store["audit"].remove(next(e for e in w.store["audit"] if "event" in e["document"])),
    ),
    "a dataset that nobody admitted": (
        "record",
        lambda w: [e["document"].pop("outcome", None) for e in w.store["audit"]],
    ),
    "an entry that is not sealed": ("chain", lambda w: w.store["audit_chain"].pop()),
    "an entry that was rewritten": ("chain", rewritten),
    "a link that was changed": ("chain", lambda w: w.store["audit_chain"][0].update(hash="0" * 64)),
}


async def test_nothing_is_wrong_with_a_world_in_which_nobody_died(world: World) -> None:
    assert faults(world) == []
    assert sorted(each["status"] for each in world.store["datasets"]) == [
        "archived",
        "failed",
        "ready",
        "ready",
        "validating",
    ]


@pytest.mark.parametrize("how", BROKEN)
async def test_whatever_is_broken_is_named(world: World, how: str) -> None:
    rule, change = BROKEN[how]
    change(world)
    found = faults(world)
    assert rule in {name for name, _, _ in found}, found


async def test_a_saga_that_was_stopped_and_told_so_is_no_fault(world: World) -> None:
    row = named(world, "failed")
    told = events(world, "failed")[-1]
    told["document"]["data"]["code"] = "saga_stranded"
    saga = next(each for each in world.sagas if each["saga_id"].split(":")[1] == row["dataset_id"])
    saga["status"] = "CANCELLED"
    assert faults(world) == []


async def test_an_archive_of_a_teardown_that_gave_its_dataset_back_is_no_fault(world: World) -> None:
    row, [facts] = named(world, "archived"), world.store["archives"]
    facts["document"]["given_back_at"] = "2026-01-31T00:00:00Z"
    assert {rule for rule, about, _ in faults(world) if about == row["dataset_id"]} == {"archive"}
    row["status"] = "ready"
    assert "archive" not in {rule for rule, _, _ in faults(world)}
