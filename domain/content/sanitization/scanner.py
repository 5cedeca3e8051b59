"""Scanner: finds in a text what must not leave it, with what takes its place.

A text is looked at as its reader sees it, and once more without its markup. What is reserved is passed over, so that a
scan of what was sanitized finds nothing but leaks: the sanitizer and the leak check are the same scan.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from domain.content.sanitization.detectors import Kind, find_patterns, hint_pattern, is_national_id
from domain.content.sanitization.harvest import clean_name
from domain.content.sanitization.normalization import fold_spelling, has_flow, normalize_text
from domain.content.sanitization.people import Form
from domain.content.sanitization.pools import NOT_HANDLES, ORDINARY_WORDS, ROLE_WORDS
from domain.content.sanitization.pseudonyms import (
    is_pseudonym,
    is_reserved_address,
    is_reserved_email,
    is_reserved_mac,
    is_reserved_phone,
    is_test_card,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from domain.content.sanitization.normalization import NormalizedText
    from domain.content.sanitization.people import People, Spelling
    from domain.content.sanitization.pseudonyms import Minter, Pseudonym
    from domain.content.sanitization.rules import CompiledRules

Edit = tuple[int, int, str]
_NO_PICTURE: Final = "R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
_LONGEST_SECRET: Final = 64
_NEAR: Final = 4
_NEIGHBOURS: Final = 8
_SHORT: Final = 64
_MOST_KEPT: Final = 8192
_WITH_NAMES: Final = frozenset({Kind.EMAIL, Kind.URL_IDENTITY})
_EASTERN: Final = "\u0e00"
"""From here on, scripts put no spaces between words."""
_CHANNEL: Final = re.compile(r"(?:(?<!\w)#[\w-]*|<#C[A-Z0-9]+\|[\w-]*)$")
_TITLE: Final = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau|Mme)\.? $")
_SPACE: Final = re.compile(r"\s")
_HANDLE_SIGNS: Final = "@~|"
_WORD: Final = re.compile(r"[^\W_]+")
_LETTERS: Final = re.compile(r"[^\W\d_]{2}")
_PAIR: Final = r"[A-Z][a-z]{1,20} (?:[A-Z]\. )?[A-Z][a-z]{1,20}\b"
_SUSPECT: Final = hint_pattern(
    r"(?i:\b(?:by|from|cc|contact|ask|asked|ping|pinged|thanks|with|tell|told|met|owner|author|manager|engineer|lead|assignee"
    rf"|reporter|approver|customer|colleague|mr|mrs|ms|dr|prof|assigned to)\b)[.:,]? {_PAIR}"
)
_PAIR_AT_END: Final = re.compile(rf"{_PAIR}$")
_ACCOUNT_ID: Final = re.compile(r"[UW][A-Z0-9]+|.*[:].*")


class Hit(NamedTuple):
    """Something that must not stay: where it is in the text, of what kind it is, and the changes that replace it."""

    start: int
    end: int
    kind: str
    edits: list[Edit]


class _Candidate(NamedTuple):
    """What may be a hit, and the spelling of a person that it is."""

    start: int
    end: int
    kind: str
    spelling: Spelling | None = None


class Scanner:
    """Scanner of an installation, for one export."""

    def __init__(self, people: People, minter: Minter, rules: CompiledRules) -> None:
        self.people = people
        self.minter = minter
        self.rules = rules
        self.pseudonyms = minter.deal_pseudonyms(people)
        self._texts = sorted({*people.spellings, *people.handles, *rules.words})
        self._automaton = AhoCorasick(
            self._texts,
            matchkind=MatchKind.Standard,
            store_patterns=False,
            implementation=Implementation.ContiguousNFA,
        )
        self.replace_email = lru_cache(maxsize=_MOST_KEPT)(self._replace_email)
        self.names_person = lru_cache(maxsize=_MOST_KEPT)(self._names_person)
        self._short: dict[str, list[Hit]] = {}
        self._replace: dict[str, Callable[[str], str | None]] = {
            Kind.EMAIL: self.replace_email,
            Kind.ACCOUNT: self.replace_account,
            Kind.URL_IDENTITY: self.replace_user,
            Kind.SECRET: self._replace_secret,
            Kind.EMBEDDED_FILE: lambda text: None if text == _NO_PICTURE else _NO_PICTURE,
            Kind.PHONE: lambda text: None if is_reserved_phone(text) else minter.phone(text),
            Kind.CARD: lambda text: None if is_test_card(text) else minter.card(text),
            Kind.IBAN: minter.iban,
            Kind.NATIONAL_ID: self._replace_national_id,
            Kind.IP_ADDRESS: lambda text: None if is_reserved_address(text) else minter.address(text),
            Kind.MAC_ADDRESS: lambda text: None if is_reserved_mac(text) else minter.mac(text),
        }

    def scan(self, text: str) -> list[Hit]:
        """Everything in a text that must not stay, in order."""
        if len(text) > _SHORT:
            return self._scan(text)
        # Texts such as states and labels come again and again.
        hits = self._short.get(text)
        if hits is None:
            if len(self._short) >= _MOST_KEPT:
                self._short.clear()
            hits = self._short[text] = self._scan(text)
        return hits

    def _scan(self, text: str) -> list[Hit]:
        view = normalize_text(text)
        hits = [*self._find_hits(view, self._find_candidates(view))]
        if not has_flow(text):
            return hits
        flow = normalize_text(text, flow=True)
        if flow.shown == view.shown:
            return hits
        more = [*self._find_hits(flow, self._find_candidates(flow, only_divided=True), only_divided=True)]
        return _choose_hits([*hits, *more]) if more else hits

    def _names_person(self, text: str) -> bool:
        """Whether an id or the name of a container has somebody's name in it."""
        if not _LETTERS.search(text) or not self._automaton.find_matches_as_indexes(fold_spelling(text)):
            return False
        return any(each.kind == Kind.PERSON for each in self.scan(text))

    def find_suspects(self, text: str, hits: Iterable[Hit]) -> Iterator[int]:
        """Where two capitalised words stand behind the word of a role, and are in no list: maybe somebody's name."""
        for hint in _SUSPECT.finditer(text.encode("ascii", "replace")):
            found = _PAIR_AT_END.search(text, hint.start(), hint.end())
            words = found[0].lower().replace(".", "").split() if found else [""]
            if (
                found
                and ORDINARY_WORDS.isdisjoint(words)
                and ROLE_WORDS.isdisjoint(words)
                and not is_pseudonym(found[0])
                and not self.rules.is_allowed(found[0])
                and not any(each.start < found.end() and found.start() < each.end for each in hits)
            ):
                yield found.start()

    def pseudonym(self, text: str) -> tuple[Pseudonym, Spelling] | None:
        """The pseudonym of the person whom a spelling means; None for nobody."""
        spelling = self.people.find(text)
        return None if spelling is None else (self.pseudonyms[spelling.person], spelling)

    def find_person(self, text: str) -> Pseudonym | None:
        """The pseudonym of the person whom the field of a person means."""
        for each in (text, text.removeprefix("@"), clean_name(text)):
            found = self.pseudonym(each)
            if found is not None:
                return found[0]
        return None

    def _replace_email(self, text: str) -> str | None:
        """The made-up address for an address; None for a reserved one."""
        address = text.lower()
        local, _, domain = address.partition("@")
        number = self.people.emails.get(address)
        if number is None:
            number = self.people.emails.get(f"{local.partition('+')[0]}@{domain}")
        if number is not None:
            made = self.pseudonyms[number].email
        elif is_reserved_email(address):
            return None
        else:
            made = f"{self.minter.user(address)}@{self.minter.domain(domain)}"
        return made.upper() if text.isupper() else made

    def replace_account(self, text: str) -> str | None:
        """The made-up account id or handle for one of a mention; None for a made-up one."""
        if text.lower() in NOT_HANDLES:
            return None
        if "@" in text:
            return self.replace_email(text)
        found = self.pseudonym(text)
        if found is not None:
            return found[0].render(found[1].form, text)
        if self.minter.is_account(text) or self.is_made_up(text):
            return None
        return self.minter.stranger(text).account if _ACCOUNT_ID.fullmatch(text) else self.minter.user(text)

    def replace_user(self, text: str) -> str | None:
        """The made-up name of a user for one in an address; None for a made-up one, and for one that is nobody's."""
        found = self.pseudonym(text)
        if found is not None:
            return found[0].render(found[1].form, text)
        folded = fold_spelling(text)
        if self.is_made_up(text) or folded in ROLE_WORDS or folded in NOT_HANDLES or "git" in folded:
            return None
        return self.replace_email(text) if "@" in text else self.minter.user(text)

    def is_made_up(self, text: str) -> bool:
        """Whether a name, handle or account id is a pseudonym."""
        return (
            is_pseudonym(text)
            or self.minter.is_account(text)
            or (text.lower().startswith("user-") and self.minter.is_code(text[5:].upper()))
        )

    def _replace_secret(self, text: str) -> str | None:
        if self.minter.has_token(text):
            return None
        return self.minter.token(Kind.SECRET, text, min(len(text), _LONGEST_SECRET))

    def _replace_national_id(self, text: str) -> str:
        """A number of the same notation whose check fails, and that is nothing else either."""
        attempt = 0
        while True:
            made = self.minter.characters(Kind.NATIONAL_ID, text, text, attempt)
            if not is_national_id(made) and next(find_patterns(made), None) is None:
                return made
            attempt += 1

    def _find_candidates(self, view: NormalizedText, *, only_divided: bool = False) -> list[_Candidate]:
        candidates = self._find_people(view, only_divided=only_divided)
        candidates += map(_Candidate._make, _without_spelling(self.rules.find(view.shown)))
        candidates += map(_Candidate._make, _without_spelling(find_patterns(view.shown)))
        return candidates

    def _find_hits(
        self, view: NormalizedText, candidates: list[_Candidate], *, only_divided: bool = False
    ) -> Iterator[Hit]:
        """Of candidates that overlap, the first, and of those the longest; or only those that markup divides."""
        if len(candidates) > 1:
            candidates.sort(key=_order)
        at = 0
        for number, each in enumerate(candidates):
            if each.start < at:
                continue
            if each.spelling and each.spelling.beside:
                neighbours = candidates[max(0, number - _NEIGHBOURS) : number + _NEIGHBOURS]
                if not _stands_beside(each, neighbours, view.shown):
                    continue
            if only_divided and not view.has_joint(each.start, each.end):
                at = each.end
                continue
            matched = view.shown[each.start : each.end]
            if self.rules.is_allowed(matched):
                at = each.end
                continue
            made = self._replacement(each, matched)
            if made is None and each.kind in _WITH_NAMES:
                continue  # a reserved address may still have somebody's name in it
            at = each.end
            if made is not None:
                start, end = view.span(each.start, each.end)
                yield Hit(start, end, each.kind, view.edits(each.start, each.end, made))

    def _replacement(self, found: _Candidate, matched: str) -> str | None:
        """What takes the place of something found; None for what is reserved already."""
        if found.spelling is not None:
            return self.pseudonyms[found.spelling.person].render(found.spelling.form, matched)
        replace = self._replace.get(found.kind)
        if replace is not None:
            return replace(matched)
        return None if self.minter.has_token(matched) else self.minter.token(found.kind, matched.lower())

    def _find_people(self, view: NormalizedText, *, only_divided: bool) -> list[_Candidate]:
        """The spellings of people, and the words of dictionaries; none where markup divides none of them."""
        shown = view.shown
        found: list[_Candidate] = []
        matches = self._automaton.find_matches_as_indexes(view.folded, overlapping=True)
        if only_divided and not any(view.has_joint(start, end) for _, start, end in matches):
            return found
        for index, start, end in matches:
            if (start and not _is_edge(shown[start - 1], shown[start])) or (
                end < len(shown) and not _is_edge(shown[end - 1], shown[end])
            ):
                continue
            text = self._texts[index]
            kind = self.rules.words.get(text)
            if kind is not None:
                found.append(_Candidate(start, end, kind))
                continue
            spelling = self._find_spelling(text, shown, start, end)
            if spelling is not None and _may_count(spelling, shown, start, end):
                found.append(_Candidate(start, end, Kind.PERSON, spelling))
        return found

    def _find_spelling(self, text: str, shown: str, start: int, end: int) -> Spelling | None:
        spelling = self.people.spellings.get(text)
        is_marked = start > 0 and shown[start - 1] in _HANDLE_SIGNS
        if is_marked or (" " in text and not _SPACE.search(shown, start, end)):
            return self.people.handles.get(text) or spelling
        return spelling


def _is_edge(before: str, after: str) -> bool:
    """Whether a word may end between two characters."""
    return not (before.isalnum() and after.isalnum()) or before >= _EASTERN or after >= _EASTERN


def _may_count(spelling: Spelling, shown: str, start: int, end: int) -> bool:
    """Whether a spelling counts where it stands."""
    if spelling.capital and not all(map(_is_capital, _WORD.findall(shown, start, end))):
        return False
    is_part = spelling.form is Form.GIVEN or spelling.form is Form.FAMILY
    if is_part and shown[end : end + 1] == "-" and shown[end + 1 : end + 2].isdigit():
        return False  # the key of an issue
    return not ("#" in shown and _CHANNEL.search(shown, max(0, start - 80), start))


def _is_capital(word: str) -> bool:
    first = word[0]
    return first.isupper() or not first.isalpha() or first >= _EASTERN


def _order(candidate: _Candidate) -> tuple[int, int]:
    return candidate.start, -candidate.end


def _without_spelling(found: Iterable[tuple[int, int, str]]) -> Iterator[tuple[int, int, str, None]]:
    return ((*each, None) for each in found)


def _stands_beside(word: _Candidate, candidates: list[_Candidate], text: str) -> bool:
    """Whether a word that is a part of a name stands behind a title, or beside another spelling of the same person."""
    if _TITLE.search(text, max(0, word.start - 6), word.start):
        return True
    person = word.spelling.person if word.spelling else None
    return any(
        each.spelling is not None
        and each.spelling.person == person
        and not each.spelling.beside
        and not _WORD.search(text[min(each.end, word.end) : max(each.start, word.start)])
        and min(abs(each.start - word.end), abs(word.start - each.end)) <= _NEAR
        for each in candidates
    )


def _choose_hits(hits: list[Hit]) -> list[Hit]:
    """Of hits that change the same characters, the first, and of those the longest."""
    chosen: list[Hit] = []
    reached = 0
    for each in sorted(hits, key=lambda each: (each.start, -each.end)):
        if each.start >= reached or not any(_collide(each, other) for other in chosen[-_NEIGHBOURS:]):
            chosen.append(each)
            reached = max(reached, each.end)
    return chosen


def _collide(first: Hit, second: Hit) -> bool:
    return any(
        start < other_end and other_start < end
        for start, end, _ in first.edits
        for other_start, other_end, _ in second.edits
    )


def apply_edits(text: str, hits: Iterable[Hit]) -> str:
    """A text with all of its hits replaced."""
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(edit for hit in hits for edit in hit.edits):
        parts += (text[at:start], new)
        at = end
    return "".join([*parts, text[at:]])
