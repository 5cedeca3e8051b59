"""Checks the documents of an upload in the Admin dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.sandbox.http.decoding import decode_json
from server.sandbox.state.content.connectors import CONNECTORS
from server.sandbox.state.content.documents import DOCUMENT_DECODER
from server.sandbox.state.refusals import invalid_field_error

if TYPE_CHECKING:
    import msgspec

    from server.sandbox.state.content.connectors import Connector


def parse_admin_documents(raw_documents: list[msgspec.Raw], connector: Connector) -> dict[str, bytes]:
    """Check the documents of a page; return their bytes as sent, by case-folded id.

    Of two documents with the same id the later one counts.

    Raises:
        RefusedError: `invalid`, with the index and the field of the first document that is not valid.
    """
    page: dict[str, bytes] = {}
    expected = CONNECTORS[connector].object_type
    for index, raw in enumerate(raw_documents):
        document = decode_json(DOCUMENT_DECODER, raw, f"documents[{index}]")
        if document.object_type != expected:
            raise invalid_field_error(
                f"documents[{index}].objectType", f"a {connector} datasource takes {expected}"
            )
        page[document.document_id.casefold()] = bytes(raw)
    return page
