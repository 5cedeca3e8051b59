"""Cursors: the opaque texts by which a listing goes on after the last item of a page."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from domain.errors import InvalidArgumentError


def encode_cursor(listing: str, last_id: str) -> str:
    """The cursor of a listing after the item of that id."""
    return urlsafe_b64encode(f"{listing}:{last_id}".encode()).decode().rstrip("=")


def decode_cursor(listing: str, cursor: str | None) -> str | None:
    """The id after which a listing goes on; None without a cursor.

    Raises InvalidArgumentError for a text that is no cursor of that listing: it would answer an empty page, or repeat
    one.
    """
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        text = ""
    last_id = text.removeprefix(f"{listing}:")
    if last_id == text or encode_cursor(listing, last_id) != cursor:
        raise InvalidArgumentError(
            f"cursor is not one that a listing of {listing} gave.",
            field="cursor",
            suggested_action='Pass next_cursor as it came, or leave out "cursor" to begin again.',
        )
    return last_id
