"""Record batches, decoded in one call where every record is plain, as in nearly all batches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, overload

import msgspec

from domain.content.documents.placeholders import (
    count_exact_placeholders,
    has_placeholder,
    have_placeholder,
)
from domain.model import build_decoder

if TYPE_CHECKING:
    from domain.content.documents.kinds import RecordKind

DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for a record that does not fit its type, or is not JSON."""

_split = build_decoder(list[msgspec.Raw]).decode
_decode_names_of_lines = build_decoder(dict[str, msgspec.Raw]).decode_lines
_decode_names_of_array = build_decoder(list[dict[str, msgspec.Raw]]).decode


def _read_names(
    decode: Callable[[bytes], list[dict[str, msgspec.Raw]]], data: bytes
) -> set[tuple[str, ...]] | None:
    try:
        return set(map(tuple, decode(data)))
    except DECODE_ERRORS:
        return None


def _resolve(data: bytes, replace: Callable[[bytes], bytes]) -> tuple[bytes, int] | None:
    """JSON with every placeholder replaced, and their number; None when there is none, or another than exact ones."""
    exact = count_exact_placeholders(data)
    if not exact:
        return None
    resolved = replace(data)
    return None if has_placeholder(resolved) else (resolved, exact)


class RecordBatch(Sequence[bytes]):
    """Record batch, which is split into single records only when one of them is needed.

    `names` are those of every record, where they are known before: the header of a table.
    """

    names: Sequence[str] = ()

    @abstractmethod
    def decode_records(self, kind: RecordKind) -> list[Any] | None:
        """Decode every record, in order. None when one does not fit the type, or has a placeholder."""

    def read_names(self) -> Iterable[tuple[str, ...]] | None:
        """The names of each record. None when they cannot be read at once."""
        return None

    def resolve_placeholders(
        self,
        replace: Callable[[bytes], bytes],  # noqa: ARG002 - a table's values are looked at one by one
        at_most: int | None,  # noqa: ARG002
    ) -> tuple[RecordBatch, int] | None:
        """The batch with every placeholder replaced, and their number.

        None when it may have more records than `at_most`, no placeholder, or one that has to be looked at; then its
        records are looked at one by one.
        """
        return None

    @abstractmethod
    def split_records(self) -> list[bytes]:
        """Every record as JSON, in order."""

    @cached_property
    def _records(self) -> list[bytes]:
        return self.split_records()

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        return self._records[index]


class JsonLinesBatch(RecordBatch):
    """Batch of JSON Lines: one record a line."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def decode_records(self, kind: RecordKind) -> list[Any] | None:
        if not self.object_lines:
            return None
        try:
            records = self._decode_lines(kind)
        except DECODE_ERRORS:
            return None
        return records if len(records) == self.object_lines else None

    def read_names(self) -> Iterable[tuple[str, ...]] | None:
        return _read_names(_decode_names_of_lines, self._data)

    def resolve_placeholders(
        self, replace: Callable[[bytes], bytes], at_most: int | None
    ) -> tuple[RecordBatch, int] | None:
        if at_most is not None and self._data.count(b"\n") >= at_most:
            return None
        resolved = _resolve(self._data, replace)
        return None if resolved is None else (JsonLinesBatch(resolved[0]), resolved[1])

    def split_records(self) -> list[bytes]:
        return [line for line in self._data.split(b"\n") if line.strip()]

    @cached_property
    def object_lines(self) -> int:
        """The number of lines; 0 unless each begins with `{`, and when there is a placeholder."""
        last_braces = [line.rfind(b"{") for line in BytesIO(self._data)]
        # Nearly always, the brace with which a line begins is the only one in it.
        if any(last_braces) and not self._are_objects():
            return 0
        return len(last_braces)

    def _are_objects(self) -> bool:
        begins = all(line.startswith(b"{") for line in BytesIO(self._data))
        return begins and not has_placeholder(self._data)

    def _decode_lines(self, kind: RecordKind) -> list[Any]:
        # No text has a line end, and no object is within a record of known names: a line that begins with a brace
        # begins a record. When there are as many records as lines, each line is one.
        if kind.is_exact:
            return kind.decode_lines(self._data)
        return [*map(kind.decode, BytesIO(self._data))]


class JsonArrayBatch(RecordBatch):
    """Batch of the elements of one JSON array.

    `data` is the whole array, with its brackets. Raises msgspec.DecodeError or RecursionError when it is not an array.
    When its records fit the `kind`, it is parsed only once, here, and who asks for them first is given them.
    """

    def __init__(self, data: bytes, kind: RecordKind | None) -> None:
        self._data = data
        self._kind = kind
        self._decoded = None if kind is None else self._decode_if_fitting(kind)
        self.fits = self._decoded is not None
        self.size = len(self if self._decoded is None else self._decoded)

    def decode_records(self, kind: RecordKind) -> list[Any] | None:
        if kind is not self._kind:
            return self._decode_if_fitting(kind)
        if not self.fits:
            return None
        # Nobody holds the records until the next batch is read: their memory serves again while a core has it cached.
        records, self._decoded = self._decoded, None
        return records or self._decode_if_fitting(kind)

    def read_names(self) -> Iterable[tuple[str, ...]] | None:
        return _read_names(_decode_names_of_array, self._data)

    def resolve_placeholders(
        self, replace: Callable[[bytes], bytes], at_most: int | None
    ) -> tuple[RecordBatch, int] | None:
        if at_most is not None and self.size > at_most:
            return None
        resolved = _resolve(self._data, replace)
        return None if resolved is None else (JsonArrayBatch(resolved[0], self._kind), resolved[1])

    def split_records(self) -> list[bytes]:
        return list(map(bytes, _split(self._data)))

    def _decode_if_fitting(self, kind: RecordKind) -> list[Any] | None:
        try:
            records = kind.decode_array(self._data)
        except DECODE_ERRORS:
            return None
        return None if have_placeholder(self._data, len(records)) else records
