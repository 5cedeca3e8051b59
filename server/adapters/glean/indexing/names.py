"""What our names become in the Indexing dialect, which takes letters and digits for datasources, and short ids."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from typing import Final

LONGEST_NAME: Final = 32
"""Characters. Glean documents no limit; its own tools keep to this."""
LONGEST_ID: Final = 200
"""Characters, of a document's id (https://developers.glean.com/api-info/indexing/documents/overview)."""
_HASH: Final = 10
_ID_HASH: Final = 32
_SHORTENED: Final = re.compile(rf"~[0-9a-f]{{{_ID_HASH}}}\Z", re.IGNORECASE)
_NOT_TAKEN: Final = re.compile(r"[^A-Za-z0-9]")


def datasource_of(name: str) -> str:
    """The datasource of a connector of ours, by its name (`ACME-Sandbox-Confluence`), compared without case.

    What makes two names differ may be lost with their punctuation, so the hash of the untouched name stands at the end.
    """
    digest = sha256(name.casefold().encode()).digest()
    mark = base64.b32encode(digest).decode().lower()[:_HASH]
    return f"{_NOT_TAKEN.sub('', name).lower()[: LONGEST_NAME - _HASH]}{mark}"


def glean_document_id(neutral: str) -> str:
    """A document's id as Glean takes it: as it stands, or, when it is too long, its beginning and its hash.

    One that looks like such a beginning with a hash gets one of its own, so that it is nobody else's id.
    """
    if len(neutral) < LONGEST_ID or (len(neutral) == LONGEST_ID and not _SHORTENED.search(neutral)):
        return neutral
    digest = sha256(neutral.casefold().encode()).hexdigest()[:_ID_HASH]
    return f"{neutral[: LONGEST_ID - _ID_HASH - 1]}~{digest}"
