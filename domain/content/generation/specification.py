"""Company specification: what a person writes to describe a made-up company, and the checks of it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import msgspec

from domain.errors import TemplateInvalidError
from domain.model import USUAL_COUNT, convert_plain, quote_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator

Problem: TypeAlias = "tuple[str, str]"
GENERATOR: Final = "company/1"
"""The generator, with its version, that a specification has to name."""
MAX_COUNT: Final = 10_000_000
"""How many records of one type a company can have."""

_TEXT: Final = re.compile(r"(?!.*(?:://|www\.))[^\x00-\x1f\x7f\"\\<>&{}\[\]%|`]+", re.IGNORECASE)
_TEXT_RULE: Final = 'is one line without an address and without " \\ < > & { } [ ] % | or `'
_DOMAIN: Final = re.compile(r"(?:[a-z0-9-]+\.)*(?:example|example\.(?:com|org|net)|test|invalid)")
_NAME: Final = re.compile(r"(?=.{2,39}$)[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_KEY: Final = re.compile(r"[A-Z]{2,8}")
_SLUG: Final = re.compile(r"(?=.{1,40}$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST: Final = 120
_FEWEST: Final = 8
_MOST: Final = 1000
_FEWEST_TEAMS: Final = 2
_HIGHEST_SHARE: Final = 100
_MOST_NOISE: Final = 0.25


class Team(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Team of the company: its name, the key of its Jira project and Confluence space, and the systems that it runs."""

    name: str
    key: str
    systems: tuple[str, ...]


class System(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """System of the company.

    `data` is what it handles, in the plural; `signal` is the figure that its team watches, in `unit`; `purpose` is what
    it does, as the predicate of a sentence.
    """

    title: str
    language: str
    data: str
    signal: str
    unit: str
    purpose: str


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The vocabulary of an industry; each list has eight entries or more.

    `parties` are customers, in the plural. `symptoms` are what is seen to go wrong, `causes` why, and `fixes` what is
    done about it, beginning with a verb in -ing. `rules` are whole clauses, as they follow "that". `options` are what
    is decided about, with an article.
    """

    parties: tuple[str, ...]
    places: tuple[str, ...]
    components: tuple[str, ...]
    symptoms: tuple[str, ...]
    causes: tuple[str, ...]
    fixes: tuple[str, ...]
    goals: tuple[str, ...]
    rules: tuple[str, ...]
    options: tuple[str, ...]
    topics: tuple[str, ...]


class Shares(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the stories are of each kind, in proportion to one another."""

    incident: int = 3
    release: int = 3
    decision: int = 2
    migration: int = 1
    question: int = 3


class Noise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which share of the records is noise: near-duplicates of each type; stale and misfiled pages of the pages."""

    near_duplicates: float = 0
    stale_pages: float = 0
    misfiled: float = 0


class CompanySpecification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Specification of a made-up company, from which records of all four types are generated."""

    generator: str
    company: str
    domain: str
    teams: tuple[Team, ...]
    systems: dict[str, System]
    words: Words
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 1
    records: Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)] = USUAL_COUNT
    shares: Shares = Shares()
    noise: Noise = Noise()


def parse_specification(content: object, file: str) -> CompanySpecification:
    """Parse the decoded content of a specification's file.

    Raises:
        TemplateInvalidError: it is none, or contradicts itself; `facts` name the file and the field.
    """
    if not isinstance(content, dict):
        raise _invalid(
            file,
            "generator",
            f"is missing: a company's file has a line `generator: {GENERATOR}`, and other fields",
        )
    generator = content.get("generator")
    if generator != GENERATOR:
        named = "no generator" if generator is None else f"the generator {quote_foreign(str(generator))}"
        raise _invalid(file, "generator", f"names {named}; this version has {GENERATOR}")
    try:
        specification = convert_plain(content, CompanySpecification)
    except msgspec.ValidationError as error:
        raise _invalid(file, *_locate(str(error))) from None
    for field, problem in _find_problems(specification):
        raise _invalid(file, field, problem)
    return specification


_UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(.*?)`")
_MISSING_FIELD: Final = re.compile(r"Object missing required field `(.*?)`")


def _locate(message: str) -> tuple[str, str]:
    """The field and the problem in an error of msgspec, which ends in ` - at `$.path``, where lists count from 0."""
    problem, _, path = message.partition(" - at `$")
    path = re.sub(r"\[(\d+)\]", lambda found: f"[{int(found[1]) + 1}]", path.rstrip("`").lstrip("."))
    if unknown := _UNKNOWN_FIELD.match(problem):
        return ".".join(filter(None, (path, unknown[1]))), "is not known"
    if missing := _MISSING_FIELD.match(problem):
        return ".".join(filter(None, (path, missing[1]))), "is missing"
    return path or "it", f"is not as expected: {problem[0].lower()}{problem[1:]}"


def _find_problems(specification: CompanySpecification) -> Iterator[Problem]:
    """Every contradiction, as the field and what is wrong with it."""
    if not _DOMAIN.fullmatch(specification.domain):
        yield "domain", "must be reserved for examples: it ends in .example, .example.com, .test or .invalid"
    if not _NAME.fullmatch(specification.company):
        shown = quote_foreign(specification.company)
        yield "company", f"is {shown}; it must be 2 to 39 letters, digits and single spaces"
    yield from _find_bad_texts("", msgspec.to_builtins(specification))
    yield from _find_bad_teams(specification)
    yield from _find_bad_systems(specification)
    yield from _find_bad_shares(specification.shares)
    yield from _find_bad_noise(specification.noise)
    yield from _find_bad_words(specification.words)


def _find_bad_shares(shares: Shares) -> Iterator[Problem]:
    given = msgspec.to_builtins(shares)
    for name, share in given.items():
        if not 0 <= share <= _HIGHEST_SHARE:
            yield f"shares.{name}", f"is {share}; a share is 0 to {_HIGHEST_SHARE}"
    if not any(given.values()):
        yield "shares", "are all 0, so there is no story to tell"


def _find_bad_noise(noise: Noise) -> Iterator[Problem]:
    for name, share in msgspec.to_builtins(noise).items():
        if not 0 <= share <= _MOST_NOISE:
            yield (
                f"noise.{name}",
                f"is {share}; a share is 0 to {_MOST_NOISE}, such as 0.02 for one record in fifty",
            )
    mislaid = noise.stale_pages + noise.misfiled
    if mislaid > _MOST_NOISE:
        yield (
            "noise",
            f"makes {mislaid:g} of the pages stale or misfiled; {_MOST_NOISE} is the most for both together",
        )


def _find_bad_words(words: Words) -> Iterator[Problem]:
    for name, entries in msgspec.to_builtins(words).items():
        if not _FEWEST <= len(entries) <= _MOST:
            yield f"words.{name}", f"has {len(entries)} entries; {_FEWEST} to {_MOST} are possible"
        if len({each.casefold() for each in entries}) < len(entries):
            yield f"words.{name}", "has an entry twice"
    if len(words.fixes) != len(words.causes):
        yield "words.fixes", f"has {len(words.fixes)} entries, but words.causes has {len(words.causes)}"


def _find_bad_teams(specification: CompanySpecification) -> Iterator[Problem]:
    if len(specification.teams) < _FEWEST_TEAMS:
        yield "teams", f"must be {_FEWEST_TEAMS} or more"
    keys: set[str] = set()
    names: set[str] = set()
    for number, team in enumerate(specification.teams, 1):
        field = f"teams[{number}]"
        if not _KEY.fullmatch(team.key):
            yield f"{field}.key", f"is {quote_foreign(team.key)}; it must be 2 to 8 capital letters"
        if team.key in keys:
            yield f"{field}.key", f"is {team.key}, as that of another team"
        keys.add(team.key)
        if team.name.casefold() in names:
            yield f"{field}.name", f"is {quote_foreign(team.name)}, as that of another team"
        names.add(team.name.casefold())
        if not team.systems:
            yield f"{field}.systems", "names no system"
        for name in team.systems:
            if name not in specification.systems:
                yield f"{field}.systems", f"names {quote_foreign(name)}, which `systems` does not describe"


def _find_bad_systems(specification: CompanySpecification) -> Iterator[Problem]:
    run = Counter(name for team in specification.teams for name in team.systems)
    for name in specification.systems:
        if not _SLUG.fullmatch(name):
            shown = quote_foreign(name)
            yield "systems", f"has {shown}; a name is 1 to 40 small letters, digits and single hyphens"
        if run[name] != 1:
            yield f"systems.{quote_foreign(name)}", f"is run by {run[name]} teams; it must be one"


def _find_bad_texts(path: str, value: object) -> Iterator[Problem]:
    if isinstance(value, str):
        if not _TEXT.fullmatch(value) or value.strip() != value or not value.isprintable():
            yield (
                path,
                f"is {quote_foreign(value)}; a text {_TEXT_RULE}, and does not begin or end with a space",
            )
        elif len(value) > _LONGEST:
            yield path, f"has {len(value)} characters; {_LONGEST} are the most"
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _find_bad_texts(f"{path}.{name}".lstrip("."), each)
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value, 1):
            yield from _find_bad_texts(f"{path}[{number}]", each)


def _invalid(file: str, field: str, problem: str) -> TemplateInvalidError:
    return TemplateInvalidError(
        f"{quote_foreign(file)}: {field} {problem}.", file=quote_foreign(file), record_field=field
    )
