"""Whatever is planted in an export, in whatever notation, is gone; whatever only looks like it stays."""

from __future__ import annotations

import json
from functools import cache
from random import Random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.content.sanitization import LeakChecker, People, Sanitizer, harvest_people
from domain.model import DatasetType
from tests.support.content.planted import (
    ID_FIELD,
    KEPT,
    NUMBER_PLACEMENTS,
    PEOPLE_PLACEMENTS,
    TEXT_FIELD,
    Somebody,
    people,
    record,
    reveal,
    roster,
    surround,
    tags,
)

KEY = b"of this installation"
EVERY_TYPE = pytest.mark.parametrize("dataset_type", DatasetType, ids=lambda each: each.value)
SEEDS = [
    *range(2),
    *(pytest.param(each, marks=pytest.mark.exhaustive) for each in range(2, 50)),
]


@cache
def harvested(seed: int) -> People:
    return harvest_people(each for _, each in roster(seed))


@cache
def sanitizer(seed: int) -> Sanitizer:
    return Sanitizer(harvested(seed), KEY)


@cache
def checkers(seed: int) -> tuple[LeakChecker, LeakChecker]:
    return LeakChecker(KEY, people=harvested(seed)), LeakChecker(KEY)


def assert_nothing_left(
    seed: int, dataset_type: DatasetType, placement: str, text: str, needles: list[str], who: Somebody
) -> None:
    whole = surround(text, Random(f"{seed} {dataset_type} {placement}"))
    source = record(dataset_type, whole, who, 7)
    found = sanitizer(seed).sanitize(dataset_type, source).record
    made = found[TEXT_FIELD[dataset_type]]
    left = [needle for needle in needles if any(needle in each for each in reveal(made))]
    assert left == [], (placement, whole, made)
    assert [leak for each in checkers(seed) for leak in each.check(dataset_type, found)] == []
    assert found[ID_FIELD[dataset_type]] == source[ID_FIELD[dataset_type]]
    assert tags(made) == tags(whole)
    if whole.startswith("{") and whole.endswith('"}'):
        json.loads(made)


def test_there_are_enough_placements() -> None:
    assert len(PEOPLE_PLACEMENTS) >= 100
    assert len(NUMBER_PLACEMENTS) >= 60


@EVERY_TYPE
@pytest.mark.parametrize("seed", SEEDS)
def test_no_spelling_of_a_person_is_left(dataset_type: DatasetType, seed: int) -> None:
    for number, (placement, place) in enumerate(PEOPLE_PLACEMENTS.items()):
        who = people(seed)[number % 4]
        assert_nothing_left(seed, dataset_type, placement, place(who), who.needles(), who)


@EVERY_TYPE
@pytest.mark.parametrize("seed", SEEDS)
def test_no_number_address_or_secret_is_left(dataset_type: DatasetType, seed: int) -> None:
    for placement, place in NUMBER_PLACEMENTS.items():
        text, needle = place(Random(f"{seed} {dataset_type} {placement}"))
        assert_nothing_left(seed, dataset_type, placement, text, [needle.lower()], people(seed)[0])


@EVERY_TYPE
@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_value_of_a_person_stays(dataset_type: DatasetType, text: str) -> None:
    who = people(0)[0]
    whole = f"See {text} for it, <b>{text}</b>, and\n{text}"
    found = sanitizer(0).sanitize(dataset_type, record(dataset_type, whole, who)).record
    assert found[TEXT_FIELD[dataset_type]] == whole


@pytest.mark.parametrize("seed", SEEDS)
def test_a_person_has_one_pseudonym_in_all_types(seed: int) -> None:
    names = set()
    for who in people(seed):
        made = {
            sanitizer(seed).sanitize(each, record(each, f"by {who.name}", who)).record[TEXT_FIELD[each]]
            for each in DatasetType
        }
        assert len(made) == 1
        names |= made
        page = (
            sanitizer(seed)
            .sanitize(DatasetType.CONFLUENCE_PAGES, record(DatasetType.CONFLUENCE_PAGES, "", who))
            .record
        )
        issue = (
            sanitizer(seed).sanitize(DatasetType.JIRA_ISSUES, record(DatasetType.JIRA_ISSUES, "", who)).record
        )
        assert made == {f"by {page['author_name']}"}
        assert issue["assignee"]["displayName"] == page["author_name"]
        assert issue["reporter"] == page["author_email"]
        assert page["author_email"].startswith(page["author_name"].lower().replace(" ", "."))
    assert len(names) == 4


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_many_beside_each_other_are_all_gone_at_once(seed: int) -> None:
    random = Random(seed)
    folk = people(0)
    planted = [
        random.choice([*PEOPLE_PLACEMENTS.values()])(random.choice(folk))
        if random.random() < 0.5
        else random.choice([*NUMBER_PLACEMENTS.values()])(random)[0]
        for _ in range(6)
    ]
    text = random.choice([", ", "; ", "\n", "<br/>", " | ", " and "]).join(planted)
    made = (
        sanitizer(0)
        .sanitize(DatasetType.SLACK_MESSAGES, record(DatasetType.SLACK_MESSAGES, text, folk[0]))
        .record
    )
    assert [leak for each in checkers(0) for leak in each.check(DatasetType.SLACK_MESSAGES, made)] == []
    assert sanitizer(0).sanitize(DatasetType.SLACK_MESSAGES, made).record == made


@pytest.mark.exhaustive  # a busy machine can make it fail
@pytest.mark.parametrize(
    "part",
    [
        "@",
        "Will ",
        "Mar<b>ia</b> ",
        "<b> ",
        "&amp;",
        "%25",
        "_ *",
        "{a:",
        '"},{"text":"',
        "\u0301\u00ad",
        "  \n",
    ],
)
def test_time_grows_with_the_text_and_not_with_its_square(part: str) -> None:
    sanitizer = Sanitizer(
        harvest_people([{"author_email": "will.long@acme.com", "author_name": "Will Long"}]), KEY
    )

    def seconds(size: int) -> float:
        text = part * (size // len(part))
        began = process_time()
        sanitizer.sanitize(DatasetType.SLACK_MESSAGES, {"message_id": "p1", "text": text})
        return process_time() - began

    # What is quadratic would take 256 times as long as of a sixteenth of the text. Most is not worth comparing.
    long = seconds(64_000)
    assert long < 0.1 or min(long, seconds(64_000)) < 80 * seconds(4_000)
