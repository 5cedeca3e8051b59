"""Codec of stored rows: entities as JSON, and times as whole microseconds since 1970, which compare exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, TypeVar

import msgspec

from domain.model import decode_json

T = TypeVar("T")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PLAIN: Final = (str, int, float)


class UndecodableError(ValueError):
    """The document of a row is not a value of its type."""


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970. Raises TypeError for a time without a zone."""
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The time in UTC. Raises OverflowError outside the years 1 to 9999."""
    return _EPOCH + micros * _MICROSECOND


def encode_document(value: object) -> str:
    """Encode a dataclass or plain value as JSON. Raises ValueError for a time that is not in UTC: a bug of ours."""
    _require_utc(value)
    return msgspec.json.encode(value, enc_hook=_as_builtin).decode()


def decode_document(text: str, kind: type[T]) -> T:
    """Decode a document to a value of that type. Raises UndecodableError."""
    try:
        return decode_json(text, kind)
    except msgspec.MsgspecError as error:
        raise UndecodableError(str(error)) from error


def _as_builtin(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"A document cannot contain a {type(value).__name__}")


def _require_utc(value: object) -> None:
    if value is None or isinstance(value, _PLAIN):
        return
    if isinstance(value, datetime):
        if value.utcoffset() != timedelta(0):
            raise ValueError(f"{value!r} is not a time in UTC")
    # To typing, a type may not be hashable.
    elif names := _field_names(type(value)):  # type: ignore[arg-type]
        for name in names:
            _require_utc(getattr(value, name))
    elif isinstance(value, Mapping):
        for part in value.values():
            _require_utc(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            _require_utc(part)


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    """The names of a dataclass's fields; empty for any other type."""
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) else ()
