"""Limits of Glean, whatever its dialect: a document that it would refuse is found before anything is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from domain.content.documents import MAX_ID_LENGTH, decode_document, encode_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.content.documents import NeutralDocument, RecordKind

MAX_DOCUMENT_BYTES: Final = 5_000_000
"""The most bytes in a document. Glean takes 5 MiB in one request; the rest is for what a dialect adds."""


class Excess(NamedTuple):
    """Excess over a limit: where it is in a list, the field of the record with its value, and what is too much."""

    at: int
    field: str
    value: str
    problem: str


def find_long_id(ids: Sequence[str], kind: RecordKind) -> Excess | None:
    """The first id that is too long; None when there is none."""
    if max(map(len, ids), default=0) <= MAX_ID_LENGTH:
        return None
    index = next(at for at, each in enumerate(ids) if len(each) > MAX_ID_LENGTH)
    problem = f"makes an id of {len(ids[index])} characters; Glean takes at most {MAX_ID_LENGTH}"
    return Excess(index, kind.identifiers[0], ids[index], problem)


def find_large_document(lines: bytes, kind: RecordKind, site: str) -> Excess | None:
    """The first line that is too large a document; None when there is none, as is plain where all are small together.

    A dialect may send the author twice, as the owner too. The address of the client's site is not counted, so that a
    record has the same size for every client.
    """
    if 2 * len(lines) <= MAX_DOCUMENT_BYTES:
        return None
    for index, line in enumerate(lines.split(b"\n")):
        if 2 * len(line) > MAX_DOCUMENT_BYTES:
            document = decode_document(line)
            size = len(line) + len(encode_document(document.author))
            size -= len(site) if document.url.startswith(site) else 0
            if size > MAX_DOCUMENT_BYTES:
                field, value = _largest_part(document, kind)
                problem = f"makes a document of {size:,} bytes; Glean takes at most {MAX_DOCUMENT_BYTES:,}"
                return Excess(index, field, value, problem)
    return None


def _largest_part(document: NeutralDocument, kind: RecordKind) -> tuple[str, str]:
    """The field of the record that most of its document comes from, and its text."""
    fields = kind.document_fields
    parts: dict[str, Any] = {
        **document.properties,
        fields.title: document.title,
        fields.container: document.container,
        fields.author: f"{document.author.name} {document.author.email}",
        fields.references: " ".join(document.references),
        "url": document.url,
        fields.body: msgspec.json.decode(document.body.text),
    }
    texts = {name: each if isinstance(each, str) else str(each) for name, each in parts.items()}
    field = max(texts, key=lambda name: len(texts[name]))
    return field, texts[field]
