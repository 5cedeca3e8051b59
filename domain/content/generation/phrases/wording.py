"""Wording: the records that tell of a story as one format, in which only facts and figures are left to be filled in.

A form has families of sentences, of which a record takes one each. Which ones is decided by the variant; each variant
is put together once, and from then on the records of a story cost one joining of texts. A slot takes a fact by its
name. Where facts of that name are numbered (`w0`, `w1` and so on), it takes the next one each time that it occurs. A
slot with the name of a figure takes one of its own each time, by a byte that is drawn for it.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from operator import getitem, itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from domain.content.generation.choices import DIGITS, figure_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from domain.content.generation.phrases import Family

    Layout: TypeAlias = "Sequence[Family | str]"

VARIANTS: Final = 12
"""How many combinations of sentences a form has."""
OWN_BYTES: Final = 16
"""So many of the bytes that are drawn for records are left to their own choices."""
_DIGITS_BYTES: Final = 28

_SLOT: Final = re.compile(r"%\(([a-zA-Z]+\d?)\)s")
_LEADING_SLOT: Final = re.compile(r"%\(([a-z]+\d?)\)s")
_MACROS: Final = {
    f"{name}{slot}": text.format(slot=slot)
    for name, text in {
        "issue": "{{{{site:jira_issues}}}}/browse/%(key{slot})s",
        "link": "{{{{site:confluence_pages}}}}/spaces/%(project)s/pages/%(page{slot})s",
    }.items()
    for slot in range(4)
} | {
    "repo": "{{site:github_repos}}/%(slug)s",
    "prepo": "{{site:github_repos}}/%(pslug)s",
    "h": "%(slug)s-%(hex)s",
    "r": "%(hex)s%(hex)s",
}
"""What is made of facts and figures: addresses, with the placeholder for the client's own site, hosts and commits."""


def lay_out(skeleton: str, parts: Mapping[str, Layout]) -> Layout:
    """A record as JSON, with its parts (sentences, and what stands between them) where the skeleton names them."""
    pieces: list[Family | str] = []
    for number, text in enumerate(re.split(r"%\(([A-Z]+)\)s", skeleton)):
        pieces += parts[text] if number % 2 else [text]
    return pieces


class Wording:
    """The wording of the records that tell of a story of one kind.

    Args:
        layouts: each record's.
        facts: the names of the facts with which it will be filled, in their order.
    """

    def __init__(self, layouts: Sequence[Layout], facts: Sequence[str]) -> None:
        self._layouts = layouts
        self._facts = facts
        self._variants: dict[int, Variant] = {}

    def variant(self, number: int) -> Variant:
        """The variant of that number."""
        try:
            return self._variants[number]
        except KeyError:
            made = self._variants[number] = _compose(self._choose_sentences(number), self._facts, number)
            return made

    def _choose_sentences(self, turn: int) -> Iterator[str]:
        for number, layout in enumerate(self._layouts):
            if number:
                yield "\n"
            for piece in layout:
                if isinstance(piece, str):
                    yield piece
                    continue
                turn = turn * 7 + 3  # so that the families of a form do not all take the same turn
                yield _begin_with_capital(piece[(turn >> 2) % len(piece)], self._facts)


class Variant(NamedTuple):
    """Records of which every sentence is chosen.

    `pieces` are its constant texts, with room for a fact or figure between them; `select` takes those from all facts
    and figures. There is a table for each figure, which is looked up by a byte of its own. `size` is how many bytes
    have to be drawn.
    """

    pieces: list[str]
    select: Callable[[Sequence[str]], tuple[str, ...]]
    tables: Sequence[Sequence[str]]
    size: int

    def fill(self, facts: Sequence[str], own: Sequence[str], drawn: bytes) -> str:
        """The records, a line each, with these facts, those of their own, and the figures that were drawn."""
        figures = map(getitem, self.tables, drawn[OWN_BYTES:])
        digits = drawn.hex(" ", -_DIGITS_BYTES).split()
        pieces = self.pieces.copy()
        pieces[1::2] = self.select([*facts, *own, *figures, *digits])
        return "".join(pieces)


def _compose(texts: Iterator[str], facts: Sequence[str], number: int) -> Variant:
    """The variant of that number, of these texts."""
    places = {name: place for place, name in enumerate(facts)}
    several = Counter(name[:-1] for name in facts if name[-1].isdigit())
    tables_of = figure_tables()
    used: Counter[str] = Counter()
    tables: list[Sequence[str]] = []
    pieces = [""]
    positions: list[int] = []
    for text in texts:
        constant, *rest = _parse(text)
        pieces[-1] += constant
        for name, following in zip(rest[::2], rest[1::2], strict=True):
            turn = used[name]
            used[name] += 1
            if name in places:
                positions.append(places[name])
            elif name in tables_of:
                positions.append(len(facts) + len(tables))
                tables.append(tables_of[name][(number + turn) % len(tables_of[name])])
            elif name == DIGITS:
                positions.append(-1 - turn)
            else:
                positions.append(places[f"{name}{turn % several[name]}"])
            pieces += "", following
    size = -(-max(OWN_BYTES + len(tables), _DIGITS_BYTES * used[DIGITS]) // _DIGITS_BYTES) * _DIGITS_BYTES
    return Variant(pieces, itemgetter(*positions), tables, size)


@cache
def _parse(text: str) -> list[str]:
    """The constant texts of a text, and between them the names of its slots."""
    return _SLOT.split(_SLOT.sub(lambda found: _MACROS.get(found[1], found[0]), text))


def _begin_with_capital(sentence: str, facts: Sequence[str]) -> str:
    """The sentence, which begins with a capital: in a slot, by the fact of that name that does."""
    leading = _LEADING_SLOT.match(sentence)
    if leading is None:
        return sentence[0].upper() + sentence[1:]
    capital = leading[1].capitalize()
    return f"%({capital})s{sentence[leading.end() :]}" if capital in facts else sentence
