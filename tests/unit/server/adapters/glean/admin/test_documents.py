"""Staged lines as documents of the Admin dialect."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import jsonschema_rs
import msgspec
import pytest

from domain.content.documents import Author, Document
from domain.content.documents import encode_document as staged
from domain.content.documents.neutral import Body
from domain.errors import PlatformInvalidError
from domain.model.enums import DatasetType
from server.adapters.glean.admin.dataset_types import ADMIN_TYPES
from server.adapters.glean.admin.documents import AdminDocument, admin_document_schema, encode_admin_document
from tests.support.glean.datasources import staged_line

TEXT = '<p>"Quoted" \\ back, tab\t, newline\n, ünïcödé, \U0001f600, </script>\x7f</p>'


def test_a_page_is_the_document_that_the_dialect_has() -> None:
    assert json.loads(encode_admin_document(staged_line(7, TEXT))) == {
        "objectType": "CONFLUENCE_PAGE",
        "documentId": "page-7",
        "title": "Page 7",
        "body": {"mimeType": "text/html", "textContent": f"<p>{TEXT}</p>"},
        "container": "ENG",
        "author": {"email": "mira@acme.example", "name": "Mira"},
        "url": "https://mock-confluence.example.com/acme/sandbox/pages/7",
        "updatedAt": "2026-01-02T03:04:05Z",
        "createdAt": "2026-01-01T00:00:00Z",
        "properties": {"labels": ["a"]},
        "references": ["page-1"],
    }


@pytest.mark.parametrize("dataset_type", DatasetType)
@pytest.mark.parametrize("updated", [datetime(2026, 1, 2, tzinfo=UTC), None])
def test_every_type_has_its_object_type_and_fits_the_schema(
    dataset_type: DatasetType, updated: datetime | None
) -> None:
    least = staged(
        Document(
            type=dataset_type,
            id="x-1",
            title="t",
            body=Body("text/plain", ""),
            container="c",
            author=Author("a@b.example"),
            url="https://x.example",
            updated=updated,
            readers=("everyone",),
        )
    )

    made = json.loads(encode_admin_document(least))

    jsonschema_rs.validator_for(admin_document_schema()).validate(made)
    assert made.keys() == {
        "objectType",
        "documentId",
        "title",
        "body",
        "container",
        "author",
        "url",
    } | ({"updatedAt"} if updated else set())
    assert made["objectType"] == ADMIN_TYPES[dataset_type].object_type


def test_the_schema_refuses_what_the_dialect_refuses() -> None:
    validator = jsonschema_rs.validator_for(admin_document_schema())
    good = json.loads(encode_admin_document(staged_line(1)))

    wrong = [{**good, "documentId": ""}, {**good, "extra": 1}, {**good, "objectType": "Page"}, {"title": "t"}]
    assert [validator.is_valid(each) for each in [good, *wrong]] == [True, False, False, False, False]


def test_the_long_text_is_carried_byte_for_byte() -> None:
    written = staged_line(1, TEXT)
    begin = written.index(b'"<p><p>')

    assert written[begin : written.index(b'"}', begin) + 1] in encode_admin_document(written)
    assert (
        msgspec.json.decode(encode_admin_document(written), type=AdminDocument).body.text_content
        == f"<p>{TEXT}</p>"
    )


@pytest.mark.parametrize(
    "broken",
    [b"", b"{", b"[]", b'{"type": 1}', staged_line(1)[:-5], staged_line(1).replace(b"confluence_", b"")],
)
def test_a_line_that_is_no_document_is_refused_without_its_text(broken: bytes) -> None:
    with pytest.raises(PlatformInvalidError) as caught:
        encode_admin_document(broken)

    assert caught.value.message == "A staged line is not a document that Glean accepts."
