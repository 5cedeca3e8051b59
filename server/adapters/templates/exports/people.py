"""People of an export: an e-mail address for each, made up where the export has none."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final
from unicodedata import combining, normalize

PEOPLE_DOMAIN: Final = "people.example"
"""`.example` is reserved and reaches nobody (RFC 2606)."""
_ADDRESS: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_]{2,63}")
_NOT_LOCAL: Final = re.compile(r"[\W_]+")
_LONGEST: Final = 48


def is_address(text: str) -> bool:
    """Whether a text is an e-mail address."""
    return _ADDRESS.fullmatch(text) is not None


def made_up_address(name: str) -> str:
    """The made-up address of a person who is known by name only: the same for the same name in every export.

    Case, accents, spaces and punctuation make no difference; a name without letters or digits gets a checksum.
    """
    plain = "".join(each for each in normalize("NFKD", name.casefold()) if not combining(each))
    local = _NOT_LOCAL.sub(".", normalize("NFKC", plain)).strip(".")
    if not local or len(local) > _LONGEST:
        checksum = sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
        local = f"{local[:_LONGEST].strip('.') or 'person'}.{checksum}"
    return f"{local}@{PEOPLE_DOMAIN}"


def find_address(*known: str | None) -> str | None:
    """The address of a person from what is known of them, the best first: an address as it is, else one made up."""
    texts = [each.strip() for each in known if each and each.strip()]
    if not texts:
        return None
    return next((each for each in texts if is_address(each)), None) or made_up_address(texts[0])
