"""Addresses in HTML that are programs or documents of their own: `javascript:`, `vbscript:` and `data:`.

A browser reads an address as https://url.spec.whatwg.org/#url-parsing says: entities are decoded, controls and spaces
before it do not count, and tabs and line ends within it do not either.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import TYPE_CHECKING, Final

from domain.content.markup.tags import ATTRIBUTE, CharacterData, Tag, split_markup

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGIN: Final = re.compile(
    r"=\s*+[\"']?[\x00-\x20]*+(?:&|[jJ][\t\n\r]*+[aA&]|[vV][\t\n\r]*+[bB&]|[dD][\t\n\r]*+[aA&])"
)
"""The begin of the value of an attribute that may be such an address; nearly no page has one."""
_ADDRESSES: Final = frozenset(("action", "data", "formaction", "href", "poster", "src", "xlink:href"))
"""The attributes that a browser follows or loads."""
_UNCOUNTED: Final = re.compile(r"[\t\n\r]")
_BEFORE: Final = "".join(map(chr, range(0x21)))
_PROGRAMS: Final = ("javascript:", "vbscript:", "data:")
_PICTURES: Final = ("data:image/gif", "data:image/jpeg", "data:image/png", "data:image/webp")
"""What an image may hold in its address: nothing in it is run."""


def may_have_program_address(text: str) -> bool:
    """Whether an attribute in a text may begin as such an address does, which is cheap to know."""
    # Each of them has a colon, and only an entity hides it.
    return (":" in text or "&" in text) and _BEGIN.search(text) is not None


def drop_program_addresses(text: str) -> str:
    """HTML without the attributes that lead to a program; what is shown stays. Comments and scripts are left out.

    Takes time in proportion to the length, and never raises.
    """
    return "".join(map(_show_token, split_markup(text)))


def safe_source(tag: Tag) -> str:
    """The source of a tag without its attributes that lead to a program."""
    if not may_have_program_address(tag.written):
        return tag.source
    kept = "".join(_kept_parts(tag))
    return f"{tag.source[: -len(tag.written) - 1]}{kept}>"


def _show_token(token: str | Tag | CharacterData) -> str:
    if isinstance(token, Tag):
        return safe_source(token)
    return token if isinstance(token, str) else escape(token.text, quote=False)


def _kept_parts(tag: Tag) -> Iterator[str]:
    at = 0
    for found in ATTRIBUTE.finditer(tag.written):
        name, double, single, bare = found.groups()
        if name.lower() in _ADDRESSES and _is_program(tag.name, unescape(double or single or bare or "")):
            yield tag.written[at : found.start()].rstrip()
            at = found.end()
    yield tag.written[at:]


def _is_program(element: str, address: str) -> bool:
    plain = _UNCOUNTED.sub("", address).lstrip(_BEFORE).lower()
    return plain.startswith(_PROGRAMS) and not (element == "img" and plain.startswith(_PICTURES))
