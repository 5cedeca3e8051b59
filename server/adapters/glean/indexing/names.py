"""Names in the Indexing dialect: datasource names of letters and digits only, and document ids of limited length."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from typing import Final

LONGEST_NAME: Final = 32
"""The most characters in a datasource name. Glean documents no limit; its own tools keep to this one."""
LONGEST_ID: Final = 200
"""The most characters in a document id (https://developers.glean.com/api-info/indexing/documents/overview)."""
_HASH: Final = 10
_ID_HASH: Final = 32
_SHORTENED: Final = re.compile(rf"~[0-9a-f]{{{_ID_HASH}}}\Z", re.IGNORECASE)
_NOT_TAKEN: Final = re.compile(r"[^A-Za-z0-9]")


def datasource_of(name: str) -> str:
    """The datasource name for a connector's name (`ACME-Sandbox-Confluence`), which is compared without case.

    Two names that differ only in punctuation must not collide, so the result ends with a hash of the full name.
    """
    digest = sha256(name.casefold().encode()).digest()
    mark = base64.b32encode(digest).decode().lower()[:_HASH]
    return f"{_NOT_TAKEN.sub('', name).lower()[: LONGEST_NAME - _HASH]}{mark}"


def glean_document_id(neutral: str) -> str:
    """The document id in Glean: unchanged, or, when it is too long, its beginning and its hash.

    An id that already looks like a shortened one is shortened too, so that it cannot collide with one.
    """
    if len(neutral) < LONGEST_ID or (len(neutral) == LONGEST_ID and not _SHORTENED.search(neutral)):
        return neutral
    digest = sha256(neutral.casefold().encode()).hexdigest()[:_ID_HASH]
    return f"{neutral[: LONGEST_ID - _ID_HASH - 1]}~{digest}"
