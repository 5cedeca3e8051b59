"""Reading the body of a request, strictly, or passing over fields that are in no schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from server.sandbox.http.decoding import decode_json
from server.sandbox.state.refusals import invalid_field_error

if TYPE_CHECKING:
    from server.sandbox.state.switches import Switches

T = TypeVar("T")
_UNKNOWN: Final = re.compile(r"contains unknown field `(?P<field>[^`]*)`(?: - at `\$(?P<path>[^`]*)`)?")
_STEP: Final = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]")


class BodyReader:
    """Reads bodies as one Glean is switched."""

    def __init__(self, switches: Switches) -> None:
        self._forgives = switches.forgives_unknown_fields

    def stored_bytes(self, raw: msgspec.Raw, read: msgspec.Struct) -> bytes:
        """What is stored of a body that was read: the bytes that were sent, less what was passed over."""
        return msgspec.json.encode(read) if self._forgives else bytes(raw)

    def read(self, kind: type[T], raw: bytes | msgspec.Raw, where: str = "") -> T:
        """The body as a `kind`. Raises RefusedError `invalid`, naming the field."""
        decoder = msgspec.json.Decoder(kind)
        return decode_json(
            decoder, _drop_unknown_fields(decoder, bytes(raw)) if self._forgives else raw, where
        )


def _drop_unknown_fields(decoder: msgspec.json.Decoder[T], raw: bytes) -> bytes:
    """The body without what the schema does not know; one that fails otherwise is left as it is."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid_field_error("body", f"is not JSON: {error}") from error
    while True:
        kept = msgspec.json.encode(body)
        try:
            decoder.decode(kept)
        except msgspec.ValidationError as error:
            unknown = _UNKNOWN.search(str(error))
            if unknown is None:
                return kept
            del _value_at(body, unknown["path"] or "")[unknown["field"]]
        else:
            return kept


# It answers any JSON value.
def _value_at(body: Any, path: str) -> Any:  # noqa: ANN401
    for step in _STEP.finditer(path):
        body = body[step["name"]] if step["name"] else body[int(step["index"])]
    return body
