"""An export of production records with markers in it, none of which may be found anywhere else afterwards."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import TYPE_CHECKING, Any, Final

import zstandard

from domain.model.enums import DatasetType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY: Final = b"the key of an installation in tests"
NAME: Final = "Zuleika Quistgaard"
EMAIL: Final = "zuleika.quistgaard@canary-corp.example-customer.io"
HANDLE: Final = "zquistgaard"
CARD: Final = "4929 6054 3201 8816"
TOKEN: Final = "ghp_Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3d"
PHONE: Final = "+47 22 86 44 17"
COLUMN: Final = "zuleika_quistgaard_notes"
MARKERS: Final = (
    "zuleika",
    "quistgaard",
    "canary-corp",
    "4929 6054",
    "4929605432018816",
    TOKEN[:20].lower(),
    "22 86 44 17",
)
"""What every output is searched for, in small letters."""


def export_records(dataset_type: DatasetType, count: int) -> list[dict[str, Any]]:
    """Records of one type that all name the same person, in the fields and in the texts of the type."""
    make = _MAKERS[dataset_type]
    return [make(number) for number in range(count)]


def write_export(folder: Path, count: int = 12, form: str = "jsonl", **spoiled: bytes) -> Path:
    """Write an export of all four types; `spoiled` is the content of a file of that type instead."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in DatasetType:
        records = export_records(each, count)
        name, content = f"{each}.{form}", _FORMS[form](records)
        (folder / name).write_bytes(spoiled.get(each.value, content))
    return folder


def find_markers(text: str | bytes) -> list[str]:
    """The markers in a text, however it is written."""
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return [each for each in MARKERS if each in plain.lower()]


def files_with_markers(folder: Path) -> Iterator[str]:
    """The files below a folder that have a marker in them, unpacked where they are compressed."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".zst":
                data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
            if find_markers(data) or find_markers(str(path)):
                yield str(path.relative_to(folder))


def _text(number: int) -> str:
    return (
        f"Case {number}: {NAME} ({EMAIL}, {PHONE}) paid with {CARD}; ask @{HANDLE}, who rotated {TOKEN} "
        f"after incident INC-{number}."
    )


def _page(number: int) -> dict[str, Any]:
    return {
        "page_id": f"P{number}",
        "title": f"Notes of {NAME}, part {number}",
        "body": f"<p>{_text(number)}</p>",
        "space_key": "ENG",
        "author_email": EMAIL,
        "last_modified": f"2026-02-{number % 28 + 1:02}T08:00:00Z",
        COLUMN: f"kept by {NAME}",
    }


def _repo(number: int) -> dict[str, Any]:
    return {
        "name": f"service-{number}",
        "owner": "mock-org",
        "description": f"Kept by {NAME}",
        "language": "Python",
        "stars": number,
        "issues": 0,
        "url": f"https://git.example.com/mock-org/service-{number}",
        "readme": f"# Service {number}\n\n{_text(number)}",
        "updated_at": f"2026-02-{number % 28 + 1:02}T09:00:00Z",
    }


def _message(number: int) -> dict[str, Any]:
    return {
        "message_id": f"M{number}",
        "text": _text(number),
        "channel": "incidents",
        "author": EMAIL,
        "timestamp": f"2026-02-{number % 28 + 1:02}T10:00:00Z",
    }


def _issue(number: int) -> dict[str, Any]:
    return {
        "key": f"PAY-{number + 1}",
        "summary": f"Refund for {NAME}",
        "description": _text(number),
        "status": "Open",
        "priority": "High",
        "issue_type": "Bug",
        "project": "PAY",
        "assignee": NAME,
        "reporter": EMAIL,
        "created": f"2026-02-{number % 28 + 1:02}T07:00:00Z",
        "updated": f"2026-02-{number % 28 + 1:02}T11:00:00Z",
    }


def _csv(records: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue().encode()


def _lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(each)}\n" for each in records).encode()


_MAKERS: Final[dict[DatasetType, Callable[[int], dict[str, Any]]]] = {
    DatasetType.CONFLUENCE_PAGES: _page,
    DatasetType.GITHUB_REPOS: _repo,
    DatasetType.SLACK_MESSAGES: _message,
    DatasetType.JIRA_ISSUES: _issue,
}
_FORMS: Final[dict[str, Callable[[list[dict[str, Any]]], bytes]]] = {
    "jsonl": _lines,
    "json": lambda records: json.dumps(records).encode(),
    "csv": _csv,
    "jsonl.gz": lambda records: gzip.compress(_lines(records)),
}
