"""Export of the audit chain as JSON Lines: one sealed entry with its link on each line, and the head on the last."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.audit import ChainHead
from domain.errors import InvalidArgumentError, format_timestamp
from domain.model import build_decoder, is_printable_character
from domain.ports import SealedEntry
from server.infra.filesystem.durable import Draft

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

_PAGE: Final = 1000
_TAIL_BYTES: Final = 4096
"""Bytes read from the end of an export to find its last line, which is always shorter."""


class _Line(msgspec.Struct):
    position: int
    seq: int
    hash: str
    entry: msgspec.Raw


class _HeadLine(msgspec.Struct):
    head: ChainHead


_ESCAPE: Final = re.compile(rb"\\\\|\\u([0-9a-f]{4})(?:\\u(d[c-f][0-9a-f]{2}))?")
"""A JSON escape of one character, or an escaped backslash, after which `u` begins no escape."""
_FIRST_ESCAPED: Final = 0x7F
"""The stored documents escape only characters below this one, so every escape from here on is the export's own."""
_LINE: Final = build_decoder(_Line)
_HEAD: Final = build_decoder(_HeadLine)


def encode_links(page: Sequence[SealedEntry]) -> bytes:
    """Encode a page of links, one per line."""
    # The documents are not encoded again, because their bytes are what was hashed. Only characters that could move a
    # cursor are escaped, so that exactly the same bytes can be made of them again.
    return b"".join(
        b'{"position":%d,"seq":%d,"hash":"%s","entry":%s}\n'
        % (position, seq, link_hash.encode(), _escape_unprintable(document or b"null"))
        for position, seq, link_hash, document in page
    )


def encode_head_line(head: ChainHead) -> bytes:
    """Encode the head as the last line of an export."""
    return msgspec.json.encode({"head": serialize_head(head)}) + b"\n"


def serialize_head(head: ChainHead) -> dict[str, Any]:
    """Serialize a head; what is None is left out."""
    values = {
        "position": head.position,
        "hash": head.hash,
        "installation": head.installation,
        "exported_at": format_timestamp(head.exported_at),
    }
    return {name: value for name, value in values.items() if value is not None}


@contextmanager
def create_export_file(path: Path, field: str) -> Iterator[Callable[[bytes], object]]:
    """Create a file atomically: it appears complete when the context ends without an error, or not at all.

    Raises InvalidArgumentError, for the option `field`, when the file exists already or cannot be written.
    """
    if path.exists():
        raise InvalidArgumentError(
            f"{path} exists already. An export is evidence, so it is never overwritten; choose another file.",
            field=field,
        )
    try:
        draft = Draft(path)
        try:
            yield draft.write
            draft.close()
            draft.publish()
        finally:
            draft.discard()
    except OSError as error:
        raise InvalidArgumentError(f"{path} cannot be written: {error.strerror}.", field=field) from error


def read_export_head(path: Path, field: str) -> ChainHead:
    """The head on the last line of an export.

    Raises InvalidArgumentError, for the option `field`, when the file cannot be read or has no head there.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        return _HEAD.decode(last).head
    except OSError as error:
        raise InvalidArgumentError(f"{path} cannot be read: {error.strerror}.", field=field) from error
    except msgspec.MsgspecError as error:
        raise InvalidArgumentError(
            f"{path} does not end with the head of an audit chain, so it is not a complete export.",
            field=field,
        ) from error


async def read_export_links(path: Path, after: int) -> AsyncIterator[Sequence[SealedEntry]]:
    """The links of an export after a position, in pages. Raises InvalidArgumentError for a line that is not a link."""
    page: list[SealedEntry] = []
    with path.open("rb") as file:
        for number, line in enumerate(takewhile(_is_link, file), 1):
            try:
                link = _LINE.decode(line)
            except msgspec.MsgspecError as error:
                msg = f"Line {number} of {path} is not an entry of an audit export: {error}."
                raise InvalidArgumentError(msg, field="file") from error
            if link.position > after:
                page.append(
                    SealedEntry(link.position, link.seq, link.hash, _unescape_unprintable(bytes(link.entry)))
                )
            if len(page) == _PAGE:
                yield page
                page = []
    yield page


def _is_link(line: bytes) -> bool:
    return not line.startswith(b'{"head"')


def _escape_unprintable(document: bytes) -> bytes:
    """The document with JSON escapes in place of characters that are not printable text.

    Entries are made printable before they are recorded; those of earlier releases, or that somebody changed in the
    store, may not be.
    """
    text = document.decode("utf-8", "replace")
    if text.isascii() and text.isprintable():
        return document
    return "".join(
        each if is_printable_character(each, before) else json.dumps(each)[1:-1]
        for before, each in pairwise(("", *text))
    ).encode()


def _unescape_unprintable(document: bytes) -> bytes:
    """The document as it was before `_escape_unprintable`."""
    return _ESCAPE.sub(_unescape, document) if b"\\u" in document else document


def _unescape(match: re.Match[bytes]) -> bytes:
    if match[1] is None or int(match[1], 16) < _FIRST_ESCAPED:
        return match[0]
    character: str = msgspec.json.decode(b'"%s"' % match[0])
    return character.encode()
