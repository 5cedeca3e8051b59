"""The judge itself: what it lets pass, and that it misses nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.glean.official_models import Exchange, validate_exchange

DOCUMENT = {"datasource": "acmewiki", "objectType": "Page", "id": "1"}
JSON = "application/json; charset=UTF-8"


def exchange(
    operation: str, body: object, status: int = 200, kind: str = "", answer: bytes = b""
) -> Exchange:
    return Exchange(f"/api/index/v1/{operation}", json.dumps(body).encode(), status, kind, answer)


def test_an_exchange_in_the_words_of_the_models_passes() -> None:
    validate_exchange(exchange("indexdocument", {"document": DOCUMENT}))
    validate_exchange(exchange("debug/acmewiki/status", {}, kind=JSON, answer=b'{"documents": {}}'))
    validate_exchange(exchange("indexdocument", {"document": DOCUMENT}, 0))
    validate_exchange(
        exchange("indexdocument", [], 400, "text/plain; charset=utf-8", b"document: is required")
    )


@pytest.mark.parametrize(
    "other",
    [
        {"body": {"document": DOCUMENT | {"documentId": "1"}}},
        {"body": {"document": DOCUMENT, "documents": []}},
        {"status": 202},
        {"answer": b"{}"},
        {"kind": JSON},
        {"status": 400, "kind": JSON, "answer": b'{"error": "no"}'},
        {"status": 400, "kind": "text/plain; charset=utf-8"},
        {"status": 400, "kind": "text/plain; charset=utf-8", "answer": b'{"error": "no"}'},
    ],
    ids=[
        "a field of another dialect",
        "a field too many",
        "accepted",
        "an answer",
        "a type of no answer",
        "JSON",
        "no words",
        "JSON as text",
    ],
)
def test_what_the_models_would_drop_and_what_the_client_would_not_take_is_found(
    other: dict[str, Any],
) -> None:
    with pytest.raises(AssertionError):
        validate_exchange(exchange("indexdocument", **{"body": {"document": DOCUMENT}, **other}))


@pytest.mark.parametrize("field", ["updatedAt", "createdAt"])
def test_a_date_that_is_not_in_epoch_seconds_is_found(field: str) -> None:
    with pytest.raises(ValidationError):
        validate_exchange(exchange("indexdocument", {"document": DOCUMENT | {field: "2026-01-02T03:04:05Z"}}))


@pytest.mark.parametrize("kind", ["KNOWLEDGE_HUB", "KNOWLEDGE"])
def test_a_word_that_no_enumeration_has_is_found(kind: str) -> None:
    made = exchange(
        "adddatasource", {"name": "wiki", "objectDefinitions": [{"name": "Page", "docCategory": kind}]}
    )
    if kind == "KNOWLEDGE_HUB":
        validate_exchange(made)
    else:
        with pytest.raises(AssertionError, match=r"ObjectDefinition\.doc_category: KNOWLEDGE"):
            validate_exchange(made)


def test_an_operation_without_a_model_is_found() -> None:
    with pytest.raises(LookupError, match="indexgroup"):
        validate_exchange(exchange("indexgroup", {}))
