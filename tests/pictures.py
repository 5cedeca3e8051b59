"""Everything that may not depend on whether a process died: what a run that was never killed is compared with.

Instants and minted ids may differ, and pages that were pushed twice must have changed nothing the second time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from domain.model import Connector, Dataset, DatasetStatus
    from domain.records import Records, Store
    from server.sandbox.sandbox import Sandbox

_UNSEEN: Final = {"auth.set", "datasources.update", "uploads.discard", "sync.stop"}
"""Repeating them changes nothing that somebody could see."""
_TIMED: Final = {"metadata.json", "quality_reports.json.zst", "manifest.json"}
"""Files of an archive that tell instants and minted ids."""


@dataclass(frozen=True)
class Picture:
    """Store, staging, archive and sandbox after a life. Staged and archived files come with their SHA-256."""

    status: DatasetStatus
    attempt: int
    facts: tuple[object, ...]
    connector: tuple[object, ...] | None
    staged: Mapping[str, str]
    archived: Mapping[str, str]
    glean: Mapping[str, Any]
    events: list[str]
    effects: Counter[str]


async def picture(store: Store, glean: Sandbox, staging: Path, archives: Path, dataset_id: str) -> Picture:
    """The picture of that dataset's life, the only one in its folder; nothing may run any more, nor be left to undo."""

    def look(records: Records) -> tuple[Dataset | None, Connector | None, list[str]]:
        assert records.undos() == []
        found = records.dataset(dataset_id)
        connector = records.connector(found.connector_id) if found and found.connector_id else None
        return found, connector, [str(event.kind) for _, event in records.events(limit=1000)]

    dataset, connector, events = await store.read(look)
    assert dataset is not None
    assert dataset.run is None
    return Picture(
        status=dataset.status,
        attempt=dataset.attempt,
        facts=_facts(dataset),
        connector=_connector(connector) if connector else None,
        staged=_files(staging, dataset_id),
        archived=_files(archives, dataset_id),
        glean=_plain(glean.snapshot(), dataset_id),
        events=events,
        effects=effects(glean),
    )


def effects(glean: Sandbox) -> Counter[str]:
    """Effects that somebody could see: a repeat that changes nothing is none."""
    seen = Counter[str]()
    for entry in glean.ledger():
        if entry.operation == "documents.upload":
            seen["documents stored"] += entry.detail["changed"]
        elif entry.operation == "sync.start":
            seen["sync jobs"] += entry.detail["job"] == "new"
        elif entry.operation not in _UNSEEN:
            seen[entry.operation] += 1
    return seen


def _facts(dataset: Dataset) -> tuple[object, ...]:
    content, failure, teardown = dataset.content, dataset.failure, dataset.teardown
    return (
        content and (content.attempt, content.record_count, content.checksum, content.containers),
        dataset.quality and (dataset.quality.score, dataset.quality.checks, dataset.quality.gates),
        failure and (failure.step, failure.code, failure.to_undo),
        teardown and (teardown.connector_outcome, teardown.staging_deleted, teardown.failure),
        dataset.connector_id is None,
    )


def _connector(connector: Connector) -> tuple[object, ...]:
    return (
        connector.status,
        connector.made_by_attempt,
        connector.handle is None,
        connector.last_successful_sync is None,
        {name: value for name, value in connector.config.items() if name != "managedBy"},
    )


def _plain(snapshot: dict[str, Any], dataset_id: str) -> dict[str, Any]:
    """What Glean holds, without what names this very run: installation, dataset, and the token made of it."""
    for source in snapshot.values():
        source["config"].pop("managedBy")
        source["auth"] = source["auth"] and source["auth"][0]
    assert dataset_id not in str(snapshot)
    return snapshot


def _files(root: Path, dataset_id: str) -> dict[str, str]:
    return {
        str(each.relative_to(root)).replace(dataset_id, "ID"): (
            "" if each.name in _TIMED else sha256(each.read_bytes()).hexdigest()
        )
        for each in sorted(root.rglob("*"))
        if each.is_file()
    }
