"""Whether what was told of the datasets is a whole story of each, in order, recorded, and heard by the webhook."""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.resilience.chaos.system_state import SystemState

    Row = dict[str, Any]
    Fault = tuple[str, str, str]

_NOWHERE: Final = "nowhere"
_LEGAL: Final = {
    (_NOWHERE, "dataset:provisioning_started"): "making",
    ("failed", "dataset:provisioning_started"): "making",
    ("validating", "dataset:provisioning_started"): "making",
    ("making", "dataset:quality_evaluated"): "judged",
    ("making", "dataset:provision_failed"): "failed",
    ("judged", "dataset:provision_failed"): "failed",
    ("judged", "dataset:restored"): "restored",
    ("judged", "dataset:provisioned"): "ready",
    ("restored", "dataset:provisioned"): "ready",
    ("failed", "dataset:torn_down"): "archived",
    ("validating", "dataset:torn_down"): "archived",
    ("ready", "dataset:torn_down"): "archived",
    ("failed", "dataset:teardown_failed"): "failed",
    ("validating", "dataset:teardown_failed"): "validating",
    ("ready", "dataset:teardown_failed"): "ready",
    # The schedule finds a connector ill, and has its dataset judged again.
    ("ready", "connector:health_changed"): "ready",
    ("validating", "connector:health_changed"): "validating",
    ("making", "connector:health_changed"): "making",
    ("ready", "dataset:quality_evaluated"): "ready",
    ("validating", "dataset:quality_evaluated"): "validating",
    ("validating", "dataset:provisioned"): "ready",
    # A scan whose turn was missed, or whose process died, finds a dataset between its journey's end and its teardown.
    ("failed", "dataset:orphaned"): "failed",
    ("validating", "dataset:orphaned"): "validating",
    ("ready", "dataset:orphaned"): "ready",
}
"""What may be told next, by what was last; `judged` and `restored` are a passing moment, or VALIDATING for good."""
_RESTS_AS: Final = {"judged": "validating", "restored": "validating"}


def check_event_stories(world: SystemState) -> Iterator[Fault]:
    """Every dataset's story is legal, numbers its attempts without a gap, and ends as its row stands."""
    stories: dict[str, list[Row]] = defaultdict(list)
    for row in world.store["events"]:
        stories[row["dataset_id"]].append(row)
    datasets = {each["dataset_id"]: each for each in world.store["datasets"]}
    for dataset_id in stories.keys() - datasets.keys():
        yield "story", dataset_id, "events are told of a dataset that there is not"
    for dataset_id, row in datasets.items():
        yield from _check_story(row, stories[dataset_id])


def _check_story(row: Row, events: list[Row]) -> Iterator[Fault]:
    state, attempts, about = _NOWHERE, 0, row["dataset_id"]
    for each in events:
        kind, data = each["kind"], each["document"]["data"]
        following = _LEGAL.get((state, kind)) or _LEGAL.get((_RESTS_AS.get(state, state), kind))
        if following is None:
            yield "story", about, f"{kind} is told of a dataset that is {state}"
            return
        if kind == "dataset:provision_failed":
            following = data["status"]
        if kind == "dataset:provisioning_started":
            attempts += 1
            if data["attempt"] != attempts:
                yield "story", about, f"attempt {data['attempt']} is told of as number {attempts}"
        state = following
    ends, attempt = _RESTS_AS.get(state, state), row["document"]["attempt"]
    if (ends, attempts) != (row["status"], attempt):
        yield (
            "story",
            about,
            f"told as {ends} after {attempts} attempts, and is {row['status']} after {attempt}",
        )


def check_deliveries(world: SystemState) -> Iterator[Fault]:
    """The webhook heard of every event, in order of each dataset, what the event says; and that is on record."""
    events = {each["seq"]: each for each in world.store["events"]}
    if not world.store["posts"]:
        yield "delivery", "listener", "nobody ever delivered to it"
    states = {each["seq"]: each["state"] for each in world.store["deliveries"]}
    last: dict[str, int] = {}
    heard = set[int]()
    for message in world.webhook_messages:
        seq, about = int(message["sequence"]), message["subject"]
        event = events.get(seq)
        if event is None or (event["dataset_id"], event["kind"]) != (about, message["type"]):
            yield "delivery", about, f"heard {message['type']} as number {seq}, which is another event"
        if seq < last.get(about, 0):
            yield "delivery", about, f"heard number {seq} after number {last[about]}"
        last[about] = max(seq, last.get(about, 0))
        heard.add(seq)
    for seq, event in events.items():
        if seq not in heard:
            yield "delivery", event["dataset_id"], f"never heard of {event['kind']}, number {seq}"
        if states.get(seq) != "delivered":
            yield "delivery", event["dataset_id"], f"number {seq} stands as {states.get(seq)}"


def check_audit_entries(world: SystemState) -> Iterator[Fault]:
    """Every event has its entry in the audit log, and so has what began it."""
    entries = [each["document"] for each in world.store["audit"]]
    happened = [(each["dataset_id"], each["event"]) for each in entries if "event" in each]
    events = [(each["dataset_id"], each["kind"]) for each in world.store["events"]]
    if happened != events:
        extra = [each for each in happened if each not in events] or [
            each for each in events if each not in happened
        ]
        yield "record", str(extra[:1]), "events and their entries differ, or their order does"
    begun = [(each.get("dataset_id"), each.get("outcome")) for each in entries]
    for row in world.store["datasets"]:
        about = row["dataset_id"]
        counts = (begun.count((about, "admitted")), begun.count((about, "retry begun")))
        if counts != (1, row["document"]["attempt"] - 1):
            yield (
                "record",
                about,
                f"admitted {counts[0]} times and retried {counts[1]} times, going by the audit log",
            )
        if row["status"] == "archived" and (about, "teardown claimed") not in begun:
            yield "record", about, "it was taken down, and nobody claimed it"


def check_audit_chain(world: SystemState) -> Iterator[Fault]:
    """The audit chain is whole: each link follows from the one before it and its entry, and every entry has one."""
    [installation] = world.store["installation"]
    link = sha256(f"dataset-lifecycle audit {installation['installation_id']}".encode()).hexdigest()
    entries, chain = world.store["audit"], world.store["audit_chain"]
    if [each["seq"] for each in entries] != [each["seq"] for each in chain]:
        yield "chain", "audit", f"{len(chain)} links are not of the {len(entries)} entries"
        return
    for position, (entry, each) in enumerate(zip(entries, chain, strict=True), start=1):
        link = sha256(link.encode() + entry["sealed"].encode()).hexdigest()
        if (each["position"], each["hash"]) != (position, link):
            yield "chain", "audit", f"it is broken at position {position}"
            return
