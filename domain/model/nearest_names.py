"""Nearest names: which known names a mistyped one can mean. The one ranking for ids, values, arguments and tools.

    the same, whatever its case and separators > a beginning > the same words > nearly the same spelling
    > a word in common > similar spelling

Nothing is near when none of these holds. A label is another word for a name, such as a client's display name; it counts
by its words alone.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_SHOWN: Final = 5
_LONGEST: Final = 300
_SHORTEST_PART: Final = 3
_SHORTEST_CONTAINED: Final = 12
_LONGEST_CUT: Final = 3
_MOST_SIMILAR: Final = 0.85
_LEAST_SIMILAR: Final = 0.7
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^\W\d_a-zA-Z]+")
_NO_LABELS: Final[Mapping[str, Iterable[str]]] = {}


def closest_names(
    value: str, known: Iterable[str], labels: Mapping[str, Iterable[str]] = _NO_LABELS
) -> tuple[str, ...]:
    """Up to five known names that `value` may mean, the nearest first; none when none is near.

    `labels` are the other words for a name.
    """
    return _rank_names(value, known, labels, _distance, _word_distance)


def same_names(
    value: str, known: Iterable[str], labels: Mapping[str, Iterable[str]] = _NO_LABELS
) -> tuple[str, ...]:
    """Up to five known names that `value` can only be another spelling of, the nearest first.

    For what is acted upon by its name: of two datasets of a client, one is no correction of the other. Two spellings
    are the same but for case, separators and one slip of a finger, or the value contains the whole name, or lacks its
    last characters.
    """
    return _rank_names(value, known, labels, _slip_distance, _equal_distance)


def _rank_names(
    value: str,
    known: Iterable[str],
    labels: Mapping[str, Iterable[str]],
    distance: Callable[[str, str], float | None],
    label_distance: Callable[[str, str], float | None],
) -> tuple[str, ...]:
    ranked: list[tuple[float, str]] = []
    for name in sorted(known):
        text = value[:_LONGEST]
        found = [distance(text, name), *(label_distance(text, each) for each in labels.get(name, ()))]
        near = [each for each in found if each is not None]
        if near:
            ranked.append((min(near), name))
    return tuple(name for _, name in sorted(ranked, key=lambda each: each[0])[:_SHOWN])


def _distance(value: str, name: str) -> float | None:
    """How far the name is from the value, the whole number being the kind of nearness; None when it is not near."""
    alike = _word_distance(value, name)
    if alike is not None:
        return alike
    similarity = SequenceMatcher(None, _plain(value), _plain(name), autojunk=False).ratio()
    if similarity >= _MOST_SIMILAR:
        return 4 - similarity
    if common := _common_share(value, name):
        return 5 - common
    return 6 - similarity if similarity >= _LEAST_SIMILAR else None


def _word_distance(value: str, name: str) -> float | None:
    """The same, for the same words only: what is spelt alike may be somebody else's name."""
    one, other = _plain(value), _plain(name)
    if not one or not other:
        return None
    if one == other:
        return 0
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= _SHORTEST_PART and longer.startswith(shorter):
        return 2 - len(shorter) / len(longer)
    given, held = _words(value), _words(name)
    common = _common_share(value, name)
    return 3 - common if common and (given <= held or held <= given) else None


def _common_share(value: str, name: str) -> float:
    """The share of their words that two texts have in common."""
    given, held = _words(value), _words(name)
    telling = any(len(each) >= _SHORTEST_PART for each in given & held)
    return len(given & held) / len(given | held) if telling else 0


def _equal_distance(value: str, name: str) -> float | None:
    one = _plain(value)
    return 0 if one and one == _plain(name) else None


def _slip_distance(value: str, name: str) -> float | None:
    one, other = _plain(value), _plain(name)
    if one == other:
        return 0 if one else None
    cut_off = other.startswith(one) and len(other) - len(one) <= _LONGEST_CUT
    if min(len(one), len(other)) >= _SHORTEST_CONTAINED and (other in one or cut_off):
        return 1
    return 2 if len(other) >= _SHORTEST_PART and _is_one_slip(one, other) else None


def _is_one_slip(one: str, other: str) -> bool:
    """Whether one character was changed, added or left out, or two neighbours were swapped."""
    shorter, longer = sorted((one, other), key=len)
    at = next((n for n, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    if len(longer) > len(shorter):
        return shorter[at:] == longer[at + 1 :]
    swapped = shorter[:at] + shorter[at : at + 2][::-1] + shorter[at + 2 :]
    return shorter[at + 1 :] == longer[at + 1 :] or swapped == longer


def _plain(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalnum())


def _words(text: str) -> frozenset[str]:
    """The words of a text, in singular."""
    return frozenset(each.casefold().removesuffix("s") for each in _WORD.findall(text))
