"""Wording: the text of a record as one format, in which only the facts are left to be filled in.

A form has families of sentences, of which a record takes one each. Which ones is decided by its variant; each variant
of a form is put together once, and from then on a record of it costs one joining of texts. A slot of which a record has
several values (`a` stands for `a0`, `a1` and so on) takes the next one each time that it occurs.
"""

from __future__ import annotations

import re
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from domain.content.generation.phrases import Family

VARIANTS: Final = 24
"""How many combinations of sentences a form has."""

_SLOT: Final = re.compile(r"%\(([a-zA-Z]+\d?)\)s")
_LEADING_SLOT: Final = re.compile(r"%\(([a-z]+\d?)\)s")
_MACROS: Final = {
    f"{name}{slot}": text.format(slot=slot)
    for name, text in {
        "issue": "{{{{site:jira_issues}}}}/browse/%(key{slot})s",
        "link": "{{{{site:confluence_pages}}}}/spaces/%(project)s/pages/%(page{slot})s",
    }.items()
    for slot in range(4)
} | {"repo": "{{site:github_repos}}/%(slug)s", "prepo": "{{site:github_repos}}/%(pslug)s"}
"""Addresses, made of the facts of a story and of the placeholder for the client's own site."""


class Wording:
    """The wording of one form of records.

    Args:
        skeleton: the record as JSON, with slots.
        parts: the texts that its slots `PARTS` stand for, by name: sentences, and what stands between them.
        slots: the position of each fact by its name; those with several values are named with their numbers.
    """

    def __init__(
        self, skeleton: str, parts: Mapping[str, Sequence[Family | str]], slots: Mapping[str, int]
    ) -> None:
        self._skeleton = skeleton
        self._parts = parts
        self._slots = slots
        self._variants: dict[int, tuple[list[str], Callable[[Sequence[str]], tuple[str, ...]]]] = {}

    def fill(self, variant: int, facts: Sequence[str]) -> str:
        """The record of a variant, with these facts."""
        try:
            constant, select = self._variants[variant]
        except KeyError:
            constant, select = self._variants[variant] = self._compose(variant)
        pieces = constant.copy()
        pieces[1::2] = select(facts)
        return "".join(pieces)

    def _compose(self, variant: int) -> tuple[list[str], Callable[[Sequence[str]], tuple[str, ...]]]:
        text = self._skeleton
        turn = variant
        for name, pieces in self._parts.items():
            said = []
            for piece in pieces:
                if isinstance(piece, str):
                    said.append(piece)
                    continue
                turn = turn * 7 + 3  # so that the families of a form do not all take the same turn
                said.append(self._begin_with_capital(piece[(turn >> 2) % len(piece)]))
            text = text.replace(f"%({name})s", "".join(said))
        text = _SLOT.sub(lambda found: _MACROS.get(found[1], found[0]), text)
        used: Counter[str] = Counter()
        positions: list[int] = []

        def number_slot(found: re.Match[str]) -> str:
            name = found[1]
            if name not in self._slots:
                several = sum(f"{name}{number}" in self._slots for number in range(10))
                name = f"{name}{used[name] % several}"
                used[found[1]] += 1
            positions.append(self._slots[name])
            return "%s"

        pieces = _SLOT.sub(number_slot, text).split("%s")
        # Between the constant pieces is room for the facts.
        return [each for piece in pieces for each in (piece, "")][:-1], itemgetter(*positions)

    def _begin_with_capital(self, sentence: str) -> str:
        """The sentence, which begins with a capital: in a slot, by the fact of that name that does."""
        leading = _LEADING_SLOT.match(sentence)
        if leading is None:
            return sentence[0].upper() + sentence[1:]
        capital = leading[1].capitalize()
        return f"%({capital})s{sentence[leading.end() :]}" if capital in self._slots else sentence
