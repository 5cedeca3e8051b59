"""What no public source tells of the real Indexing API: each guess can be turned, to try a client both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from server.sandbox.world import setting, store_setting

if TYPE_CHECKING:
    import sqlite3

_NAME: Final = "indexing"


class Switches(msgspec.Struct, frozen=True, kw_only=True):
    """How this Glean behaves where it is not documented, and how slow it is.

    Attributes:
        forgives_unknown_fields: a field that is in no schema is passed over instead of refused.
        forgives_last_page: the last page of an upload that has just ended is accepted once more.
        longest_name: the most characters of a datasource's name.
        tells_retry_after: a 429 says in how many seconds to come again.
        limits_rate: requests beyond the documented rates are answered 429.
        indexing_s: seconds from the end of an upload, or from a single document, until searches find it.
        deletion_s: seconds until what is no longer wanted has left the index, after the indexing.
    """

    forgives_unknown_fields: bool = False
    forgives_last_page: bool = False
    longest_name: int = 32
    tells_retry_after: bool = False
    limits_rate: bool = True
    indexing_s: float = 0.0
    deletion_s: float = 0.0


def switches(connection: sqlite3.Connection) -> Switches:
    """How this Glean behaves now."""
    return msgspec.convert(setting(connection, _NAME, {}), Switches)


def turn(connection: sqlite3.Connection, **changes: bool | float) -> None:
    """Turn some of the switches."""
    known = msgspec.to_builtins(switches(connection))
    store_setting(
        connection, _NAME, msgspec.to_builtins(msgspec.convert({**known, **changes}, Switches, strict=False))
    )
