"""Archives: writing, verifying and recording them, snapshots, and the content for a restore."""

from __future__ import annotations

from domain.lifecycle.archives.archive import (
    SAMPLE_FILE,
    Archive,
    archive_place,
    build_archive_order,
    build_archive_record,
    manifest_restorable_until,
    mark_archive_given_back,
    parse_archive,
    parse_sample_lines,
    probe_query,
    require_matching_manifest,
)
from domain.lifecycle.archives.restore_content import (
    protection_end,
    require_restorable,
    stage_archived_documents,
)
from domain.lifecycle.archives.snapshot import SNAPSHOT_SAGA, SnapshotService
from domain.lifecycle.archives.writer import (
    PageReader,
    _load_intact_manifest,
    _verify_archive,
    content_lost_error,
    find_readable_pages,
    is_staging_intact,
    read_sample,
    write_archive,
)

__all__ = [
    "SAMPLE_FILE",
    "SNAPSHOT_SAGA",
    "Archive",
    "PageReader",
    "SnapshotService",
    "_load_intact_manifest",
    "_verify_archive",
    "archive_place",
    "build_archive_order",
    "build_archive_record",
    "content_lost_error",
    "find_readable_pages",
    "is_staging_intact",
    "manifest_restorable_until",
    "mark_archive_given_back",
    "parse_archive",
    "parse_sample_lines",
    "probe_query",
    "protection_end",
    "read_sample",
    "require_matching_manifest",
    "require_restorable",
    "stage_archived_documents",
    "write_archive",
]
