"""Archive: its content, place and retention, the record of it in the store, and the match with a dataset.

The files are those of the wire contract. An adapter writes them from an `ArchiveOrder`, and returns the manifest.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.content import readiness_report
from domain.errors import ArchiveFailedError, format_timestamp, require_present
from domain.model import convert_plain, decode_json
from domain.ports import ArchiveOrder, Json, Setting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from domain.model import Connector, Dataset, QualityReport
    from domain.ports import UnitOfWork

SAMPLE_FILE: Final = "sample_data.json"
"""The file of an archive that holds the first documents."""

SAMPLE_SIZE: Final = 100
"""How many documents the sample holds at most."""

_PROBE_WORDS: Final = 12


class Archive(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Record of one archive in the store. `place` is its location for the port, `path` its location for a person.

    `restorable_until` is the end of its retention, also of one that holds too little for a restore.
    `size_bytes` is the size of the documents as staged, `stored_bytes` that of the archive's files. `reason` is why
    it was written: `snapshot`, or the reason of a teardown. `given_back_at` is when that teardown was reversed, so
    that the archive belongs to a live dataset. `found_past` is the day on which a daily run first found it past its
    retention. `purging_since` is set before its deletion begins, `purged_at` when nothing is left.
    """

    dataset_id: str
    name: str
    client_id: str
    journey_id: str
    stage: str
    dataset_type: str
    place: str
    path: str
    archived_at: datetime
    restorable_until: datetime
    record_count: int
    size_bytes: int
    stored_bytes: int
    full_data: bool
    incomplete: bool = False
    reason: str | None = None
    given_back_at: datetime | None = None
    found_past: str | None = None
    purging_since: datetime | None = None
    purged_at: datetime | None = None

    @property
    def restore_deadline(self) -> datetime | None:
        """Until when it can be restored at least; None when it holds too little for a restore."""
        return self.restorable_until if self.full_data and not self.incomplete else None

    def as_dict(self) -> Json:
        """The record as JSON, as the store holds it."""
        plain: Json = msgspec.to_builtins(self)
        return plain


def parse_archive(facts: Json) -> Archive:
    """Parse the record of an archive. Raises ArchiveFailedError when it cannot be read."""
    try:
        return convert_plain(facts, Archive)
    except msgspec.ValidationError as error:
        about = facts.get("dataset_id", "a dataset")
        raise ArchiveFailedError(f"The record of the archive of {about} cannot be read: {error}.") from error


def archive_place(dataset: Dataset) -> str:
    """The place of a dataset's archive, made of path-safe names."""
    return f"{dataset.client_id}/{dataset.stage}/{dataset.dataset_type}/{dataset.dataset_id}"


def restorable_until(now: datetime, retention_days: int) -> datetime:
    """Until when an archive that is written now is kept at least."""
    return now + timedelta(days=retention_days)


def manifest_restorable_until(manifest: Json) -> datetime:
    """Until when the archive of that manifest is kept at least."""
    return datetime.fromisoformat(manifest["restorable_until"])


def build_archive_order(
    dataset: Dataset,
    connector: Connector | None,
    *,
    sample: Sequence[bytes],
    documents: Callable[[], AsyncIterator[Sequence[bytes]]] | None,
    now: datetime,
    retention_days: int,
    compressed: bool = True,
    reason: str | None = None,
) -> ArchiveOrder:
    """Build the order for one archive. `documents` is None when only the sample is kept, or there are no documents.

    `reason` is why it is written, None for the reason of the dataset's teardown.
    """
    return ArchiveOrder(
        place=archive_place(dataset),
        metadata=build_archive_metadata(dataset, connector, now, retention_days, reason),
        sample=sample[:SAMPLE_SIZE],
        reports=archive_quality_reports(dataset),
        documents=documents,
        compressed=compressed,
    )


def build_archive_metadata(
    dataset: Dataset,
    connector: Connector | None,
    now: datetime,
    retention_days: int,
    reason: str | None = None,
) -> Json:
    """Build `metadata.json`: the fields of the wire contract, and further fields for a restore and for people.

    Datasets and connectors hold no secret; the connector's configuration is left out all the same.
    """
    teardown, report = dataset.teardown, _latest_report(dataset)
    wire: Json = {
        "dataset_id": dataset.dataset_id,
        "name": dataset.name,
        "dataset_type": dataset.dataset_type.value,
        "stage": dataset.stage.value,
        "client_id": dataset.client_id,
        "journey_id": dataset.journey_id,
        "created_at": format_timestamp(dataset.created_at),
        "archived_at": format_timestamp(now),
        "record_count": dataset.content.record_count if dataset.content else 0,
        "size_bytes": dataset.content.size_bytes if dataset.content else 0,
        "quality_score": report.score if report else None,
    }
    beside = {
        "restorable_until": format_timestamp(restorable_until(now, retention_days)),
        "data_source": dataset.data_source.value,
        "template": {"template_id": dataset.template.template_id, "match": dataset.template.match.value},
        "checksum": dataset.content.checksum if dataset.content else None,
        "sanitization": msgspec.to_builtins(dataset.content.sanitization) if dataset.content else None,
        "reason": reason or (teardown.reason.value if teardown else None),
        "incomplete": True if teardown and teardown.archive_incomplete else None,
        "restored_from": dataset.restored_from,
        "connector": _connector_document(connector) if connector else None,
    }
    return wire | _without_none(beside)


def archive_quality_reports(dataset: Dataset) -> list[Json]:
    """Build `quality_reports.json`: the report of the population, then the latest report if it differs."""
    found = [dataset.content.report] if dataset.content else []
    if dataset.quality and dataset.quality not in found:
        found.append(dataset.quality)
    return [_quality_report_document(each) for each in found]


def _quality_report_document(report: QualityReport) -> Json:
    found: Json = {**msgspec.to_builtins(report), "evaluated_at": format_timestamp(report.evaluated_at)}
    return (
        {**found, "readiness": readiness_report(report.readiness)}
        if report.readiness
        else _without_none(found)
    )


def require_matching_manifest(dataset: Dataset, manifest: Json) -> Json:
    """Require that a manifest describes this dataset's content, and return it. Raises ArchiveFailedError.

    An incomplete archive is accepted only when the teardown has the waiver for it.
    """
    allowed = dataset.teardown is not None and dataset.teardown.archive_incomplete
    content = dataset.content
    wanted: Json = {"dataset_id": dataset.dataset_id}
    if not (manifest.get("incomplete", False) and allowed):
        wanted |= {
            "incomplete": False,
            "record_count": content.record_count if content else 0,
            "checksum": content.checksum if content else None,
        }
    actual = {"incomplete": False, "checksum": None} | manifest
    differing = [name for name, value in wanted.items() if actual[name] != value]
    if differing:
        message = f"The archive does not match {dataset.dataset_id}: it differs in {', '.join(differing)}."
        raise ArchiveFailedError(message, dataset_id=dataset.dataset_id)
    return manifest


def finish_snapshot(error: Json | None, uow: UnitOfWork, dataset: Dataset) -> None:
    """End a snapshot: release the dataset, and store the error for the callers that wait."""
    uow.settings.put(_snapshot_failure(dataset.dataset_id), error)
    uow.datasets.put(dataset.evolve(run=None))


def load_snapshot_failure(uow: UnitOfWork, dataset_id: str) -> Json | None:
    """The error of the dataset's last snapshot; None when it succeeded."""
    return uow.settings.get(_snapshot_failure(dataset_id))


def _snapshot_failure(dataset_id: str) -> Setting[Json]:
    return Setting(f"snapshot:{dataset_id}", dict[str, Any])


def mark_archive_given_back(uow: UnitOfWork, dataset_id: str, now: datetime) -> None:
    """Record that the teardown of an archive gave its dataset back."""
    facts = require_present(
        uow.archives.get(dataset_id), "the step that wrote an archive has kept its record"
    )
    archive = msgspec.structs.replace(parse_archive(facts), given_back_at=now)
    uow.archives.put(dataset_id, archive.as_dict())


def build_archive_record(
    dataset: Dataset, place: str, path: str, manifest: Json, reason: str | None = None
) -> Archive:
    """Build the record of an archive that was written and verified, with the reason why."""
    return Archive(
        dataset_id=dataset.dataset_id,
        name=dataset.name,
        client_id=dataset.client_id,
        journey_id=dataset.journey_id,
        stage=dataset.stage.value,
        dataset_type=dataset.dataset_type.value,
        place=place,
        path=path,
        archived_at=datetime.fromisoformat(manifest["archived_at"]),
        restorable_until=manifest_restorable_until(manifest),
        record_count=manifest["record_count"],
        size_bytes=dataset.content.size_bytes if dataset.content else 0,
        stored_bytes=sum(each["size"] for each in manifest["files"].values()),
        full_data=manifest["full_data"],
        incomplete=manifest.get("incomplete", False),
        reason=reason,
    )


def parse_sample_lines(sample: bytes) -> list[bytes]:
    """The documents of a sample, each as a line."""
    return [bytes(each) for each in decode_json(sample, list[msgspec.Raw])]


def probe_query(line: bytes) -> str:
    """The search query that finds a staged document: the beginning of its title, or else its id."""
    document = decode_json(line, _TitledDocument)
    return " ".join(document.title.split()[:_PROBE_WORDS]) or document.id


class _TitledDocument(msgspec.Struct, frozen=True):
    id: str
    title: str = ""


def _latest_report(dataset: Dataset) -> QualityReport | None:
    return dataset.quality or (dataset.content.report if dataset.content else None)


def _connector_document(connector: Connector) -> Json:
    origin = connector.fingerprint
    return _without_none(
        {
            "connector_id": connector.connector_id,
            "name": connector.name,
            "kind": connector.kind,
            "status": connector.status.value,
            "handle": connector.handle,
            "created_at": format_timestamp(connector.created_at),
            "platform": _without_none(
                {"dialect": origin.dialect, "url": origin.url, "tenant": origin.tenant}
            ),
        }
    )


def _without_none(values: dict[str, Any]) -> Json:
    return {name: value for name, value in values.items() if value is not None}
