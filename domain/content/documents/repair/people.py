"""People: the author that a text or an object of a record means."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from unicodedata import combining, normalize

from domain.content.documents.kinds import normalize_name
from domain.content.documents.neutral import Author

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_DOMAIN: Final = "people.example"
_ADDRESS: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_]{2,63}")
_ADDRESS_LENGTH: Final = 254
_NOT_LOCAL: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 48
_NAMED_ADDRESS: Final = re.compile(r"\s*\"?([^<>\"]*?)\"?\s*<\s*([^<>\s]+@[^<>\s]+)\s*>\s*")
_ADDRESSES: Final = ("email", "emailaddress", "mail")
_NAMES: Final = ("displayname", "realname", "publicname", "name", "username", "login")
_LOGINS: Final = ("login", "username", "name", "accountid", "id")


def is_address(text: str) -> bool:
    """Whether a text is an e-mail address, of at most 254 characters (RFC 5321)."""
    return len(text) <= _ADDRESS_LENGTH and _ADDRESS.fullmatch(text) is not None


def made_up_address(name: str) -> str:
    """An address for a person of whom only a name is known: the same name has the same address in every type.

    `.example` is reserved and reaches nobody (RFC 2606). What ASCII cannot spell is told apart by a short hash.
    """
    plain = "".join(each for each in normalize("NFKD", name.strip().casefold()) if not combining(each))
    local = _NOT_LOCAL.sub("-", plain).strip("-")[:_LONGEST].strip("-")
    if not name.isascii() or not local or len(plain) > _LONGEST:
        digest = blake2b(name.strip().casefold().encode("utf-8", "replace"), digest_size=3).hexdigest()
        local = f"{local or 'person'}-{digest}"
    return f"{local}@{_DOMAIN}"


@lru_cache(maxsize=8192)
def parse_person(text: str, name: str | None = None) -> Author:
    """The author that a text means: an address, `Name <address>`, or a name, which gets a made-up address.

    A text with `@` that is no address stays as it is; the check of authors rejects it.
    """
    if "@" not in text:
        return Author(made_up_address(text), name or text.strip())
    named = _NAMED_ADDRESS.fullmatch(text)
    return Author(named[2], name or named[1] or None) if named else Author(text, name)


def parse_people(texts: Sequence[str], names: Sequence[str | None]) -> Iterable[Author]:
    """The author that each text means, beside the name that is known of that author."""
    return map(parse_person, texts, names) if any(names) else map(parse_person, texts)


def person_text(value: Mapping[str, Any]) -> str | None:
    """The text that `parse_person` reads for an object of a person; None when it names nobody."""
    members = {
        normalize_name(name): each.strip()
        for name, each in value.items()
        if isinstance(each, str) and each.strip()
    }
    address = next((members[each] for each in _ADDRESSES if each in members), None)
    name = next((members[each] for each in (*_NAMES, *_LOGINS) if each in members), None)
    if address and name:
        return f"{name.translate(_NO_BRACKETS)} <{address}>"
    return address or name


_NO_BRACKETS: Final = str.maketrans(dict.fromkeys('<>"', " "))
