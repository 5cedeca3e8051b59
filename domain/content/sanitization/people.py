"""People of an export, and the spellings by which each of them is found in texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.content.sanitization.normalization import fold_spelling
from domain.content.sanitization.pools import ORDINARY_WORDS, ROLE_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SHORTEST_ALONE: Final = 3
_APOSTROPHE: Final = re.compile("['\u2019]")
_UMLAUTS: Final = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "ø": "oe",
        "å": "aa",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "Ø": "Oe",
        "Å": "Aa",
    }
)


class Form(Enum):
    """What of a person a spelling is."""

    FULL = "full name"
    REVERSED = "surname and name"
    INITIALS = "initials and surname"
    GIVEN = "given name"
    FAMILY = "surname"
    HANDLE = "handle"
    ACCOUNT = "account id"


class Person(NamedTuple):
    """Person with everything that an export calls them."""

    emails: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    shared: str = ""
    """The spelling that several people share, which stands for one of them, nobody knows which."""

    @property
    def identity(self) -> str:
        """What tells this person from all others, the same in every export that says as much."""
        if self.shared:
            return f"shared {self.shared}"
        if self.emails:
            return f"mail {self.emails[0]}"
        if self.accounts:
            return f"id {self.accounts[0]}"
        name = fold_spelling(self.names[0]) if self.names else ""
        return f"name {name} {fold_spelling(self.handles[0]) if self.handles else ''}"


class Spelling(NamedTuple):
    """Spelling of a person.

    `capital` ones count only with capital letters, and `beside` ones only beside another spelling of the same person or
    a title.
    """

    person: int
    form: Form
    capital: bool = False
    beside: bool = False


@dataclass(frozen=True, slots=True)
class People:
    """People of an export. Its size follows from their number, not from that of the records."""

    persons: tuple[Person, ...]
    spellings: Mapping[str, Spelling]
    """Those that stand for a person wherever they are, by the folded text."""
    handles: Mapping[str, Spelling]
    """Those that stand for a person behind a sign such as `@`, and in the field of a person."""
    emails: Mapping[str, int]

    def find(self, text: str) -> Spelling | None:
        """Whose spelling a text is; None for nobody's."""
        number = self.emails.get(text.strip().lower())
        if number is not None:
            return Spelling(number, Form.HANDLE)
        folded = fold_spelling(text)
        if " " in text.strip():
            return self.spellings.get(folded)
        return self.handles.get(folded) or self.spellings.get(folded)


def derive_name(email: str) -> str:
    """The name in an address such as `maria.lopez@example.com`; empty where it has none."""
    parts = fold_spelling(email.partition("@")[0]).split()
    if len(parts) != 2 or not all(each.isalpha() and len(each) > 1 for each in parts):  # noqa: PLR2004 - given and surname
        return ""
    return "" if ROLE_WORDS.intersection(parts) else " ".join(each.capitalize() for each in parts)


def initial_handle(folded_name: str) -> str:
    """The initial and surname, as many handles are made."""
    parts = folded_name.split()
    return parts[0][0] + parts[-1] if len(parts) > 1 else folded_name


def build_people(persons: Iterable[Person]) -> People:
    """The people with all their spellings. What several of them share becomes one more person."""
    found = list(persons)
    free, marked = _Table(), _Table()
    for number, person in enumerate(found):
        for text, rank, spelling in _spell(person, number):
            free.add(text, rank, spelling)
        for text, rank, spelling in _spell_handles(person, number):
            marked.add(text, rank, spelling)
            if _stands_alone(text, person):
                free.add(text, rank, spelling)
    shared: dict[str, int] = {}
    for text in [*free.shared(), *marked.shared()]:
        if text not in shared:
            shared[text] = len(found)
            found.append(Person(shared=text))
    emails = {email: number for number, person in enumerate(found) for email in person.emails}
    return People(tuple(found), free.settle(shared), marked.settle(shared), emails)


class _Table:
    """Spellings with the person whom each belongs to: what is said of somebody comes before what follows from it."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[int, Spelling, bool]] = {}

    def add(self, text: str, rank: int, spelling: Spelling) -> None:
        before = self.rows.get(text)
        if before is None or rank < before[0]:
            self.rows[text] = (rank, spelling, False)
        elif rank == before[0] and spelling.person != before[1].person:
            self.rows[text] = (rank, before[1], True)

    def shared(self) -> list[str]:
        """The texts that belong to several people."""
        return [text for text, (_, _, is_shared) in self.rows.items() if is_shared]

    def settle(self, shared: Mapping[str, int]) -> dict[str, Spelling]:
        """The spellings, those that are shared with the person who stands for all."""
        return {
            text: spelling._replace(person=shared[text]) if is_shared else spelling
            for text, (_, spelling, is_shared) in self.rows.items()
        }


_Row = tuple[str, int, Spelling]


def _spell(person: Person, number: int) -> Iterator[_Row]:
    for account in person.accounts:
        yield fold_spelling(account), 0, Spelling(number, Form.ACCOUNT, capital=account[0].isupper())
    for name in person.names:
        yield from _spell_name(name, number, is_said=True)
    derived = () if person.names else filter(None, map(derive_name, person.emails))
    for name in derived:
        yield from _spell_name(name, number, is_said=False)


def _spell_name(name: str, number: int, *, is_said: bool) -> Iterator[_Row]:
    texts = {name, name.translate(_UMLAUTS)}
    texts |= {_APOSTROPHE.sub("", each) for each in texts}
    for text in texts:
        words = [folded for each in text.replace(",", " ").split() if (folded := fold_spelling(each))]
        if len(words) == 1 and words[0] not in ROLE_WORDS:
            yield from _spell_alone(words[0], number, Form.FULL)
        elif len(words) > 1:
            yield from _spell_words(words, number, is_said=is_said)


def _spell_words(words: list[str], number: int, *, is_said: bool) -> Iterator[_Row]:
    """The spellings of a name. A word may be several, as in Anna-Lena."""
    rank = 1 if is_said else 2
    single = " ".join(words).split()
    are_roles = not ROLE_WORDS.isdisjoint(single)
    full = Spelling(number, Form.FULL, capital=are_roles or not is_said or ORDINARY_WORDS.issuperset(single))
    yield " ".join(words), rank, full
    if are_roles:
        return
    given, family, rest = words[0], words[-1], " ".join(words[1:])
    for first in {given, given.split()[0]}:
        for last in {family, rest}:
            yield from _spell_pair(first, last, rank, full)
    if len(words) > 2:  # noqa: PLR2004 - a name between the first and the last
        middle = [each[0] for each in words[1:-1]]
        yield "  ".join([given[0], *middle, family]), 3, full._replace(form=Form.INITIALS, capital=True)
        yield "  ".join([f"{given} {' '.join(middle)}", family]), 3, full
    for form, part in ((Form.GIVEN, given), (Form.FAMILY, family)):
        yield from _spell_alone(part, number, form)


def _spell_pair(given: str, family: str, rank: int, full: Spelling) -> Iterator[_Row]:
    """The spellings of one given name and one surname."""
    reverse = full._replace(form=Form.REVERSED)
    initials = full._replace(form=Form.INITIALS, capital=True)
    yield f"{given} {family}", rank, full
    yield f"{family}, {given}", rank, reverse
    yield f"{family} {given}", rank, reverse._replace(capital=True)
    yield f"{given[0]} {family}", 3, initials
    yield f"{given[0]}  {family}", 3, initials
    yield f"{family}, {given[0]}", 3, initials._replace(form=Form.REVERSED)
    handle = full._replace(form=Form.HANDLE, capital=False)
    joined = family.replace(" ", "")
    yield given.replace(" ", "") + joined, 3, handle
    if given[0] + joined not in ORDINARY_WORDS and len(joined) >= _SHORTEST_ALONE:
        yield given[0] + joined, 3, handle


def _spell_alone(word: str, number: int, form: Form) -> Iterator[_Row]:
    """A part of a name, which stands for a person where it is no other word, and beside another part where it is."""
    is_word = word in ORDINARY_WORDS or len(word) < _SHORTEST_ALONE
    if word.replace(" ", "").isalpha() and len(word) > 1:
        yield word, 4, Spelling(number, form, capital=True, beside=is_word)


def _spell_handles(person: Person, number: int) -> Iterator[_Row]:
    for rank, handles in ((1, person.handles), (2, [each.partition("@")[0] for each in person.emails])):
        for handle in handles:
            folded = fold_spelling(handle)
            if folded and not (rank > 1 and (ORDINARY_WORDS | ROLE_WORDS).issuperset(folded.split())):
                yield folded, rank, Spelling(number, Form.HANDLE)


def _stands_alone(handle: str, person: Person) -> bool:
    """Whether a folded handle means a person without an `@`: it has a digit, a mark, or a part of their name."""
    words = handle.split()
    if len(handle) < _SHORTEST_ALONE or (ORDINARY_WORDS | ROLE_WORDS).issuperset(words):
        return False
    if len(words) > 1 or not handle.isalpha():
        return True
    parts = {part for name in person.names for part in fold_spelling(name).split()}
    return handle not in parts and any(len(each) >= _SHORTEST_ALONE and each in handle for each in parts)
