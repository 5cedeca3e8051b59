"""The checker finds nothing wrong with a world in which nobody died, and names whatever is broken in it."""

from __future__ import annotations

import json
from copy import deepcopy
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

from server.composition.process import open_services
from server.settings import load_settings
from tests.support.content.template_repository import write_repository
from tests.support.polling import wait_for
from tests.support.resilience.chaos.installation import Installation
from tests.support.resilience.chaos.invariants import find_violations
from tests.support.resilience.chaos.process_main import run_command
from tests.support.resilience.chaos.system_state import collect_state, is_webhook_registered, pending_work
from tests.support.sandbox.embedded import script_composed_sandboxes
from tests.support.sandbox.faults import Fault
from tests.support.webhooks.receiver import WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.resilience.chaos.system_state import Row, SystemState
    from tools.services import Services

    Change = Callable[[SystemState], object]

RECORDS: Final = 12
KINDS: Final = ("confluence_pages", "github_repos", "slack_messages", "jira_issues")
NAMES: Final = dict(
    zip(("ready", "gone", "failed", "low"), ("Confluence", "GitHub", "Slack", "Jira"), strict=True)
)


class SampleDatasets:
    """Somebody with four datasets: one is ready, one restored from an archive, one has failed, one is too bad."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def live(self, place: Installation) -> None:
        """Have them all."""
        journeys = [f"j{number}" for number, _ in enumerate(KINDS)]
        await self._do("add_client", client_id="acme", journeys=journeys)
        with place.open_sandbox() as glean:
            glean.faults.add(Fault(kind="sync_fails", datasource=f"ACME-Sandbox-{NAMES['failed']}"))
            glean.faults.add(Fault(kind="sync_loses", datasource=f"ACME-Sandbox-{NAMES['low']}"))
        made = [await self._make(number) for number, _ in enumerate(KINDS)]
        gone = made[1]["dataset_id"]
        await self._do("journey", journey_id="j1", client_id="acme", state="completed")
        await self._do("teardown", dataset_id=gone, reason="manual", wait_s=None)
        await self._do("journey", journey_id="j1", client_id="acme", state="active")
        await self._do("restore", dataset_id=gone, journey_id="j1", wait_s=None)

    async def _make(self, number: int) -> Row:
        given = {
            "client_id": "acme",
            "journey_id": f"j{number}",
            "dataset_type": KINDS[number],
            "wait_s": None,
        }
        return await self._do("provision", **given)

    async def _do(self, verb: str, **given: Any) -> Row:
        return await run_command(self._services, verb, given)


@pytest.fixture(scope="module")
async def original_state(tmp_path_factory: pytest.TempPathFactory) -> SystemState:
    """The world after such a life, in one process that ended well."""
    folder = tmp_path_factory.mktemp("whole")
    place = Installation(folder)
    async with WebhookReceiver().listen() as receiver:
        place.configure(write_repository(folder / "repository", records=RECORDS), receiver.url)
        settings = load_settings({}, place.config, place.data_folder(0))
        with pytest.MonkeyPatch.context() as patch, anyio.fail_after(120):
            script_composed_sandboxes(patch.setattr)
            async with open_services(settings, sagas=True, serves=True) as services:
                await wait_for(lambda: is_webhook_registered(place), 60)
                await SampleDatasets(services).live(place)
                await wait_for(lambda: not pending_work(place), 60)
        return collect_state(place, receiver.messages)


@pytest.fixture
def state(original_state: SystemState) -> SystemState:
    """A copy, to be broken."""
    return deepcopy(original_state)


def dataset_with_status(world: SystemState, status: str) -> Row:
    """The dataset of that status."""
    return next(each for each in world.store["datasets"] if each["status"] == status)


def datasource_of(world: SystemState, status: str = "ready") -> Row:
    """The datasource of a dataset."""
    name = dataset_with_status(world, status)["document"]["name"]
    return next(each for each in world.glean["datasource"] if each["name"] == name)


def connector_of(world: SystemState, status: str) -> Row:
    """The connector of a dataset."""
    about = dataset_with_status(world, status)["dataset_id"]
    return next(each for each in world.store["connectors"] if each["document"]["dataset_id"] == about)


def staged_file(world: SystemState) -> str:
    """The file in which a ready dataset is staged."""
    return next(
        each for each in world.staged if each.startswith(dataset_with_status(world, "ready")["dataset_id"])
    )


def archived_file(world: SystemState, name: str) -> str:
    """A file of the only archive."""
    return next(each for each in world.archived if each.endswith(f"/{name}"))


def forge_archive(world: SystemState) -> None:
    """Documents that are not those that were archived, and a manifest that was made for them."""
    path, manifest = archived_file(world, "documents.jsonl.zst"), archived_file(world, "manifest.json")
    world.archived[path] = world.archived[archived_file(world, "sample_data.json.zst")]
    said = json.loads(world.archived[manifest])
    data = world.archived[path]
    said["files"]["documents.jsonl.zst"] = {"size": len(data), "sha256": sha256(data).hexdigest()}
    world.archived[manifest] = json.dumps(said).encode()


def repeat_effect(
    world: SystemState, operation: str, *, times: int = 1, became: str | None = None, **changed: Any
) -> None:
    """An effect of the ledger comes once more, or more often, or as another."""
    entries = world.glean["ledger"]
    found = next(each for each in entries if each["operation"] == operation)
    at = entries.index(found) + 1
    entries[at:at] = [{**found, "operation": became or operation, **changed}] * times


def restart_run_elsewhere(world: SystemState) -> None:
    """A run is begun once more, in another datasource of its name."""
    repeat_effect(world, "sync.start", detail={})
    repeat_effect(world, "sync.start", became="datasources.create", run=None, detail={})


def drop_row(rows: list[Row], **wanted: object) -> None:
    """The first such row is gone."""
    rows.remove(next(each for each in rows if wanted.items() <= each.items()))


def rewrite_sealed_entry(world: SystemState) -> None:
    """Somebody has changed what is sealed."""
    entry = world.store["audit"][2]
    entry["sealed"] = entry["sealed"].replace("person:kim", "person:lee")


def events(world: SystemState, status: str) -> list[Row]:
    """The events of a dataset."""
    about = dataset_with_status(world, status)["dataset_id"]
    return [each for each in world.store["events"] if each["dataset_id"] == about]


BROKEN: Final[Mapping[str, tuple[str, Change]]] = {
    "two live datasets in a slot": (
        "slot",
        lambda w: w.store["datasets"].append(dict(dataset_with_status(w, "ready"))),
    ),
    "a row that says otherwise than its document": (
        "slot",
        lambda w: dataset_with_status(w, "ready").update(status="failed"),
    ),
    "a saga that still runs": ("ended", lambda w: dataset_with_status(w, "ready").update(running=1)),
    "a run that was never given back": (
        "ended",
        lambda w: dataset_with_status(w, "failed")["document"].update(run={"saga_id": "x"}),
    ),
    "a dataset in the middle": (
        "ended",
        lambda w: dataset_with_status(w, "ready").update(status="provisioning"),
    ),
    "an undo that is left": (
        "ended",
        lambda w: w.store["undos"].append({"dataset_id": "acme-1", "attempt": 1, "what": "push"}),
    ),
    "a saga that the engine has as running": ("ended", lambda w: w.sagas[0].update(status="PENDING")),
    "a saga that broke": ("ended", lambda w: w.sagas[0].update(status="ERROR")),
    "a saga that was stopped without a word": ("ended", lambda w: w.sagas[0].update(status="CANCELLED")),
    "a sync that runs": ("ended", lambda w: w.glean["job"][0].update(status="RUNNING")),
    "a datasource of nobody's": ("datasource", lambda w: datasource_of(w)["config"].pop("managedBy")),
    "a datasource of another installation's": (
        "datasource",
        lambda w: datasource_of(w)["config"]["managedBy"].update(installation="another"),
    ),
    "a datasource of a dataset that has failed": (
        "datasource",
        lambda w: datasource_of(w)["config"]["managedBy"].update(
            datasetId=dataset_with_status(w, "failed")["dataset_id"]
        ),
    ),
    "no datasource": ("datasource", lambda w: w.glean["datasource"].remove(datasource_of(w))),
    "two datasources": ("datasource", lambda w: w.glean["datasource"].append(datasource_of(w))),
    "a datasource that cannot sign in": ("datasource", lambda w: datasource_of(w).update(auth_sha256=None)),
    "a run that is left beside the one that is served": (
        "datasource",
        lambda w: w.glean["upload"].append({**w.glean["upload"][0], "row": 99, "served": 0}),
    ),
    "a document that is not served": (
        "datasource",
        lambda w: drop_row(w.glean["served"], datasource_row=datasource_of(w)["row"]),
    ),
    "a document that was never staged": (
        "datasource",
        lambda w: w.staged.update({staged_file(w): b'{"id":"x","title":"x"}\n' * RECORDS}),
    ),
    "nothing staged": ("staging", lambda w: w.staged.pop(staged_file(w))),
    "something else staged": ("staging", lambda w: w.staged.update({staged_file(w): b"{}\n"})),
    "an attempt that is left": (
        "staging",
        lambda w: w.staged.update({staged_file(w).replace("1.", "2."): b""}),
    ),
    "a folder of nobody's": ("staging", lambda w: w.areas.append("acme-sandbox-confluence-000000")),
    "two connectors": (
        "connector",
        lambda w: w.store["connectors"].append({**connector_of(w, "ready"), "connector_id": "cn-2"}),
    ),
    "a connector to somewhere else": (
        "connector",
        lambda w: connector_of(w, "ready")["document"].update(handle="ds_0"),
    ),
    "a connector of a dataset that has failed": (
        "connector",
        lambda w: connector_of(w, "failed").update(status="healthy"),
    ),
    "a failed dataset with a content": (
        "connector",
        lambda w: dataset_with_status(w, "failed")["document"].update(
            content={"attempt": 1, "record_count": 0}
        ),
    ),
    "a connector of no dataset": (
        "connector",
        lambda w: connector_of(w, "ready")["document"].update(dataset_id="acme-1"),
    ),
    "no archive on record": ("archive", lambda w: w.store["archives"].clear()),
    "an archive on record of no dataset": (
        "archive",
        lambda w: w.store["archives"].append({"dataset_id": "acme-1", "document": {}}),
    ),
    "no archive": ("archive", lambda w: w.archived.clear()),
    "an archive without a manifest": ("archive", lambda w: w.archived.pop(archived_file(w, "manifest.json"))),
    "an archive with a file missing": (
        "archive",
        lambda w: w.archived.pop(archived_file(w, "metadata.json")),
    ),
    "an archive that is damaged": (
        "archive",
        lambda w: w.archived.update({archived_file(w, "documents.jsonl.zst"): b"damaged"}),
    ),
    "an archive of other documents": ("archive", forge_archive),
    "an archive of another content": (
        "archive",
        lambda w: dataset_with_status(w, "archived")["document"]["content"].update(checksum="0" * 64),
    ),
    "an archive of nobody's": (
        "archive",
        lambda w: w.archived.update({"acme/sandbox/x/acme-1/manifest.json": b"{}"}),
    ),
    "an archive of a dataset that is live": (
        "archive",
        lambda w: dataset_with_status(w, "archived").update(status="ready"),
    ),
    "a temporary file in staging": (
        "leftover",
        lambda w: w.staged.update(
            {f"{dataset_with_status(w, 'ready')['dataset_id']}/.1.jsonl.0a0a0a0a.tmp": b""}
        ),
    ),
    "a temporary file in an archive": (
        "leftover",
        lambda w: w.archived.update(
            {archived_file(w, "manifest.json").replace("manifest", ".manifest"): b""}
        ),
    ),
    "a lock of a dead process": ("leftover", lambda w: w.beside.append("owners/0a0a.lock")),
    "a datasource that was made twice": ("twice", lambda w: repeat_effect(w, "datasources.create", times=2)),
    "documents that were stored twice": ("twice", lambda w: repeat_effect(w, "documents.upload")),
    "documents that were never stored": (
        "twice",
        lambda w: drop_row(w.glean["ledger"], operation="documents.upload"),
    ),
    "a run that was synced twice": ("twice", lambda w: repeat_effect(w, "sync.start")),
    "a run that was brought to two datasources": ("twice", restart_run_elsewhere),
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
    "an event that was never heard": ("delivery", lambda w: w.webhook_messages.pop()),
    "events that were heard in another order": ("delivery", lambda w: w.webhook_messages.reverse()),
    "another event than there was": (
        "delivery",
        lambda w: w.webhook_messages[0].update(type="dataset:torn_down"),
    ),
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
    "an entry that was rewritten": ("chain", rewrite_sealed_entry),
    "a link that was changed": ("chain", lambda w: w.store["audit_chain"][0].update(hash="0" * 64)),
}


async def test_nothing_is_wrong_with_a_world_in_which_nobody_died(state: SystemState) -> None:
    assert find_violations(state) == []
    assert sorted(each["status"] for each in state.store["datasets"]) == [
        "archived",
        "failed",
        "ready",
        "ready",
        "validating",
    ]


@pytest.mark.parametrize("how", BROKEN)
async def test_whatever_is_broken_is_named(state: SystemState, how: str) -> None:
    rule, change = BROKEN[how]
    change(state)
    found = find_violations(state)
    assert rule in {name for name, _, _ in found}, found


async def test_a_saga_that_was_stopped_and_told_so_is_no_fault(state: SystemState) -> None:
    row = dataset_with_status(state, "failed")
    told = events(state, "failed")[-1]
    told["document"]["data"]["code"] = "saga_stranded"
    saga = next(each for each in state.sagas if each["saga_id"].split(":")[1] == row["dataset_id"])
    saga["status"] = "CANCELLED"
    assert find_violations(state) == []


async def test_an_archive_of_a_teardown_that_gave_its_dataset_back_is_no_fault(state: SystemState) -> None:
    row, [facts] = dataset_with_status(state, "archived"), state.store["archives"]
    facts["document"]["given_back_at"] = "2026-01-31T00:00:00Z"
    assert {rule for rule, about, _ in find_violations(state) if about == row["dataset_id"]} == {"archive"}
    row["status"] = "ready"
    assert "archive" not in {rule for rule, _, _ in find_violations(state)}
