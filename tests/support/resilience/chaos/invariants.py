"""What must be so of the whole world once everything has ended, said without any rule of the product.

It goes by raw rows, by the sandbox's tables and ledger, and by the files' bytes. Each fault that it finds is a rule's
name, what it is about, and what is wrong.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import zstandard

from tests.support.resilience.chaos.event_invariants import (
    check_audit_chain,
    check_audit_entries,
    check_deliveries,
    check_event_stories,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.resilience.chaos.system_state import SystemState

    Row = dict[str, Any]
    Fault = tuple[str, str, str]

_MADE: Final = {"ready", "validating"}
_SAMPLE: Final = 100
_ARCHIVED: Final = {
    "documents.jsonl.zst",
    "manifest.json",
    "metadata.json",
    "quality_reports.json.zst",
    "sample_data.json.zst",
}
_BESIDE: Final = re.compile(
    r"(store\.db|engine\.sqlite|glean-sandbox\.sqlite)(-wal|-shm)?|store\.db\.lock|owners/adopting|serving\.lock"
)
_MARKER: Final = re.compile(r"\.dataset-lifecycle-(staging|archive)-[0-9a-f]{32}\.json")
"""By it replicas know that they share a folder."""


def find_violations(world: SystemState) -> list[Fault]:
    """Everything that is wrong."""
    rules = (
        check_slots,
        check_sagas_ended,
        check_datasources,
        check_staging,
        check_connectors,
        check_archives,
        check_leftovers,
        check_effects,
        check_event_stories,
        check_deliveries,
        check_audit_entries,
        check_audit_chain,
    )
    return [fault for rule in rules for fault in rule(world)]


def check_slots(world: SystemState) -> Iterator[Fault]:
    """One live dataset a client, stage and type; and the columns say what the documents do."""
    live = Counter(_slot_key(each) for each in world.store["datasets"] if each["status"] != "archived")
    for slot, number in live.items():
        if number > 1:
            yield "slot", "/".join(slot), f"{number} live datasets are in it"
    for each in world.store["datasets"]:
        if each["status"] != each["document"]["status"]:
            yield "slot", each["dataset_id"], "its row and its document differ in the status"


def check_sagas_ended(world: SystemState) -> Iterator[Fault]:
    """No saga, no undo and no sync is left unfinished, and none broke; one that was stopped is told to have been."""
    for each in world.store["datasets"]:
        if each["running"] or each["document"].get("run"):
            yield "ended", each["dataset_id"], "a saga still works on it"
        if each["status"] in {"provisioning", "teardown"}:
            yield "ended", each["dataset_id"], f"nothing works on it, and it is {each['status']}"
    for each in world.store["undos"]:
        yield "ended", each["dataset_id"], f"{each['what']} is still to be undone"
    stopped = {
        each["dataset_id"]
        for each in world.store["events"]
        if each["document"]["data"].get("code") == "saga_stranded"
    }
    for each in world.sagas:
        stranded = each["status"] == "CANCELLED" and each["saga_id"].split(":")[1] in stopped
        if each["status"] != "SUCCESS" and not stranded:
            yield "ended", each["saga_id"], f"the engine has it as {each['status']}"
    for each in world.glean["job"]:
        if each["status"] == "RUNNING":
            yield "ended", each["run"], "it is still being synced"


def check_datasources(world: SystemState) -> Iterator[Fault]:
    """A made dataset has one datasource, which serves what was staged; no other dataset has any, nor has nobody."""
    [installation] = world.store["installation"]
    ours: dict[str, list[Row]] = defaultdict(list)
    live = {each["dataset_id"]: each for each in world.store["datasets"] if each["status"] in _MADE}
    for source in world.glean["datasource"]:
        mark = source["config"].get("managedBy") or {}
        owner = str(mark.get("datasetId"))
        if mark.get("installation") != installation["installation_id"] or owner not in live:
            yield "datasource", source["name"], f"it belongs to no live dataset: {owner}"
        else:
            ours[owner].append(source)
    for dataset_id, row in live.items():
        if len(ours[dataset_id]) != 1:
            yield "datasource", dataset_id, f"it has {len(ours[dataset_id])} datasources"
            continue
        yield from _check_served_content(world, row, ours[dataset_id][0])


def _check_served_content(world: SystemState, row: Row, source: Row) -> Iterator[Fault]:
    about, content = row["dataset_id"], row["document"]["content"]
    if source["name"] != row["document"]["name"] or not source["auth_sha256"]:
        yield "datasource", about, f"its datasource is called {source['name']}, or was never authorised"
    runs = [each for each in world.glean["upload"] if each["datasource_row"] == source["row"]]
    if not runs or not all(each["served"] and each["run"].startswith(f"{about}-") for each in runs):
        yield (
            "datasource",
            about,
            f"it has a run that was never served, or is another's: {[r['run'] for r in runs]}",
        )
    shown = {
        each["document_row"] for each in world.glean["served"] if each["datasource_row"] == source["row"]
    }
    documents = {
        each["row"]: json.loads(each["raw"]) for each in world.glean["document"] if each["row"] in shown
    }
    served = Counter((each["documentId"], each["title"]) for each in documents.values())
    name = f"{about}/{content['attempt']}.jsonl"
    staged = Counter(
        (each.get("id"), each.get("title"))
        for each in map(json.loads, world.staged.get(name, b"").splitlines())
    )
    wrong = served != staged if row["status"] == "ready" else bool(served - staged)
    if wrong or source["document_count"] != len(shown) or len(documents) != len(shown):
        yield (
            "datasource",
            about,
            f"it serves {len(shown)} documents that are not the {len(staged)} staged ones",
        )


def check_staging(world: SystemState) -> Iterator[Fault]:
    """A made dataset has its content staged, in one file that is what its row says; nothing else is staged."""
    made = {
        each["dataset_id"]: each["document"] for each in world.store["datasets"] if each["status"] in _MADE
    }
    living = {each["dataset_id"] for each in world.store["datasets"] if each["status"] != "archived"}
    for area in world.areas:
        if area not in living:
            yield "staging", area, "its folder belongs to no live dataset"
    wanted = {
        f"{dataset_id}/{each['content']['attempt']}.jsonl": dataset_id for dataset_id, each in made.items()
    }
    for name in world.staged:
        if name not in wanted and not _MARKER.fullmatch(name):
            yield "staging", name, "it is nobody's content"
    for name, dataset_id in wanted.items():
        data, content = world.staged.get(name), made[dataset_id]["content"]
        if data is None:
            yield "staging", dataset_id, "its content is not staged"
        elif (data.count(b"\n"), len(data), sha256(data).hexdigest()) != (
            content["record_count"],
            content["size_bytes"],
            content["checksum"],
        ):
            yield "staging", dataset_id, "what is staged is not its content"


def check_connectors(world: SystemState) -> Iterator[Fault]:
    """A made dataset has one connector that is connected, to its datasource; every other one is disconnected."""
    handles = {
        each["id"]: each["config"].get("managedBy", {}).get("datasetId") for each in world.glean["datasource"]
    }
    connected = defaultdict(list)
    for each in world.store["connectors"]:
        if each["status"] != "disconnected":
            connected[each["document"]["dataset_id"]].append(each)
    for row in world.store["datasets"]:
        about, document, held = row["dataset_id"], row["document"], connected.pop(row["dataset_id"], [])
        if row["status"] not in _MADE:
            if held:
                yield "connector", about, f"it is {row['status']}, and its connector is {held[0]['status']}"
            if row["status"] == "failed" and (document.get("connector_id") or document.get("content")):
                yield "connector", about, "it has failed, and its row names a connector or a content"
        elif [each["connector_id"] for each in held] != [document["connector_id"]]:
            yield "connector", about, f"{len(held)} connectors are connected to it"
        elif handles.get(held[0]["document"]["handle"]) != about:
            yield "connector", about, "its connector's handle is not its datasource's"
    for about in connected:
        yield "connector", about, "a connector is of a dataset that there is not"


def check_archives(world: SystemState) -> Iterator[Fault]:
    """Every archived dataset has its archive, whole; what is archived besides is of a teardown that gave back."""
    places: dict[str, dict[str, bytes]] = defaultdict(dict)
    for path, data in world.archived.items():
        place, _, name = path.rpartition("/")
        if not _MARKER.fullmatch(path):
            places[place][name] = data
    known = {each["dataset_id"]: each["document"] for each in world.store["archives"]}
    for row in world.store["datasets"]:
        about, place = row["dataset_id"], "/".join((*_slot_key(row), row["dataset_id"]))
        found, facts = places.pop(place, {}), known.pop(row["dataset_id"], None)
        if row["status"] == "archived":
            yield from _check_archive(row, found, facts)
        elif facts and facts.get("given_back_at"):
            yield from _check_manifest(about, found)
        elif found or facts:
            yield (
                "archive",
                about,
                f"it is {row['status']}, and there is an archive, or half of one: {sorted(found)}",
            )
    for place in places:
        yield "archive", place, "it is nobody's archive"
    for about in known:
        yield "archive", about, "an archive is on record of a dataset that there is not"


def _check_archive(row: Row, found: dict[str, bytes], facts: Row | None) -> Iterator[Fault]:
    about, content = row["dataset_id"], row["document"].get("content")
    if facts is None or facts.get("given_back_at"):
        yield "archive", about, "no archive of it is on record"
    wrong = list(_check_manifest(about, found))
    yield from wrong
    if wrong:
        return
    manifest = json.loads(found["manifest.json"])
    lines, checksum = (content["record_count"], content["checksum"]) if content else (0, None)
    if manifest["record_count"] != lines or manifest.get("checksum") != checksum:
        yield "archive", about, "its archive is of another content"


def _check_manifest(about: str, found: dict[str, bytes]) -> Iterator[Fault]:
    """Every file is there, is what the manifest says, and decompresses to as many documents as it says."""
    if "manifest.json" not in found:
        yield "archive", about, f"its archive has no manifest: {sorted(found)}"
        return
    manifest = json.loads(found["manifest.json"])
    full = "documents.jsonl.zst" in manifest["files"]
    wanted = _ARCHIVED if full else _ARCHIVED - {"documents.jsonl.zst"}
    if set(found) != wanted or set(manifest["files"]) != wanted - {"manifest.json"}:
        yield "archive", about, f"its archive has other files than it should: {sorted(found)}"
        return
    for name, said in manifest["files"].items():
        if (len(found[name]), sha256(found[name]).hexdigest()) != (said["size"], said["sha256"]):
            yield "archive", about, f"{name} of its archive is not what the manifest says"
            return
    metadata = json.loads(found["metadata.json"])
    if not about == manifest["dataset_id"] == metadata["dataset_id"]:
        yield "archive", about, f"its archive is that of {manifest['dataset_id']}"
    documents = _decompress(found["documents.jsonl.zst"]) if full else b""
    if full != bool(metadata.get("checksum")):
        yield "archive", about, "its archive keeps no documents, or some that it never had"
    elif full and (documents.count(b"\n"), sha256(documents).hexdigest()) != (
        manifest["record_count"],
        manifest["checksum"],
    ):
        yield "archive", about, "its archive does not hold the documents that the manifest tells of"
    lines = documents.splitlines()[:_SAMPLE]
    if _decompress(found["sample_data.json.zst"]) != b"[\n" + b",\n".join(lines) + b"\n]\n":
        yield "archive", about, "the sample of its archive is not its first documents"


def check_leftovers(world: SystemState) -> Iterator[Fault]:
    """No temporary file, and no lock of a process that is gone."""
    for path in (*world.staged, *world.archived):
        if path.rpartition("/")[2].startswith(".") and not _MARKER.fullmatch(path):
            yield "leftover", path, "it is a temporary file"
    for path in world.beside:
        if not _BESIDE.fullmatch(path):
            yield "leftover", path, "it is left in a data folder"


def check_effects(world: SystemState) -> Iterator[Fault]:
    """Nothing that somebody could see was done twice to Glean for one run.

    A datasource lives from its creation to its deletion. What one run did, it did to one of them, once.
    """
    attempts: Counter[str] = Counter()
    for row in world.store["datasets"]:
        attempts[row["document"]["name"]] += row["document"]["attempt"]
    contents = {
        f"{row['dataset_id']}-{content['attempt']}": content["record_count"]
        for row in world.store["datasets"]
        if (content := row["document"].get("content"))
    }
    made, brought = Counter[str](), dict[str, int]()
    stored, synced = Counter[str](), Counter[str]()
    for entry in world.glean["ledger"]:
        name, run, operation = entry["datasource"], entry["run"], entry["operation"]
        made[name] += operation == "datasources.create"
        if run and brought.setdefault(run, made[name]) != made[name]:
            yield "twice", run, "it was brought to two datasources"
        stored[run] += entry["detail"].get("changed", 0)
        synced[run] += entry["detail"].get("job") == "new"
    for name in (each for each in made if made[each] > attempts[each]):
        yield "twice", name, f"it was made {made[name]} times in {attempts[name]} attempts"
    for run in (each for each in synced if synced[each] > 1):
        yield "twice", run, f"it was synced {synced[run]} times"
    for run in (each for each in contents if stored[each] != contents[each]):
        yield "twice", run, f"{stored[run]} documents were stored for it, which has {contents[run]}"


def _slot_key(row: Row) -> tuple[str, str, str]:
    return row["client_id"], row["stage"], row["dataset_type"]


def _decompress(compressed: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(BytesIO(compressed)).read()
