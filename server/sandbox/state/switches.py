"""Switches for behaviour of the Indexing API that no public source documents, to try a client with either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from domain.model import convert_plain
from server.sandbox.state.state import load_setting

if TYPE_CHECKING:
    import sqlite3

SWITCHES_SETTING: Final = "indexing"


class Switches(msgspec.Struct, frozen=True, kw_only=True):
    """Undocumented behaviour of this Glean, and its delays.

    Attributes:
        forgives_unknown_fields: a field that is in no schema is ignored instead of refused.
        forgives_last_page: the last page of an upload that has just ended is accepted once more.
        refuses_as_bad: another upload while one is active is a bad request (400), not a conflict (409).
        restart_forgets: an upload that is restarted with forceRestartUpload loses the pages that it had.
        tells_given_up: an upload that another one replaced stays in the history, active for ever.
        tells_oldest_first: the history lists uploads from the oldest to the newest; else in no useful order.
        longest_name: the most characters that the name of a datasource may have.
        tells_retry_after: a 429 has the header Retry-After.
        limits_rate: requests beyond the documented rates get 429.
        indexing_s: seconds from the end of an upload until searches find its documents.
        single_s: the same for a document that was sent outside of uploads, or after processalldocuments.
        counts_lag_s: seconds for which a count of uploaded documents is answered again before it is renewed.
        deletion_s: seconds from the indexing until documents to be deleted have left the index.
        prefixes_ids: a search answers ids as `CUSTOM_<DATASOURCE>_<type>_<id>`, not as they were pushed.
        tells_denial: the text of a 401 or 403 says what is wrong with the token.
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
    """Load the present switches from the file."""
    return convert_plain(load_setting(connection, SWITCHES_SETTING, {}), Switches)


def is_denial_explained(connection: sqlite3.Connection) -> bool:
    """Whether a 401 or 403 says what is wrong with the token."""
    return load_switches(connection).tells_denial
