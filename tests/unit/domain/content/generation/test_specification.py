"""The specification of a made-up company is taken whole, or refused with the field and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from domain.content.generation import parse_specification
from domain.errors import TemplateInvalidError
from tests.support.content.companies import BUNDLED, bundled_specification, company_content

if TYPE_CHECKING:
    from pathlib import Path

TEAMS = company_content()["teams"]
SYSTEMS = company_content()["systems"]
WORDS = company_content()["words"]


def with_team(**changes: Any) -> dict[str, Any]:
    return company_content(teams=[TEAMS[0] | changes, *TEAMS[1:]])


def with_words(**changes: Any) -> dict[str, Any]:
    return company_content(words=WORDS | changes)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in company_content().items() if key != name}


BAD: dict[str, tuple[object, str, str]] = {
    "no object": ([], "generator", "is missing: a company's file has a line"),
    "no generator": (without("generator"), "generator", "names no generator; this version has company/1"),
    "another generator": (
        company_content(generator="company/2"),
        "generator",
        "names the generator company/2",
    ),
    "a field that is not known": (company_content(colour="red"), "colour", "is not known"),
    "a field of a part that is not known": (with_team(size=3), "teams[1].size", "is not known"),
    "a missing field": (without("words"), "words", "is missing"),
    "a value of another type": (
        company_content(teams=3),
        "teams",
        "is not as expected: expected `array`, got `int`",
    ),
    "a seed that is none": (company_content(seed="abc"), "seed", "is not as expected"),
    "a seed below zero": (company_content(seed=-1), "seed", "is not as expected"),
    "no records": (company_content(records=0), "records", "is not as expected"),
    "too many records": (company_content(records=10_000_001), "records", "is not as expected"),
    "a domain that somebody may own": (company_content(domain="fernhill.com"), "domain", "must be reserved"),
    "a name with signs": (company_content(company="Fern & Hill"), "company", "2 to 39 letters"),
    "one team": (
        company_content(teams=TEAMS[:1], systems=dict([*SYSTEMS.items()][:4])),
        "teams",
        "2 or more",
    ),
    "a key in small letters": (with_team(key="set"), "teams[1].key", "is set"),
    "the key of another team": (with_team(key=TEAMS[1]["key"]), "teams[2].key", "as that of another team"),
    "the name of another team": (with_team(name=TEAMS[1]["name"].upper()), "teams[2].name", "another team"),
    "an address": (
        with_words(topics=["see www.example.com", *WORDS["topics"]]),
        "words.topics[1]",
        "without an address",
    ),
    "a team without systems": (with_team(systems=[]), "teams[1].systems", "names no system"),
    "a system that is not described": (
        with_team(systems=[*TEAMS[0]["systems"], "nowhere"]),
        "teams[1].systems",
        "names nowhere, which `systems` does not describe",
    ),
    "a system of two teams": (
        with_team(systems=[*TEAMS[0]["systems"], TEAMS[1]["systems"][0]]),
        f"systems.{TEAMS[1]['systems'][0]}",
        "is run by 2 teams",
    ),
    "a system of no team": (
        company_content(systems=SYSTEMS | {"orphan": SYSTEMS[TEAMS[0]["systems"][0]]}),
        "systems.orphan",
        "is run by 0 teams",
    ),
    "a system with a bad name": (
        company_content(systems=SYSTEMS | {"Ledger Core": SYSTEMS[TEAMS[0]["systems"][0]]}),
        "systems",
        'has "Ledger Core"',
    ),
    "an empty vocabulary": (with_words(parties=[]), "words.parties", "has 0 entries; 8 to 1000 are possible"),
    "a word twice": (
        with_words(places=[*WORDS["places"], WORDS["places"][0].upper()]),
        "words.places",
        "twice",
    ),
    "fixes for other causes": (with_words(fixes=WORDS["fixes"][:-1]), "words.fixes", "but words.causes has"),
    "a text with markup": (
        with_words(topics=[*WORDS["topics"], "<b>bold</b>"]),
        f"words.topics[{len(WORDS['topics']) + 1}]",
        'is "<b>bold</b>"',
    ),
    "a text of two lines": (with_words(topics=["a\nb", *WORDS["topics"]]), "words.topics[1]", "is one line"),
    "a text that begins with a space": (
        with_words(topics=[" a", *WORDS["topics"]]),
        "words.topics[1]",
        "space",
    ),
    "a long text": (
        with_words(topics=["a" * 121, *WORDS["topics"]]),
        "words.topics[1]",
        "has 121 characters",
    ),
    "a share below zero": (company_content(shares={"incident": -1}), "shares.incident", "is -1"),
    "a share of noise below zero": (
        company_content(noise={"misfiled": -0.1}),
        "noise.misfiled",
        "is -0.1; a share is 0 to 0.25",
    ),
    "a share of noise above 1": (
        company_content(noise={"near_duplicates": 2}),
        "noise.near_duplicates",
        "is 2",
    ),
    "a share of noise that is no number": (
        company_content(noise={"stale_pages": float("nan")}),
        "noise.stale_pages",
        "is nan",
    ),
    "noise that is not known": (company_content(noise={"typos": 0.1}), "noise.typos", "is not known"),
    "a share of noise as text": (
        company_content(noise={"misfiled": "2 %"}),
        "noise.misfiled",
        "is not as expected",
    ),
    "more noise than there is room for": (
        company_content(noise={"stale_pages": 0.2, "misfiled": 0.1}),
        "noise",
        "makes 0.3 of the pages stale or misfiled; 0.25 is the most for both together",
    ),
    "shares that tell nothing": (
        company_content(
            shares=dict.fromkeys(("incident", "release", "decision", "migration", "question"), 0)
        ),
        "shares",
        "are all 0",
    ),
}


@pytest.mark.parametrize(("content", "field", "problem"), BAD.values(), ids=BAD)
def test_a_bad_specification_is_refused_with_its_field(content: object, field: str, problem: str) -> None:
    with pytest.raises(TemplateInvalidError) as refused:
        parse_specification(content, "fintech/company.yaml")
    assert refused.value.facts["record_field"] == field
    assert problem in refused.value.message
    assert refused.value.message.startswith("fintech/company.yaml: ")


@pytest.mark.parametrize("file", BUNDLED, ids=lambda file: file.parent.parent.name)
def test_every_bundled_company_is_specified_well(file: Path) -> None:
    assert bundled_specification(file).records > 0


def test_what_is_left_out_has_its_default() -> None:
    content = company_content()
    for name in ("seed", "records", "shares"):
        content.pop(name)
    specification = parse_specification(content, "company.yaml")
    assert (specification.seed, specification.records, specification.shares.incident) == (1, 500, 3)
