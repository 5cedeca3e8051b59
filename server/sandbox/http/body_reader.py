"""Reads the body of a request strictly, or ignores fields that are in no schema, as the switches say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from domain.model import build_decoder
from server.sandbox.http.decoding import decode_json
from server.sandbox.state.refusals import invalid_field_error

if TYPE_CHECKING:
    from server.sandbox.state.switches import Switches

T = TypeVar("T")
_UNKNOWN: Final = re.compile(r"contains unknown field `(?P<field>[^`]*)`(?: - at `\$(?P<path>[^`]*)`)?")
_STEP: Final = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]")


class BodyReader:
    """Reader of request bodies under the present switches."""

    def __init__(self, switches: Switches) -> None:
        self._forgives = switches.forgives_unknown_fields

    def stored_bytes(self, raw: msgspec.Raw, read: msgspec.Struct) -> bytes:
        """The bytes to store for a body that was read: those that were sent, without the fields that were ignored."""
        return msgspec.json.encode(read) if self._forgives else bytes(raw)

    def read(self, kind: type[T], raw: bytes | msgspec.Raw, where: str = "") -> T:
        """Decode a body as a `kind`. Raises RefusedError `invalid` with the field."""
        decoder = build_decoder(kind)
        return decode_json(
            decoder, _drop_unknown_fields(decoder, bytes(raw)) if self._forgives else raw, where
        )


def _drop_unknown_fields(decoder: msgspec.json.Decoder[T], raw: bytes) -> bytes:
    """Remove the fields that the schema does not know; a body with another error comes back with that error in it."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid_field_error("body", f"is not JSON: {error}") from error
    # msgspec names one unknown field at a time, so decode again until it names none.
    while True:
        encoded = msgspec.json.encode(body)
        try:
            decoder.decode(encoded)
        except msgspec.ValidationError as error:
            unknown = _UNKNOWN.search(str(error))
            if unknown is None:
                return encoded
            del _value_at(body, unknown["path"] or "")[unknown["field"]]
        else:
            return encoded


# The result can be any JSON value.
def _value_at(body: Any, path: str) -> Any:  # noqa: ANN401
    for step in _STEP.finditer(path):
        body = body[step["name"]] if step["name"] else body[int(step["index"])]
    return body
