"""An archive to be written, and looked at, for every test that needs one."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from domain.ports.archives import ArchiveOrder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

ID = "acme-sandbox-confluence-7f3k2m"
PLACE = f"ACME/sandbox/confluence_pages/{ID}"
LINES = [b'{"id":"%d","title":"Page %d"}' % (number, number) for number in range(250)]

FILES = [
    "documents.jsonl.zst",
    "manifest.json",
    "metadata.json",
    "quality_reports.json.zst",
    "sample_data.json.zst",
]


def lines_checksum(lines: Sequence[bytes]) -> str:
    """What staging would say of those lines."""
    return sha256(b"".join(line + b"\n" for line in lines)).hexdigest()


def archive_order(
    lines: Sequence[bytes] | None = LINES,
    *,
    place: str = PLACE,
    compressed: bool = True,
    metadata: dict[str, Any] | None = None,
) -> ArchiveOrder:
    """An archive of those lines, in pages of 100; None: of the sample only."""

    async def pages() -> AsyncIterator[Sequence[bytes]]:
        for start in range(0, len(lines or ()), 100):
            yield (lines or ())[start : start + 100]

    kept = LINES if lines is None else lines
    return ArchiveOrder(
        place=place,
        metadata={
            "dataset_id": place.rpartition("/")[2],
            "name": "ACME-Sandbox-Confluence",
            "archived_at": "2026-03-01T12:00:00Z",
            "restorable_until": "2026-05-30T12:00:00Z",
            "record_count": len(kept),
            "checksum": lines_checksum(kept),
            **(metadata or {}),
        },
        sample=kept[:100],
        reports=[{"score": 99.5}],
        documents=None if lines is None else pages,
        compressed=compressed,
    )


def file_contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, by name; none when it is not there."""
    return {each.name: each.read_bytes() for each in folder.iterdir()} if folder.is_dir() else {}


def file_names(folder: Path) -> list[str]:
    """What is in a folder, in order."""
    return sorted(each.name for each in folder.iterdir())
