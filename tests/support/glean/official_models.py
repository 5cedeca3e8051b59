"""What Glean's own client says of an exchange: whether its models hold the request and the answer, whole.

It is generated from Glean's OpenAPI files (`glean-api-client`, https://github.com/gleanwork/api-client-python). Its
models pass over what they do not know, so whatever they read is written again and compared with what was there.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from glean.api_client import models
from pydantic import BaseModel

from server.sandbox.indexing_api.operations import INDEXING_OPERATIONS
from server.sandbox.search_api.operations import CLIENT_OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.sandbox.http.operation import Operation


class OperationModels(NamedTuple):
    """What the two bodies of an operation are; None is nothing at all."""

    request: type[Any] | None
    answer: type[Any] | None = None


MODELS: Final = {
    "adddatasource": OperationModels(models.CustomDatasourceConfig),
    "getdatasourceconfig": OperationModels(models.GetDatasourceConfigRequest, models.CustomDatasourceConfig),
    "betausers": OperationModels(models.GreenlistUsersRequest),
    "bulkindexdocuments": OperationModels(models.BulkIndexDocumentsRequest),
    "bulkindexusers": OperationModels(models.BulkIndexUsersRequest),
    "indexuser": OperationModels(models.IndexUserRequest),
    "deleteuser": OperationModels(models.DeleteUserRequest),
    "indexdocument": OperationModels(models.IndexDocumentRequest),
    "indexdocuments": OperationModels(models.IndexDocumentsRequest),
    "deletedocument": OperationModels(models.DeleteDocumentRequest),
    "processalldocuments": OperationModels(models.ProcessAllDocumentsRequest),
    "debug.status": OperationModels(None, models.DebugDatasourceStatusResponse),
    "debug.documents": OperationModels(models.DebugDocumentsRequest, models.DebugDocumentsResponse),
    "debug.document": OperationModels(models.DebugDocumentRequest, models.DebugDocumentResponse),
    "checkdocumentaccess": OperationModels(
        models.CheckDocumentAccessRequest, models.CheckDocumentAccessResponse
    ),
    "rotatetoken": OperationModels(None, models.RotateTokenResponse),
    "search": OperationModels(models.SearchRequest, models.SearchResponse),
}
"""Of every operation that the sandbox answers in the words of Glean's public APIs."""
WRITTEN_UNASKED: Final[dict[type[Any], dict[str, Any]]] = {models.SearchResponse: {"errorInfo": None}}
"""What a model writes of a field that it has not read: a slip of its generator, which knows it by two names."""


class Exchange(NamedTuple):
    """A request, and what was answered to it."""

    path: str
    request: bytes
    status: int
    content_type: str
    answer: bytes

    @property
    def operation(self) -> str:
        """The operation's name. Raises LookupError for one that has no judge."""
        for name, pattern in _operation_paths():
            if pattern.fullmatch(self.path):
                return name
        raise LookupError(f"nobody judges what is sent to {self.path}")


def public_operations() -> list[Operation]:
    """Everything that the sandbox does in Glean's public APIs."""
    return [*INDEXING_OPERATIONS, *CLIENT_OPERATIONS]


def validate_exchange(exchange: Exchange) -> None:
    """Fail on a body that the official models do not hold, and on a refusal that is no plain text."""
    model = MODELS[exchange.operation]
    if exchange.status >= 400:
        assert exchange.content_type == "text/plain; charset=utf-8", exchange
        assert exchange.answer.decode().strip(), exchange
        assert not exchange.answer.startswith((b"{", b"[")), exchange
        return
    if model.request is None:
        assert exchange.request in {b"", b"{}"}, exchange
    else:
        _model_round_trips(model.request, exchange.request or b"{}")
    if not exchange.status:  # the answer was lost
        return
    assert exchange.status == 200, exchange
    if model.answer is None:
        assert (exchange.content_type, exchange.answer) == ("", b""), exchange
    else:
        assert exchange.content_type == "application/json; charset=UTF-8", exchange
        _model_round_trips(model.answer, exchange.answer)


def _model_round_trips(model: type[Any], raw: bytes) -> None:
    """The model reads it whole: nothing dropped, nothing changed, nothing filled in, and no word that it has not."""
    body = json.loads(raw)
    read = model.model_validate(body)
    unknown = list(_unknown_enum_values(read))
    assert not unknown, f"no such word: {', '.join(unknown)}"
    written = read.model_dump(by_alias=True, mode="json", exclude_unset=True)
    assert written == {**WRITTEN_UNASKED.get(model, {}), **body}, (
        f"{model.__name__} makes {written} of {body}"
    )


def _unknown_enum_values(read: object) -> Iterator[str]:
    """The words that are in no enumeration where one is expected: the models take any."""
    if isinstance(read, list):
        for each in read:
            yield from _unknown_enum_values(each)
    elif isinstance(read, BaseModel):
        for name in read.model_fields_set:
            value, expected = getattr(read, name), type(read).model_fields[name].annotation
            if _is_enumeration(expected) and not isinstance(value, Enum):
                yield f"{type(read).__name__}.{name}: {value}"
            yield from _unknown_enum_values(value)


def _is_enumeration(expected: object) -> bool:
    return any(isinstance(each, type) and issubclass(each, Enum) for each in (expected, *get_args(expected)))


def _operation_paths() -> Iterator[tuple[str, re.Pattern[str]]]:
    for prefix, several in (("/api/index/v1", INDEXING_OPERATIONS), ("/rest/api/v1", CLIENT_OPERATIONS)):
        for each in several:
            yield each.name, re.compile(prefix + re.sub(r"\{\w+\}", "[^/]+", each.path))
