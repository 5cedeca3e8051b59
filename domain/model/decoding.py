"""Decoding of JSON and plain values into types with fields, from any thread.

msgspec 0.22.0 builds what it knows of a type when it first meets it, and another thread that meets the type meanwhile
reads fields that are not there yet: the process dies of a segmentation fault. So types are built here, one at a time.
"""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any, Final, TypeVar, cast, overload

import msgspec

T = TypeVar("T")
_building: Final = Lock()
_KEPT: Final = 256  # what an import or a table makes of its columns is one of many


@overload
def build_decoder(kind: type[T]) -> msgspec.json.Decoder[T]: ...


# A type expression such as `list[str] | None` is not a `type`.
@overload
def build_decoder(kind: Any) -> msgspec.json.Decoder[Any]: ...  # noqa: ANN401


def build_decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Build a decoder. What it decodes may then be decoded and converted to in any thread."""
    with _building:
        return msgspec.json.Decoder(kind)


def decode_json(raw: bytes | str | msgspec.Raw, kind: type[T]) -> T:
    """Decode JSON to a value of that type, whose decoder is kept. Raises msgspec.DecodeError."""
    # To typing, a type may not be hashable.
    return cast("T", _kept_decoder(kind).decode(raw))  # type: ignore[arg-type]


def convert_plain(value: object, kind: type[T]) -> T:
    """Convert a plain value to that type, whose decoder is kept. Raises msgspec.ValidationError."""
    _kept_decoder(kind)  # type: ignore[arg-type] # the same
    return msgspec.convert(value, kind)


@lru_cache(_KEPT)
def _kept_decoder(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - the same
    return build_decoder(kind)
