"""What no public source tells of the real Indexing API: each guess can be turned, to try a client both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from server.sandbox.state.state import load_setting

if TYPE_CHECKING:
    import sqlite3

SWITCHES_SETTING: Final = "indexing"


class Switches(msgspec.Struct, frozen=True, kw_only=True):
    """How this Glean behaves where it is not documented, and how slow it is.

    Attributes:
        forgives_unknown_fields: a field that is in no schema is passed over instead of refused.
        forgives_last_page: the last page of an upload that has just ended is accepted once more.
        refuses_as_bad: another upload while one is active is a bad request (400), not a conflict (409).
        restart_forgets: an upload that is begun once more, with forceRestartUpload, loses the pages that it had.
        tells_given_up: an upload whose place was taken stays in the history, active for ever.
        tells_oldest_first: the history of uploads is in their order; else in none.
        longest_name: the most characters of a datasource's name.
        tells_retry_after: a 429 says in how many seconds to come again.
        limits_rate: requests beyond the documented rates are answered 429.
        indexing_s: seconds from the end of an upload until searches find its documents.
        single_s: the same for a document that came outside of uploads, or once processing was asked for.
        counts_lag_s: so old may the count of uploaded documents be that is told.
        deletion_s: seconds until what is no longer wanted has left the index, after the indexing.
        prefixes_ids: a search tells a document's id as `CUSTOM_<DATASOURCE>_<type>_<id>`, not as it was pushed.
        tells_denial: a 401 or 403 says in words what is wrong with the token.
    """

    forgives_unknown_fields: bool = False
    forgives_last_page: bool = False
    refuses_as_bad: bool = False
    restart_forgets: bool = False
    tells_given_up: bool = False
    tells_oldest_first: bool = False
    longest_name: int = 32
    tells_retry_after: bool = False
    limits_rate: bool = True
    indexing_s: float = 0.0
    single_s: float = 0.0
    counts_lag_s: float = 0.0
    deletion_s: float = 0.0
    prefixes_ids: bool = True
    tells_denial: bool = True


def load_switches(connection: sqlite3.Connection) -> Switches:
    """How this Glean behaves now."""
    return msgspec.convert(load_setting(connection, SWITCHES_SETTING, {}), Switches)


def is_denial_explained(connection: sqlite3.Connection) -> bool:
    """Whether who is not let in hears why."""
    return load_switches(connection).tells_denial
