"""Everything that may not depend on whether a process died: what a run that was never killed is compared with.

Two worlds are equal when all of this is: every row of every table of the store, the files of staging and archives with
their SHA-256, what Glean holds, and what of its ledger somebody could see. What may differ is named here, and is
nothing but instants, ids that are minted, whatever is made of those (`_MADE`), and what counts repetitions (`_COUNTS`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from server.adapters.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from domain.ports import Store, UnitOfWork
    from tests.support.sandbox.control import Sandbox

_INVISIBLE_OPERATIONS: Final = {
    *("auth.set", "datasources.update", "uploads.discard", "sync.stop"),
    *("bulkindexdocuments", "bulkindexusers", "indexuser"),
}
"""Effects in Glean whose repetition changes nothing that somebody could see."""
_TIMED: Final = {"metadata.json", "quality_reports.json.zst", "manifest.json"}
"""Files of an archive that tell instants and minted ids."""
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")
_INSTANTS: Final = {"created_at", "at", "due_at", "lease_expires_at"}
"""Columns that hold instants as numbers."""
_GENERATED_FIELDS: Final = {
    "handle": "Glean's id of a datasource",
    "fingerprint": "Glean's address and tenant",
    "managedBy": "our mark, made of the ids of installation and dataset",
    "audit_id": "of a call",
    "approval_id": "of a request",
    "stored_bytes": "the size of files that tell instants",
    "uptime": "of the machine, at the last scan and the last purge",
}
_COUNTER_FIELDS: Final = {
    "generation": "counts every change of a dataset's row, repeated ones too",
    "owner": "which process delivers to a webhook",
    "fence": "how often that has changed",
    "beats": "how often it has shown that it lives",
    "attempts": "how often an event was sent: at least once",
    "served": "the grace that an orphan has served, by the instants of scans",
    "told": "what a schedule's turn did the last time that it was done: less, when it was done before",
}
_EXCLUDED_FACTS: Final = {
    "folders": "the markers of staging and archives, which are minted",
    "platform": "Glean's address and tenant, told to an installation with a Glean of its own only",
    "platform.home": "Glean's address and tenant, for each sandbox its own",
    "replicas": "which processes live",
}
"""Facts that are left out, and why."""
_COUNTED: Final = {
    "uploads ended": "SELECT count(*) FROM bulk WHERE state = 'complete' AND entity = 'documents'",
    "users": "SELECT count(*) FROM identity",
}
"""What the Indexing dialect shows: nothing is seen of an upload before it has ended."""
_MARKER: Final = ".dataset-lifecycle-"
_FOLDER: Final = re.compile(r"/\S*(?=/(archives|staging)\b)")
_ABSENT: Final = "nothing"
_EXCLUDED_TABLES: Final = {
    "installation": "an id that is minted",
    "progress": "the last word of a saga that has ended, which nobody is shown",
    "audit_chain": "hashes over instants; one link a batch",
    "uses": "moved to dated_uses by a later migration",
    "dated_uses": "counts of calls by instants",
}
"""Tables that are left out, and why."""


@dataclass(frozen=True)
class StateSnapshot:
    """Store, staging, archive and sandbox after a life."""

    rows: Mapping[str, list[dict[str, Any]]]
    staged: Mapping[str, str]
    archived: Mapping[str, str]
    glean: Mapping[str, Any]
    effects: Counter[str]

    @property
    def statuses(self) -> list[str]:
        """How the datasets ended, the first one first."""
        return [each["status"] for each in self.rows["datasets"]]

    @property
    def events(self) -> list[str]:
        """The kinds of all events, in order."""
        return [each["kind"] for each in self.rows["events"]]


async def take_snapshot(store: Store, glean: Sandbox, staging: Path, archives: Path) -> StateSnapshot:
    """The picture of a whole folder; nothing may run any more."""
    rows = await store.read(_load_rows)
    assert not [each for each in rows["datasets"] if each["running"]]
    ids = {
        each["dataset_id"]: f"DATASET-{number}"
        for number, each in enumerate(sorted(rows["datasets"], key=lambda row: int(row["created_at"])), 1)
    }
    ids[await store.read(lambda uow: uow.installation)] = "INSTALLATION"
    plain = _Normalizer(ids)
    return StateSnapshot(
        rows={table: plain.normalize_table(each) for table, each in rows.items()},
        staged=_file_checksums(staging, ids),
        archived=_file_checksums(archives, ids),
        glean=plain.normalize(_without_tokens(glean.snapshot())),
        effects=visible_effects(glean),
    )


def snapshot_differences(one: object, other: object, where: str = "") -> list[str]:
    """Every place at which two values made of mappings and lists differ, with both."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        names = [*one, *(name for name in other if name not in one)]
        return [
            found
            for name in names
            for found in snapshot_differences(
                one.get(name, _ABSENT), other.get(name, _ABSENT), f"{where}.{name}"
            )
        ]
    if isinstance(one, list) and isinstance(other, list):
        pairs = enumerate(zip_longest(one, other, fillvalue=_ABSENT))
        return [
            found for number, pair in pairs for found in snapshot_differences(*pair, f"{where}[{number}]")
        ]
    return [] if one == other else [f"{where}: {one!r} is not {other!r}"]


def visible_effects(glean: Sandbox) -> Counter[str]:
    """Effects that somebody could see: a repeat that changes nothing is none."""
    seen = Counter[str]()
    for entry in glean.ledger():
        if entry.operation == "documents.upload":
            seen["documents stored"] += entry.detail["changed"]
        elif entry.operation == "sync.start":
            seen["sync jobs"] += entry.detail["job"] == "new"
        elif entry.operation not in _INVISIBLE_OPERATIONS:
            seen[entry.operation] += 1
    with glean.world.database.read() as connection:
        for what, question in _COUNTED.items():
            (seen[what],) = connection.execute(question).fetchone()
    return +seen


class _ColumnRecorder:
    """Notes the tables that the migrations make; implements `schema.Tables`."""

    def __init__(self) -> None:
        self.columns: dict[str, tuple[str, ...]] = {}

    def create_table(
        self, name: str, columns: Mapping[str, type[str | int]], pk: object, *, nullable: Collection[str] = ()
    ) -> None:
        self.columns[name] = tuple(columns)

    def create_log(
        self, name: str, columns: Mapping[str, type[str | int]], *, document_fields: Collection[str] = ()
    ) -> None:
        self.columns[name] = ("seq", *columns)

    def make_append_only(self, name: str) -> None:
        pass

    def add_number(self, name: str, column: str) -> None:
        pass

    def run_statements(self, statements: str) -> None:
        pass


def _load_rows(uow: UnitOfWork) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table that is compared."""
    named = _ColumnRecorder()
    for migration in MIGRATIONS:
        migration(named)
    connection = uow.settings._db  # type: ignore[attr-defined] # noqa: SLF001 - a port has no use for whole tables
    return {
        table: [
            row
            for values in connection.execute(f"select {', '.join(columns)} from {table}", {}).fetchall()  # noqa: S608
            if _is_compared(table, row := dict(zip(columns, values, strict=True)))
        ]
        for table, columns in named.columns.items()
        if table not in _EXCLUDED_TABLES
    }


def _is_compared(table: str, row: Mapping[str, Any]) -> bool:
    return table != "facts" or row["name"] not in _EXCLUDED_FACTS


class _Normalizer:
    """Takes out of values what may differ."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def normalize_table(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        plain = [{name: self._normalize_column(name, value) for name, value in row.items()} for row in rows]
        return sorted(plain, key=lambda row: (row.get("seq", 0), json.dumps(row, sort_keys=True)))

    def normalize(self, value: object) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return {
                self._normalize_text(name): self._normalize_field(name, each) for name, each in value.items()
            }
        if isinstance(value, list):
            return [self.normalize(each) for each in value]
        return self._normalize_text(value) if isinstance(value, str) else value

    def _normalize_column(self, name: str, value: Any) -> object:  # noqa: ANN401 - the same
        if name == "document":
            return self.normalize(json.loads(value))
        if name in _INSTANTS:
            return value and "INSTANT"
        return self._normalize_field(name, value)

    def _normalize_field(self, name: str, value: object) -> object:
        if name in _GENERATED_FIELDS or name in _COUNTER_FIELDS:
            return value is not None
        return self.normalize(value)

    def _normalize_text(self, text: str) -> str:
        for name, plain in self._names.items():
            text = text.replace(name, plain)
        return _FOLDER.sub("FOLDER", _INSTANT.sub("INSTANT", text))


def _without_tokens(snapshot: dict[str, Any]) -> dict[str, Any]:
    """What Glean holds, without the tokens that are made of a dataset's id."""
    for source in snapshot.values():
        source["auth"] = source["auth"] and source["auth"][0]
    return snapshot


def _file_checksums(root: Path, ids: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in sorted(root.rglob("*")):
        if each.is_file() and not each.name.startswith(_MARKER):
            name = str(each.relative_to(root))
            for dataset_id, plain in ids.items():
                name = name.replace(dataset_id, plain)
            found[name] = "" if each.name in _TIMED else sha256(each.read_bytes()).hexdigest()
    return found
