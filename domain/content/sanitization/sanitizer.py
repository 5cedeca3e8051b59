"""Sanitizer: takes people, numbers, addresses and secrets out of records, and checks that none is left.

Ids, keys, instants, counts and the names of containers stay byte for byte, so that what leads from one record to
another leads there still. Fields of people have pseudonyms, and all other texts are scanned. Fields that a type does
not know are kept out, unless the rules allow them.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from domain.content.documents import RECORD_KINDS, Reads, is_address, normalize_name, parse_timestamp
from domain.content.sanitization.detectors import Kind
from domain.content.sanitization.harvest import Fact, parse_fact, parse_person_object
from domain.content.sanitization.normalization import fold_spelling
from domain.content.sanitization.people import Form, People
from domain.content.sanitization.pools import NOBODY_WORDS
from domain.content.sanitization.pseudonyms import Minter, is_reserved_email
from domain.content.sanitization.rules import CompiledRules, SanitizationRules
from domain.content.sanitization.scanner import Scanner, apply_edits
from domain.errors import LeakFoundError
from domain.model import DroppedField, Leak, ReplacedCount, SanitizationReport, Suspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from domain.content.documents import NamePlan
    from domain.content.sanitization.scanner import Hit
    from domain.model import DatasetType

_KEPT_FIELDS: Final = frozenset({"thread", "parent_id", "space_key", "channel", "project", "language"})
_PEOPLE_FIELDS: Final = frozenset({"author_name"})
_USUAL_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)")
_OWNER_FIELDS: Final = frozenset({"owner", "full_name"})
_NAMED: Final = re.compile(r"\s*\"?([^<>\"]*?)\"?\s*<\s*([^<>\s]+@[^<>\s]+)\s*>\s*")
_MOST_SUSPECTS: Final = 200
_MOST_DROPPED: Final = 100
_MOST_PLANS: Final = 256
_SHORTEST_SUSPECT: Final = 8
_MOST_PASSES: Final = 4
_SHOWN_LEAKS: Final = 10
_TOLD_LEAKS: Final = 3
_FIELD_NAME: Final = re.compile(r"[A-Za-z][\w .-]{0,63}")
_OTHER_FIELD: Final = "(other)"
_NOBODY: Final = People((), {}, {}, {})
_MEMBERS: Final = {
    **dict.fromkeys(("email", "emailaddress", "mail"), "email"),
    **dict.fromkeys(("displayname", "realname", "publicname", "fullname"), "name"),
    **dict.fromkeys(("login", "username", "slug"), "handle"),
    **dict.fromkeys(("accountid", "userkey", "userid", "id", "key"), "account"),
}
"""The members of an object of a person, and the part of the pseudonym that each has."""
_ID_LEAKS: Final = frozenset({Kind.EMAIL, Kind.SECRET, Kind.IBAN})
"""What is a leak even in an id, which is nothing else by chance."""


class SanitizedRecord(NamedTuple):
    """Sanitized record under the names of its type, with what was replaced, kept out and suspected in it."""

    record: dict[str, Any]
    replaced: Mapping[tuple[str, str], int]
    dropped: tuple[str, ...]
    suspects: tuple[tuple[str, int, str], ...]


class Sanitizer:
    """Sanitizer of one export.

    Raises SettingsError for a key of less than 16 bytes, and for rules that cannot be used.

    Args:
        people: of all types of the export, so that somebody has the same pseudonym in all of them.
        key: of the installation: with the same key, the same person has the same pseudonym.
        rules: of the installation.
    """

    def __init__(self, people: People, key: bytes, rules: SanitizationRules | None = None) -> None:
        self._scanner = Scanner(people, Minter(key), CompiledRules(rules or SanitizationRules()))
        self._make_person = lru_cache(maxsize=8192)(_PersonMaker(self._scanner).make)
        self._plans: dict[tuple[DatasetType, tuple[str, ...]], NamePlan] = {}

    def _plan(self, dataset_type: DatasetType, names: tuple[str, ...]) -> NamePlan:
        """The plan for records of these names, which nearly all records of an export share."""
        plan = self._plans.get((dataset_type, names))
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            plan = self._plans[dataset_type, names] = RECORD_KINDS[dataset_type].plan_names(names)
        return plan

    def sanitize(self, dataset_type: DatasetType, record: Mapping[str, Any]) -> SanitizedRecord:
        """Sanitize a record, given with the names and values that the export has."""
        walk = _Walk(self._scanner, self._make_person)
        plan = self._plan(dataset_type, tuple(record))
        made: dict[str, Any] = {}
        for field, found in plan.collect_fields(record).items():
            made[field] = walk.sanitize_field(dataset_type, field, found.value)
        dropped = []
        for name in plan.unread:
            if name in self._scanner.rules.allowed_fields:
                made[name] = walk.sanitize_value(name, record[name])
            else:
                dropped.append(_show_field(name, self._scanner))
        return SanitizedRecord(made, walk.replaced, (*dropped, *walk.dropped), tuple(walk.suspects))


class LeakChecker:
    """Leak checker: finds what the detectors know and is not reserved, and every spelling of the people given.

    It needs no original: what is made up is known by its range, its pool or the tag of the key.
    Raises SettingsError as `Sanitizer` does.
    """

    def __init__(self, key: bytes, rules: SanitizationRules | None = None, people: People = _NOBODY) -> None:
        self._scanner = Scanner(people, Minter(key), CompiledRules(rules or SanitizationRules()))

    def check(
        self, dataset_type: DatasetType, record: Mapping[str, Any], number: int = 1
    ) -> tuple[Leak, ...]:
        """The leaks of a record that was sanitized; `number` is its place in the output."""
        return tuple(
            sorted(
                {
                    Leak(number, field, position, what)
                    for field, value in record.items()
                    for position, what in self._check_field(dataset_type, field, value)
                }
            )
        )

    def _check_field(self, dataset_type: DatasetType, field: str, value: object) -> Iterator[tuple[int, str]]:
        role = _find_role(dataset_type, field, value)
        if role is _Role.PERSON:
            for text in _person_texts(value):
                if not self._is_nobody(text):
                    yield 0, Kind.EMAIL if "@" in text[1:] else Kind.PERSON
            return
        for text in _texts(value):
            for hit in self._scanner.scan(text):
                if role is not _Role.KEPT or hit.kind in _ID_LEAKS:
                    yield hit.start, hit.kind

    def _is_nobody(self, text: str) -> bool:
        """Whether the value of a person's field is made up, or names nobody."""
        text = text.strip().removeprefix("@")
        if text.casefold() in NOBODY_WORDS or self._scanner.rules.is_allowed(text):
            return True
        named = _NAMED.fullmatch(text)
        if named:
            return is_reserved_email(named[2]) and self._scanner.is_made_up(named[1])
        if "@" in text:
            return is_reserved_email(text) and self._scanner.people.find(text) is None
        return self._scanner.is_made_up(text)


def check_leaks(
    checker: LeakChecker, records: Iterable[tuple[DatasetType, Mapping[str, Any]]]
) -> Iterator[Leak]:
    """Every leak of records that were sanitized, counted from 1."""
    for number, (dataset_type, record) in enumerate(records, 1):
        yield from checker.check(dataset_type, record, number)


def require_no_leaks(leaks: Sequence[Leak]) -> None:
    """Raise LeakFoundError when there is a leak. It names the places and the kinds, and no value."""
    if not leaks:
        return
    places = "; ".join(
        f"{each.kind} in the field {each.field} of record {each.record}, at position {each.position}"
        for each in leaks[:_TOLD_LEAKS]
    )
    raise LeakFoundError(
        f"{len(leaks)} values were left in the sanitized records: {places}"
        f"{', and others' if len(leaks) > _TOLD_LEAKS else ''}. Nothing has left the staging area.",
        leaks=[msgspec.to_builtins(each) for each in leaks[:_SHOWN_LEAKS]],
        leak_count=len(leaks),
    )


class SanitizationTally:
    """Tally of what was sanitized, from which the report is made."""

    def __init__(self, people: People) -> None:
        self._people = sum(not each.shared for each in people.persons)
        self._records = 0
        self._replaced: Counter[tuple[str, str]] = Counter()
        self._dropped: Counter[str] = Counter()
        self._suspects: list[Suspect] = []
        self._suspect_count = 0

    def add(self, sanitized: SanitizedRecord) -> None:
        """Count the next record."""
        self._records += 1
        self._replaced.update(sanitized.replaced)
        for name in sanitized.dropped:
            self._dropped[
                name if name in self._dropped or len(self._dropped) < _MOST_DROPPED else _OTHER_FIELD
            ] += 1
        self._suspect_count += len(sanitized.suspects)
        room = _MOST_SUSPECTS - len(self._suspects)
        self._suspects += [Suspect(self._records, *each) for each in sanitized.suspects[:room]]

    def report(self) -> SanitizationReport:
        """The report so far."""
        return SanitizationReport(
            self._records,
            self._people,
            tuple(ReplacedCount(*each, count) for each, count in sorted(self._replaced.items())),
            tuple(DroppedField(name, count) for name, count in sorted(self._dropped.items())),
            tuple(self._suspects),
            self._suspect_count,
        )


class _Role:
    """What a field is to the sanitizer."""

    KEPT: Final = "kept"
    PERSON: Final = "person"
    OWNER: Final = "owner"
    INSTANT: Final = "instant"
    COUNT: Final = "count"
    TEXT: Final = "text"


def _find_role(dataset_type: DatasetType, field: str, value: object) -> str:
    role = _find_usual_role(dataset_type, field)
    if role in {_Role.PERSON, _Role.OWNER}:
        return role
    if isinstance(value, bool) or value is None:
        return _Role.KEPT
    if isinstance(value, (dict, list)) or (field == "space_key" and str(value).startswith("~")):
        return _Role.TEXT
    if role is _Role.INSTANT:
        return _Role.KEPT if _is_instant(value) else _Role.TEXT
    if role is _Role.COUNT:
        return _Role.KEPT if isinstance(value, (int, float)) else _Role.TEXT
    return role


@lru_cache
def _find_usual_role(dataset_type: DatasetType, field: str) -> str:
    kind = RECORD_KINDS[dataset_type]
    if field in kind.people or field in _PEOPLE_FIELDS:
        return _Role.PERSON
    if field in _OWNER_FIELDS:
        return _Role.OWNER
    if field in kind.identifiers or field in _KEPT_FIELDS:
        return _Role.KEPT
    reads = next((each.reads for each in kind.fields if each.name == field), Reads.TEXT)
    return {Reads.INSTANT: _Role.INSTANT, Reads.COUNT: _Role.COUNT}.get(reads, _Role.TEXT)


def _is_instant(value: object) -> bool:
    if isinstance(value, str) and _USUAL_INSTANT.fullmatch(value):
        return True
    return isinstance(value, (str, int, float)) and parse_timestamp(value) is not None


def _texts(value: object) -> Iterator[str]:
    """The texts of a value: a text, the members of a list, or an object as JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield msgspec.json.encode(value).decode()
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        yield str(value)


def _person_texts(value: object) -> Iterator[str]:
    """The texts of a person's field: a text, or the members of a list or an object."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _person_texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _person_texts(each)
    else:
        yield from _texts(value)


class _PersonMaker:
    """Maker of what takes the place of the texts of people's fields."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner

    def make(self, text: str) -> str | None:
        """What takes the place of the text of a person's field; None when it names nobody, or somebody made up."""
        if text.casefold() in NOBODY_WORDS or self._scanner.rules.is_allowed(text):
            return None
        if named := _NAMED.fullmatch(text):
            found = self._scanner.find_person(named[2]) or self._scanner.find_person(named[1])
            who = found or self._scanner.minter.stranger(named[2].lower())
            return f"{who.name} <{who.email}>"
        if is_address(text):
            return self._scanner.replace_email(text)
        return None if self._scanner.is_made_up(text) else self._make_bare(text)

    def _make_bare(self, text: str) -> str:
        """What takes the place of a name, a handle or an account id."""
        found = self._scanner.find_person(text)
        fact = parse_fact(text) or Fact(name=text)
        who = found or self._scanner.minter.stranger(fold_spelling(text))
        if fact.account:
            return who.account
        if fact.handle:
            made = who.render(Form.HANDLE, fact.handle) if found else self._scanner.minter.user(fact.handle)
            return f"@{made}" if text.startswith("@") else made
        return who.render(Form.REVERSED, text) if text.count(",") == 1 else who.name


class _Walk:
    """Walk through one record."""

    def __init__(self, scanner: Scanner, make_person: Callable[[str], str | None]) -> None:
        self._scanner = scanner
        self._make_person = make_person
        self.replaced: Counter[tuple[str, str]] = Counter()
        self.dropped: list[str] = []
        self.suspects: list[tuple[str, int, str]] = []

    def sanitize_field(self, dataset_type: DatasetType, field: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
        match _find_role(dataset_type, field, value):
            case _Role.PERSON:
                return self._sanitize_people(field, value)
            case _Role.OWNER:
                return self._sanitize_owner(field, value)
            case _Role.KEPT:
                if isinstance(value, str) and self._scanner.names_person(value):
                    self.suspects.append((field, 0, "person_in_id"))
                return value
            case _:
                if field == "space_key":
                    return self._sanitize_personal_space(field, value)
                return self.sanitize_value(field, value)

    def sanitize_value(self, field: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """A value with all of its texts sanitized. An object is one text, in which a name may be divided."""
        if isinstance(value, str):
            return self._sanitize_text(field, value)
        if isinstance(value, dict):
            text = msgspec.json.encode(value).decode()
            return msgspec.json.decode(self._sanitize_json(field, text))
        if isinstance(value, list):
            return [self.sanitize_value(field, each) for each in value]
        if isinstance(value, bool) or value is None:
            return value
        text = str(value)
        made = self._replace(field, text, self._scanner.scan(text))
        return value if made == text else made

    def _sanitize_text(self, field: str, text: str) -> str:
        if text.startswith(("{", "[")) and _is_json(text):
            return self._sanitize_json(field, text)
        hits = self._scanner.scan(text)
        if len(text) >= _SHORTEST_SUSPECT:
            self.suspects += [(field, each, "name_like") for each in self._scanner.find_suspects(text, hits)]
        return self._replace(field, text, hits)

    def _sanitize_json(self, field: str, text: str) -> str:
        """JSON stays JSON: where a replacement would break it, as in a number, each value is sanitized alone."""
        replaced = self.replaced.copy()
        made = self._replace(field, text, self._scanner.scan(text))
        if made == text or _is_json(made):
            return made
        self.replaced = replaced
        value = _each_value(msgspec.json.decode(text), lambda each: self.sanitize_value(field, each))
        return msgspec.json.encode(value).decode()

    def _replace(self, field: str, text: str, hits: Sequence[Hit]) -> str:
        """A text with everything replaced, and once more what a replacement has uncovered in a tangled one."""
        for _ in range(_MOST_PASSES):
            if not hits:
                break
            for each in hits:
                self.replaced[field, each.kind] += 1
            made = apply_edits(text, hits)
            if all(_is_simple(each, text) for each in hits):
                return made
            text, hits = made, self._scanner.scan(made)
        return text

    def _sanitize_personal_space(self, field: str, value: str) -> str:
        made = self._scanner.replace_user(value[1:])
        if made is None:
            return value
        self.replaced[field, Kind.ACCOUNT] += 1
        return f"~{made}"

    def _sanitize_owner(self, field: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """An owner, or the owner in a full name: a known person has a pseudonym, and an organisation stays."""
        if isinstance(value, dict):
            is_person = value.get("type") == "User" or any("mail" in name.lower() for name in value)
            return self._sanitize_people(field, value) if is_person else self.sanitize_value(field, value)
        if not isinstance(value, str):
            return self.sanitize_value(field, value)
        if "@" in value:
            return self._sanitize_person(field, value)
        owner, slash, rest = value.partition("/")
        found = self._scanner.pseudonym(owner)
        if found is None or found[1].form in {Form.GIVEN, Form.FAMILY}:
            return self._sanitize_text(field, value)
        self.replaced[field, Kind.PERSON] += 1
        return found[0].render(found[1].form, owner) + slash + rest

    def _sanitize_people(self, field: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, list):
            return [self._sanitize_people(field, each) for each in value]
        if isinstance(value, dict):
            return self._sanitize_person_object(field, value)
        if isinstance(value, str):
            return self._sanitize_person(field, value)
        return self.sanitize_value(field, value)

    def _sanitize_person(self, field: str, text: str) -> str:
        made = self._make_person(text.strip())
        if made is None:
            return text
        self.replaced[field, Kind.EMAIL if "@" in made else Kind.PERSON] += 1
        return made

    def _sanitize_person_object(self, field: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """An object of a person, with the members that say who it is, and no others."""
        fact = parse_person_object(value)
        if fact is None:
            self.dropped += [f"{field}.{_show_field(name, self._scanner)}" for name in value]
            return {}
        said = [each for each in (fact.email, fact.account, fact.handle, fact.name) if each]
        who = next(filter(None, map(self._scanner.find_person, said)), None) or self._scanner.minter.stranger(
            said[0]
        )
        made: dict[str, Any] = {}
        for name, each in value.items():
            if normalize_name(name) == "profile" and isinstance(each, dict):
                made[name] = self._sanitize_person_object(field, each)
            elif isinstance(each, str) and (part := _find_part(name, each)):
                made[name] = each if self._is_made_up(each) else getattr(who, part)
            else:
                self.dropped.append(f"{field}.{_show_field(name, self._scanner)}")
        self.replaced[field, Kind.PERSON] += 1
        return made

    def _is_made_up(self, text: str) -> bool:
        return self._scanner.is_made_up(text) or ("@" in text and self._scanner.replace_email(text) is None)


def _is_simple(hit: Hit, text: str) -> bool:
    """Whether a replacement cannot make something count that stood glued to what it replaced."""
    return hit.kind == Kind.PERSON and len(hit.edits) == 1 and not text[hit.end - 1].isdigit()


def _find_part(name: str, value: str) -> str | None:
    plain = normalize_name(name)
    if plain == "name":
        return "name" if " " in value.strip() else "handle"
    return _MEMBERS.get(plain)


def _show_field(name: str, scanner: Scanner) -> str:
    """The name of a field for a report: one that names somebody, or holds a value, is not shown."""
    return name if _FIELD_NAME.fullmatch(name) and not scanner.scan(name) else _OTHER_FIELD


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False
    return True


# Any, because it takes and returns any JSON.
def _each_value(value: Any, change: Callable[[Any], Any]) -> Any:  # noqa: ANN401
    """JSON with each value that is no object and no list changed."""
    if isinstance(value, dict):
        return {name: _each_value(each, change) for name, each in value.items()}
    if isinstance(value, list):
        return [_each_value(each, change) for each in value]
    return change(value)
