"""JSON of an export: one document after another, whose records are read from arrays of any length.

It stands on the window and the array reader of the templates' readers: what an export holds is read as what a template
holds.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.errors import ExportInvalidError, TemplateInvalidError
from domain.model import build_decoder, quote_foreign
from server.adapters.templates.readers.arrays import read_array_records
from server.adapters.templates.readers.objects import consume_mark, read_member_name, read_member_value
from server.adapters.templates.readers.window import Window

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from server.adapters.templates.exports.sources.tree import SourceTree

_TOO_DEEP: Final = (
    "No vendor's export is nested as deeply: look at what this file is, or leave that record out, and import again: "
    "nothing was written."
)
DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class JsonRecords:
    """The records in the arrays of those names, in bare arrays, and in lists of pages; `files` are all by default."""

    def __init__(self, tree: SourceTree, arrays: Collection[str], files: Sequence[str] = ()) -> None:
        self._tree = tree
        self._files = files or [
            each
            for each in tree.names
            if each.lower().endswith((".json", ".jsonl", ".ndjson")) or len(tree.names) == 1
        ]
        self._arrays = frozenset(arrays)
        page = msgspec.defstruct(
            "Page", [(each, list[msgspec.Raw] | msgspec.UnsetType, msgspec.UNSET) for each in arrays]
        )
        self._decode_page = build_decoder(page | list[msgspec.Raw]).decode

    def read(self) -> Iterator[bytes | dict[str, Any]]:
        """Each record as JSON, and the other members of each document as a dictionary, once it has ended.

        Raises ExportInvalidError for a file that is not JSON, or ends early.
        """
        for name in self._files:
            with self._tree.open(name) as file, _translate_errors():
                yield from self._read_documents(Window(file, name))

    def _read_documents(self, window: Window) -> Iterator[bytes | dict[str, Any]]:
        while mark := window.peek():
            window.advance(1)
            if mark == b"[":
                yield from self._read_array(window)
            elif mark == b"{":
                members: dict[str, Any] = {}
                yield from self._read_members(window, members)
                yield members
            elif mark not in b",":  # between documents a comma is harmless
                raise window.invalid_template_error(f"is not JSON: a document begins with {quote_mark(mark)}")

    def _read_array(self, window: Window) -> Iterator[bytes]:
        for batch in read_array_records(window):
            for each in batch:
                yield from self._unfold(each)

    def _unfold(self, record: bytes) -> Iterator[bytes]:
        """The records of a page in a list of pages; a record by itself is one."""
        if not self._arrays and record.startswith(b"{"):
            yield record
            return
        try:
            page = self._decode_page(record)
        except DECODE_ERRORS:
            yield record
            return
        lists = [page] if isinstance(page, list) else [getattr(page, each) for each in self._arrays]
        given = [each for each in lists if each is not msgspec.UNSET]
        if not given:
            yield record
        for each in given:
            yield from map(bytes, each)

    def _read_members(self, window: Window, into: dict[str, Any]) -> Iterator[bytes]:
        if window.peek() == b"}":
            window.advance(1)
            return
        while True:
            name = read_member_name(window)
            consume_mark(window, b":")
            if window.peek() == b"[" and name in self._arrays:
                window.advance(1)
                into[name] = True
                yield from self._read_array(window)
            else:
                into[name] = read_member_value(window, name)
            if window.peek() == b"}":
                window.advance(1)
                return
            consume_mark(window, b",")


def decode_record(raw: bytes, position: int) -> Any:  # noqa: ANN401 - a record may be any JSON
    """A record. Raises ExportInvalidError, with its position from 1, when it is no JSON."""
    try:
        return msgspec.json.decode(raw)
    except DECODE_ERRORS as error:
        problem = f"is not JSON: {describe_decode_error(error)}"
        raise record_error(position, problem, decode_error_action(error)) from None


def record_error(position: int, problem: str, action: str | None = None) -> ExportInvalidError:
    """The error for one record, by its position from 1."""
    return ExportInvalidError(
        f"Record {position} of the export {problem}.", position=position, suggested_action=action
    )


def describe_decode_error(error: Exception) -> str:
    """The reason that msgspec gives; it names types and places, never content."""
    return (
        str(error).removeprefix("JSON is malformed: ")
        if isinstance(error, msgspec.DecodeError)
        else "it is nested too deeply"
        if isinstance(error, RecursionError)
        else "it is not UTF-8"
    )


def decode_error_action(error: Exception) -> str | None:
    """What to do about it, where that is not the usual."""
    return _TOO_DEEP if isinstance(error, RecursionError) else None


def quote_mark(mark: bytes) -> str:
    """One byte of a file, to be shown."""
    return quote_foreign(mark.decode("latin-1"))


@contextmanager
def _translate_errors() -> Iterator[None]:
    """The readers of templates speak of templates; here they read an export."""
    try:
        yield
    except TemplateInvalidError as error:
        action = None if error.suggested_action == error.action else error.suggested_action
        raise ExportInvalidError(error.message, suggested_action=action, **error.facts) from None
