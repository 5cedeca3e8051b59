"""An export of the audit chain as JSON Lines: a link with its entry as it was sealed in each, the head in the last."""

from __future__ import annotations

import os
from contextlib import contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.audit import ChainHead
from domain.errors import InvalidArgumentError, format_timestamp
from domain.ports import SealedEntry
from server.infra.filesystem.durable import Draft

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

_PAGE: Final = 1000
_TAIL_BYTES: Final = 4096
"""The last line is well within so many bytes of the end."""


class _Line(msgspec.Struct):
    position: int
    seq: int
    hash: str
    entry: msgspec.Raw


class _HeadLine(msgspec.Struct):
    head: ChainHead


_LINE: Final = msgspec.json.Decoder(_Line)
_HEAD: Final = msgspec.json.Decoder(_HeadLine)


def encode_links(page: Sequence[SealedEntry]) -> bytes:
    """Links as lines. The documents stand in them byte by byte: they are what was hashed."""
    return b"".join(
        b'{"position":%d,"seq":%d,"hash":"%s","entry":%s}\n' % (position, seq, held.encode(), document)
        for position, seq, held, document in page
    )


def encode_head_line(head: ChainHead) -> bytes:
    """The last line."""
    return msgspec.json.encode({"head": serialize_head(head)}) + b"\n"


def serialize_head(head: ChainHead) -> dict[str, Any]:
    """A head as it is written down."""
    facts = {
        "position": head.position,
        "hash": head.hash,
        "installation": head.installation,
        "exported_at": format_timestamp(head.exported_at),
    }
    return {name: value for name, value in facts.items() if value is not None}


@contextmanager
def create_export_file(path: Path, field: str) -> Iterator[Callable[[bytes], object]]:
    """Write a file that is there whole in the end, or not at all.

    Raises InvalidArgumentError, for the option `field`, when there is one already, or it cannot be written.
    """
    if path.exists():
        raise InvalidArgumentError(
            f"{path} is there already; an export is worth something because it is never written again.",
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
    """The head that an export ends with. Raises InvalidArgumentError, naming an option, for a file without one."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        return _HEAD.decode(last).head
    except OSError as error:
        raise InvalidArgumentError(f"{path} cannot be read: {error.strerror}.", field=field) from error
    except msgspec.MsgspecError as error:
        raise InvalidArgumentError(
            f"{path} does not end with the head of an audit chain, so it is no whole export.", field=field
        ) from error


async def read_export_links(path: Path, after: int) -> AsyncIterator[Sequence[SealedEntry]]:
    """The links in an export after a position, in pages. Raises InvalidArgumentError for a line that is none."""
    page: list[SealedEntry] = []
    with path.open("rb") as file:
        for number, line in enumerate(takewhile(_is_link, file), 1):
            try:
                found = _LINE.decode(line)
            except msgspec.MsgspecError as error:
                msg = f"Line {number} of {path} is no entry of an export: {error}."
                raise InvalidArgumentError(msg, field="file") from error
            if found.position > after:
                page.append(SealedEntry(found.position, found.seq, found.hash, bytes(found.entry)))
            if len(page) == _PAGE:
                yield page
                page = []
    yield page


def _is_link(line: bytes) -> bool:
    return not line.startswith(b'{"head"')
