"""Addresses of records in the client's own copy, for those that name no address themselves."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ARE_PLAIN: Final = re.compile(r"[A-Za-z0-9_~-]*+").fullmatch
"""Characters that an address has as they are, wherever they stand in a segment."""
_IS_PLAIN: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*+").fullmatch


def encode_segments(names: Sequence[str]) -> Sequence[str]:
    """Each name or id as one segment of an address: what an address would read otherwise is percent-encoded (RFC 3986).

    One test for many is faster than one for each.
    """
    return names if _ARE_PLAIN("".join(names)) else [*map(encode_segment, names)]


def encode_paths(names: Sequence[str]) -> Sequence[str]:
    """The same for names whose slashes stay, each as one or more segments."""
    if _ARE_PLAIN("".join(names).replace("/", "")):
        return names
    return ["/".join(map(encode_segment, each.split("/"))) for each in names]


def encode_segment(name: str) -> str:
    """A name or id as one segment, which leads neither up nor down.

    A browser takes `..` for the folder above even where its dots are encoded, so that these are encoded twice.
    """
    if _IS_PLAIN(name):
        return name
    encoded = quote(name, safe=":@!$&'()*+,;=-._~")
    return encoded if encoded.strip(".") else encoded.replace(".", "%252E")


# Any, because each kind has its own structure.
def build_urls(
    records: Sequence[Any],
    site: str,
    path: str,
    encode: Callable[[Sequence[str]], Sequence[str]] = encode_segments,
) -> list[str]:
    """The address of each record: its own, or else the one in the client's copy.

    `path` is the place there, such as `browse/{key}`: each segment is a word, or the name of a field in braces.
    """
    urls: list[str] = [each.url or "" for each in records]
    if all(urls):
        return urls
    columns = [
        encode([*map(attrgetter(part[1:-1]), records)]) if part.startswith("{") else [part] * len(urls)
        for part in (site, *path.split("/"))
    ]
    places = map("/".join, zip(*columns, strict=True))
    return [url or place for url, place in zip(urls, places, strict=True)]
