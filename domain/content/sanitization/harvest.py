"""Harvest of people: who an export names in its fields, and in the mentions of its texts.

Facts about one person are put together by these rules, in this order:

1. The same e-mail address, or the same account id, is one person. Two addresses are two people, whatever their names.
   Of one name, the only person with an address and the only other one, with an account id, are one.
2. A name without either belongs to the only person of that name; with a handle, to the one of that name and handle.
3. A handle alone belongs to the only person whose handle, local part or initial and surname it is.
4. Whoever is left is a person of their own.

What several people share, such as a name, belongs to none of them: it has a pseudonym of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from domain.content.documents import normalize_name
from domain.content.sanitization.normalization import fold_spelling
from domain.content.sanitization.people import People, Person, build_people, derive_name, initial_handle
from domain.content.sanitization.pools import NOBODY_WORDS, NOT_HANDLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PERSON_STEMS: Final = frozenset(
    (
        "author", "createdby", "creator", "assignee", "assignedto", "reporter", "owner", "maintainer", "lastmodifiedby",
        "modifiedby", "updatedby", "requester", "approver", "lead", "manager",
    )
)  # fmt: skip
_BARE: Final = frozenset(
    (
        "email", "useremail", "emailaddress", "userprofile", "username", "realname", "displayname", "user", "userid",
        "login",
    )
)  # fmt: skip
_SUFFIX: Final = re.compile(r"(?:email|emailaddress|mail|name|displayname|login|username|accountid|id|key)$")
_EMAIL: Final = re.compile(r"[\w.+'%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}")
_NAMED: Final = re.compile(rf"\s*\"?([^<>\"@]*?)\"?\s*[<(]\s*({_EMAIL.pattern})\s*[>)]\s*")
_ACCOUNT: Final = re.compile(
    r"[UW](?=[A-Z0-9]*\d)[A-Z0-9]{2,14}|\d+:[0-9a-f-]{20,}|[0-9a-f]{24,32}|qm:[0-9a-f:-]{20,}"
)
_HANDLE: Final = re.compile(r"@?[\w.-]{2,40}")
_NOTE: Final = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*")
_TITLE: Final = re.compile(r"(?:(?:dr|prof|mr|mrs|ms|herr|frau|mme|ing)\.?\s+)+", re.IGNORECASE)
_CAPITALISED: Final = r"[^\W\d_a-z][\w'\u2019-]+"
_MENTIONS: Final = (
    re.compile(r"<@(?P<account>[UW][A-Z0-9]+)(?:\|@?(?P<handle>[\w. -]{2,40}))?>"),
    re.compile(r"\[~(?:accountid:(?P<account>[^\]\s|]{3,80})|(?P<handle>[\w.@-]{2,60}))\]"),
    re.compile(r"ri:(?:account-id|userkey)=\\?\"(?P<account>[^\"\\]{3,80})"),
    re.compile(r"ri:username=\\?\"(?P<handle>[^\"\\]{2,60})"),
    re.compile(
        r"\"type\"\s*:\s*\"mention\"\s*,\s*\"attrs\"\s*:\s*\{\s*\"id\"\s*:\s*\"(?P<account>[^\"]{3,80})\"\s*,"
        r"\s*\"text\"\s*:\s*\"@?(?P<name>[^\"\\]{2,60})\""
    ),
    re.compile(
        rf"(?P<name>{_CAPITALISED}(?:\s+{_CAPITALISED}){{1,3}})\s*(?:<|&lt;|\()(?P<email>{_EMAIL.pattern})(?:>|&gt;|\))"
    ),
    re.compile(
        r"(?<![\w@./`<|-])@(?![A-Z][\w'-]*\s+[A-Z][a-z])(?P<handle>[A-Za-z][\w-]*(?:\.[\w-]+)*)(?![\w/(@])"
    ),
)
_EMAILS: Final = ("email", "emailaddress", "mail")
_SURE_NAMES: Final = ("displayname", "realname", "publicname", "fullname")
_NAMES: Final = (*_SURE_NAMES, "name")
_HANDLES: Final = ("login", "username", "slug", "name")
_ACCOUNTS: Final = ("accountid", "userkey", "userid", "id", "key")


class Fact(NamedTuple):
    """What one place of an export says of a person; empty where it says nothing."""

    email: str = ""
    name: str = ""
    handle: str = ""
    account: str = ""

    def join(self, other: Fact) -> Fact | None:
        """Both together; None when they contradict each other."""
        if any(mine and its and mine != its for mine, its in zip(self, other, strict=True)):
            return None
        return Fact(*(mine or its for mine, its in zip(self, other, strict=True)))


@lru_cache(maxsize=4096)
def find_stem(name: str) -> str | None:
    """The role that a field gives a person, such as `assignee` for `assigneeEmail`; None for a field of no person."""
    plain = normalize_name(name)
    if plain in _BARE:
        return "author"
    for stem in (plain, _SUFFIX.sub("", plain)):
        if stem in _PERSON_STEMS:
            return stem
    return None


@lru_cache(maxsize=8192)
def parse_fact(text: str) -> Fact | None:
    """What the text of a person's field says; None when it names nobody."""
    text = text.strip()
    if text.casefold() in NOBODY_WORDS:
        return None
    if named := _NAMED.fullmatch(text):
        return Fact(email=named[2].lower(), name=clean_name(named[1]))
    if _EMAIL.fullmatch(text):
        return Fact(email=text.lower())
    if _ACCOUNT.fullmatch(text):
        return Fact(account=text)
    is_one_name = text.isalpha() and text[0].isupper() and not text.isupper()
    if _HANDLE.fullmatch(text) and not is_one_name:
        return Fact(handle=text.removeprefix("@"))
    name = clean_name(text)
    return Fact(name=name) if name else None


def clean_name(text: str) -> str:
    """A name without notes and titles, the given name first."""
    text = _TITLE.sub("", _NOTE.sub(" ", text).strip(), count=1)
    if text.count(",") == 1:
        family, given = text.split(",")
        text = f"{given} {family}" if given.strip() and family.strip() else text.replace(",", "")
    return " ".join(text.split())


def parse_person_object(value: Mapping[str, Any]) -> Fact | None:
    """What an object says of a person; None when it names nobody."""
    members = {
        normalize_name(name): each for name, each in value.items() if isinstance(each, str) and each.strip()
    }
    email = next((members[each] for each in _EMAILS if each in members), "")
    names = [members[each] for each in _NAMES if each in members]
    name = next((each for each in names if " " in each.strip()), "")
    name = name or next((members[each] for each in _SURE_NAMES if each in members), "")
    handle = next(
        (members[each] for each in _HANDLES if each in members and " " not in members[each].strip()), ""
    )
    account = next((members[each] for each in _ACCOUNTS if _is_account(members.get(each, ""))), "")
    if handle == account:
        handle = ""
    nested = value.get("profile")
    fact = Fact(email.lower().strip(), clean_name(name), handle.strip().removeprefix("@"), account)
    inner = parse_person_object(nested) if isinstance(nested, Mapping) else None
    fact = (inner and fact.join(inner)) or fact
    return fact if any(fact) else None


def _is_account(text: str) -> bool:
    return _ACCOUNT.fullmatch(text) is not None


class PeopleHarvest:
    """Harvest of one export, record by record. It keeps what was said of people, each fact once, and no record."""

    def __init__(self) -> None:
        self._facts: dict[Fact, None] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Take up whom a record names."""
        by_stem: dict[str, list[Fact]] = {}
        for name, value in record.items():
            stem = find_stem(name)
            if stem is not None:
                for fact in _read_people(value, stem, record):
                    _put(fact, by_stem.setdefault(stem, []))
            if isinstance(value, str):
                self._add_mentions(value)
            elif isinstance(value, (dict, list)):
                self._add_mentions(msgspec.json.encode(value).decode())
        for facts in by_stem.values():
            self._facts.update(dict.fromkeys(facts))

    def finish(self) -> People:
        """The people of the export."""
        return build_people(_merge(self._facts))

    def _add_mentions(self, text: str) -> None:
        if "@" in text or "[~" in text or "ri:" in text or '"mention"' in text:
            for fact in _find_mentions(text):
                self._facts[fact] = None


def harvest_people(records: Iterable[Mapping[str, Any]]) -> People:
    """The people whom the records of an export name, of whatever type."""
    harvest = PeopleHarvest()
    for each in records:
        harvest.add(each)
    return harvest.finish()


def _find_mentions(text: str) -> Iterator[Fact]:
    for pattern in _MENTIONS:
        for found in pattern.finditer(text):
            given = {name: value or "" for name, value in found.groupdict().items()}
            handle = given.get("handle", "")
            if "@" in handle:
                yield Fact(email=handle.lower())
                continue
            if handle.lower() in NOT_HANDLES:
                handle = ""
            name = clean_name(given.get("name", ""))
            if " " in handle:
                name, handle = clean_name(handle), ""
            fact = Fact(given.get("email", "").lower(), name, handle, given.get("account", ""))
            if any(fact):
                yield fact


def _read_people(value: object, stem: str, record: Mapping[str, Any]) -> Iterator[Fact]:
    """What the value of a field says of people. An owner is often an organisation: one without a sign is no person."""
    if isinstance(value, list):
        for each in value:
            yield from _read_people(each, stem, record)
        return
    fact = (
        parse_person_object(value)
        if isinstance(value, Mapping)
        else parse_fact(value)
        if isinstance(value, str)
        else None
    )
    if fact is None:
        return
    if stem == "owner" and not fact.email:
        kind = value.get("type") if isinstance(value, Mapping) else None
        if kind != "User" and (isinstance(value, Mapping) or not fact.name or " " not in fact.name):
            return
    yield fact


def _put(fact: Fact, facts: list[Fact]) -> None:
    """Add a fact to those of the same role, as a part of one of them where both can be one person."""
    for number, each in enumerate(facts):
        joined = each.join(fact)
        if joined is not None:
            facts[number] = joined
            return
    facts.append(fact)


class _Group:
    """Everything that is known of one person."""

    def __init__(self) -> None:
        self.emails: set[str] = set()
        self.names: dict[str, str] = {}
        self.handles: set[str] = set()
        self.accounts: set[str] = set()

    def add(self, fact: Fact) -> None:
        for value, values in (
            (fact.email, self.emails),
            (fact.handle, self.handles),
            (fact.account, self.accounts),
        ):
            if value:
                values.add(value)
        if fact.name:
            folded = fold_spelling(fact.name)
            self.names[folded] = min(fact.name, self.names.get(folded, fact.name))

    def take(self, other: _Group) -> None:
        self.emails |= other.emails
        self.names |= other.names
        self.handles |= other.handles
        self.accounts |= other.accounts

    def folded_names(self) -> set[str]:
        return {*self.names} or {fold_spelling(each) for email in self.emails if (each := derive_name(email))}

    def folded_handles(self) -> set[str]:
        return {fold_spelling(each) for each in self.handles}

    def person(self) -> Person:
        return Person(
            tuple(sorted(self.emails)),
            tuple(sorted(self.names.values())),
            tuple(sorted(self.handles)),
            tuple(sorted(self.accounts)),
        )


def _merge(facts: Iterable[Fact]) -> list[Person]:
    ordered = sorted(facts)
    groups = _merge_names(_merge_keyed([each for each in ordered if each.email or each.account]))
    by_name: dict[str, list[_Group]] = {}
    for group in groups:
        for name in group.folded_names():
            by_name.setdefault(name, []).append(group)
    # Those with a handle first: of a name without one, it then is known how many people have it.
    named = sorted(
        (each for each in ordered if each.name and not (each.email or each.account)),
        key=lambda each: not each.handle,
    )
    for fact in named:
        _add_named(fact, by_name, groups)
    by_handle: dict[str, list[_Group]] = {}
    for group in groups:
        for handle in _possible_handles(group):
            by_handle.setdefault(handle, []).append(group)
    for fact in ordered:
        if fact.handle and not (fact.email or fact.account or fact.name):
            owners = by_handle.setdefault(fold_spelling(fact.handle), [])
            if not owners:
                owners.append(_Group())
                groups.append(owners[0])
            if len(owners) == 1:
                owners[0].add(fact)
    return sorted(each.person() for each in groups)


def _merge_keyed(facts: list[Fact]) -> list[_Group]:
    by_key: dict[str, _Group] = {}
    for fact in facts:
        keys = [
            key for key in (fact.email and f"mail {fact.email}", fact.account and f"id {fact.account}") if key
        ]
        known = list({id(by_key[key]): by_key[key] for key in keys if key in by_key}.values())
        group = known[0] if known else _Group()
        group.add(fact)
        for other in known[1:]:
            group.take(other)
            by_key.update({key: group for key, each in by_key.items() if each is other})
        by_key.update(dict.fromkeys(keys, group))
    return list({id(each): each for each in by_key.values()}.values())


def _merge_names(groups: list[_Group]) -> list[_Group]:
    """The groups, where the only one of a name with an address and the only other one, with an account id, are one."""
    by_name: dict[str, list[_Group]] = {}
    for group in groups:
        for name in group.folded_names():
            by_name.setdefault(name, []).append(group)
    merged: set[int] = set()
    for namesakes in by_name.values():
        if len(namesakes) == 2:  # noqa: PLR2004 - one with an address, and one without
            with_mail, without = sorted(namesakes, key=lambda each: not each.emails)
            if not (without.emails or with_mail.accounts or {id(with_mail), id(without)} & merged):
                with_mail.take(without)
                merged.add(id(without))
    return [each for each in groups if id(each) not in merged]


def _add_named(fact: Fact, by_name: dict[str, list[_Group]], groups: list[_Group]) -> None:
    same_name = by_name.setdefault(fold_spelling(fact.name), [])
    candidates = same_name
    if fact.handle:
        folded = fold_spelling(fact.handle)
        candidates = [each for each in same_name if folded in each.folded_handles()]
        if not candidates and len(same_name) == 1 and not same_name[0].handles:
            candidates = same_name
    if not candidates and (fact.handle or not same_name):
        candidates = [_Group()]
        same_name += candidates
        groups += candidates
    if len(candidates) == 1:
        candidates[0].add(fact)


def _possible_handles(group: _Group) -> set[str]:
    local = {fold_spelling(each.partition("@")[0]) for each in group.emails}
    return group.folded_handles() | local | {initial_handle(each) for each in group.folded_names()}
