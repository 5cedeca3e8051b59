"""Admin documents: encode a staged line for the Admin dialect. The long text is copied as raw JSON, never decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from domain.content import DECODE_ERRORS, Author, decode_document
from domain.errors import PlatformInvalidError
from server.adapters.glean.admin.dataset_types import ADMIN_TYPES, ObjectType
from server.adapters.glean.admin.wire import Instant

if TYPE_CHECKING:
    from domain.content import NeutralDocument

Text = Annotated[str, Meta(min_length=1)]


class _Strict(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    pass


class AdminBody(_Strict):
    """The text and its MIME type."""

    mime_type: Literal["text/html", "text/plain", "text/markdown"]
    text_content: str


class AdminAuthor(_Strict):
    """The author of a document."""

    email: Text
    name: str | None = None


class AdminDocument(_Strict):
    """A document as the Admin API accepts it: the schema of what `encode_admin_document` returns."""

    object_type: ObjectType
    document_id: Annotated[str, Meta(min_length=1, max_length=200)]
    title: str
    body: AdminBody
    container: Text
    author: AdminAuthor
    updated_at: Instant | None = None
    created_at: Instant | None = None
    url: str | None = None
    properties: dict[str, Any] | None = None
    references: list[str] | None = None


def admin_document_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of Admin documents."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(AdminDocument)}


class _Body(Struct, gc=False):
    mime: str = msgspec.field(name="mimeType")
    # Raw: the text is spliced in as it is, which saves decoding and escaping it.
    text: Raw = msgspec.field(name="textContent")


class _Document(Struct, gc=False, rename="camel", omit_defaults=True):
    object_type: str
    document_id: str
    title: str
    body: _Body
    container: str
    author: Author
    url: str
    updated_at: Any = None
    created_at: Any = None
    properties: dict[str, Any] = {}
    references: tuple[str, ...] = ()


_ENCODER: Final = msgspec.json.Encoder()


def encode_admin_document(line: bytes) -> bytes:
    """Encode one neutral document as an Admin document.

    Raises:
        PlatformInvalidError: the line is not a neutral document.
    """
    try:
        return _ENCODER.encode(_admin_document(decode_document(line)))
    except (*DECODE_ERRORS, msgspec.MsgspecError, KeyError):
        raise PlatformInvalidError("A staged line is not a document that Glean accepts.") from None


def _admin_document(neutral: NeutralDocument) -> _Document:
    return _Document(
        ADMIN_TYPES[neutral.type].object_type,
        neutral.id,
        neutral.title,
        _Body(neutral.body.mime, neutral.body.text),
        neutral.container,
        neutral.author,
        neutral.url,
        neutral.updated,
        neutral.created,
        neutral.properties,
        neutral.references,
    )
