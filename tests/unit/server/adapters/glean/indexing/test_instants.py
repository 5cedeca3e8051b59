"""Instants in the Indexing dialect: whole seconds, and nothing where a record names none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from domain.content.documents import Author, Document, encode_document
from domain.content.documents.neutral import Body
from server.adapters.glean.indexing.documents import DocumentEncoder

AT = datetime(2026, 1, 2, 3, 4, 5, 900_000, tzinfo=UTC)


def encode(updated: datetime | None, created: datetime | None) -> dict[str, Any]:
    line = encode_document(
        Document(
            type="jira_issues",
            id="PAY-1",
            title="t",
            body=Body("text/plain", ""),
            container="PAY",
            author=Author("a@b.example"),
            url="https://x.example/browse/PAY-1",
            readers=("everyone",),
            updated=updated,
            created=created,
        )
    )
    made: dict[str, Any] = msgspec.json.decode(DocumentEncoder("acme").encode(line))
    return {name: value for name, value in made.items() if name in {"updatedAt", "createdAt"}}


@pytest.mark.parametrize(
    ("updated", "created", "expected"),
    [
        (AT, None, {"updatedAt": 1767323045}),
        (None, AT, {"createdAt": 1767323045}),
        (None, None, {}),
    ],
)
def test_an_instant_is_whole_seconds_or_absent(
    updated: datetime | None, created: datetime | None, expected: dict[str, int]
) -> None:
    assert encode(updated, created) == expected
