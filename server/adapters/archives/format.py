"""Archive format: the names of the files, and the manifest that makes them one archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.content import DECODE_ERRORS
from domain.errors import ArchiveFailedError
from domain.model import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION: Final = 1
MANIFEST: Final = "manifest.json"
METADATA: Final = "metadata.json"
SAMPLE: Final = "sample_data.json"
REPORTS: Final = "quality_reports.json"
DOCUMENTS: Final = "documents.jsonl"
COMPRESSED: Final = ".zst"
NAMES: Final = frozenset(
    {MANIFEST, METADATA} | {name + end for name in (SAMPLE, REPORTS, DOCUMENTS) for end in ("", COMPRESSED)}
)
"""Every file name that an archive may contain."""


class StoredFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stored file: its size on disk in bytes, and its SHA-256."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The manifest: the facts of the whole archive, and its files.

    With `full_data`, `record_count` and `checksum` are those of the uncompressed lines of documents in this archive;
    otherwise those of the dataset. `incomplete` means that documents were lost before the archive was written.
    """

    format_version: int
    dataset_id: str
    archived_at: str
    restorable_until: str
    record_count: int
    checksum: str | None = None
    full_data: bool
    incomplete: bool = False
    files: dict[str, StoredFile]

    def as_dict(self) -> dict[str, Any]:
        """The manifest as plain JSON values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata, as far as the manifest repeats it."""

    dataset_id: str
    archived_at: str
    restorable_until: str
    record_count: int
    checksum: str | None = None
    incomplete: bool = False


def encode_json(value: object) -> bytes:
    """Encode a value as indented JSON. Equal values have equal encodings."""
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2) + b"\n"


def parse_manifest(data: bytes) -> Manifest:
    """The manifest that `encode_json` wrote. Raises ArchiveFailedError for anything else."""
    try:
        manifest = decode_json(data, Manifest)
    except DECODE_ERRORS as error:
        raise ArchiveFailedError(f"{MANIFEST} is damaged: it is not a manifest.", file=MANIFEST) from error
    if manifest.format_version != VERSION:
        message = f"{MANIFEST} has format {manifest.format_version}, but this version reads format {VERSION}."
        raise ArchiveFailedError(message, file=MANIFEST)
    # Nothing else holds a hash of the manifest itself: a changed byte shows only against its one encoding.
    if encode_json(manifest) != data:
        raise ArchiveFailedError(
            f"{MANIFEST} is damaged: it was changed after it was written.", file=MANIFEST
        )
    return manifest


def parse_metadata(data: bytes) -> Metadata:
    """The metadata of an archive. Raises ArchiveFailedError when it cannot be read."""
    try:
        return decode_json(data, Metadata)
    except DECODE_ERRORS as error:
        raise ArchiveFailedError(f"{METADATA} is damaged: it cannot be read.", file=METADATA) from error


def parse_dataset_id(data: bytes) -> str | None:
    """The dataset that a manifest or metadata names; None when it cannot be read."""
    try:
        return decode_json(data, _Owner).dataset_id
    except DECODE_ERRORS:
        return None


class _Owner(msgspec.Struct, frozen=True):
    dataset_id: str


def check_manifest_agreement(manifest: Manifest, metadata: Metadata) -> None:
    """Check that manifest and metadata agree. Raises ArchiveFailedError with the fields that differ."""
    # An incomplete archive counts its own lines in the manifest, the dataset's in the metadata.
    fields = ["dataset_id", "archived_at", "restorable_until", "incomplete"]
    if not manifest.incomplete:
        fields += ["record_count", "checksum"]
    differing = [name for name in fields if getattr(manifest, name) != getattr(metadata, name)]
    if differing:
        message = f"{MANIFEST} and {METADATA} differ in {', '.join(differing)}."
        raise ArchiveFailedError(message, file=MANIFEST)


def check_file_names(manifest: Manifest, present: Iterable[str]) -> None:
    """Check that the archive has every required file and no other. Raises ArchiveFailedError with the first."""
    contents = (SAMPLE, REPORTS, DOCUMENTS) if manifest.full_data else (SAMPLE, REPORTS)
    plain = {METADATA, *contents}
    listed, found = set(manifest.files), set(present) - {MANIFEST}
    if listed not in (plain, {METADATA, *(name + COMPRESSED for name in contents)}):
        raise ArchiveFailedError(f"{MANIFEST} does not list the files of an archive.", file=MANIFEST)
    for name in sorted(listed ^ found):
        problem = "is not in the manifest" if name in found else "is missing"
        raise ArchiveFailedError(f"{name} {problem}.", file=name)
