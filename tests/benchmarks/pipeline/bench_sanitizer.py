"""Sanitizing: MB of records and of texts a second, on one core, and what ten thousand people cost.

The goal is ten MB a CPU second of the texts that exports mostly have: prose and pages in which nobody and no number is.
Generated records name somebody in every second sentence, so they are the other end. Beside each is what decoding and
encoding the same lines takes.
"""

from __future__ import annotations

import re
import sys
import time
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.content.sanitization import LeakChecker, PeopleHarvest, Sanitizer
from domain.model import DatasetType
from tests.benchmarks.measure import Goal, Row, alone, medians, peak_mb
from tests.support.content.companies import company

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from domain.content.sanitization import People

KEY: Final = b"of this installation"
TODAY: Final = date(2026, 12, 2)
WANTED_MB_S: Final = 10
SPEED_GOAL: Final = Goal(bound=1)
_CROWD: Final = 10_000
_TAG: Final = re.compile(r"<[^>]+>")
Records = list[dict[str, Any]]


def rows(*, quick: bool) -> list[Row]:
    """Texts without a hit, records of each type with everybody in them, the leak check, and a crowd."""
    count, rounds = (1_000, 1) if quick else (10_000, 3)
    made = company(count, TODAY)
    lines = {each: [line for batch in made.records(each) for line in batch] for each in DatasetType}
    records = {each: list(map(msgspec.json.decode, of_type)) for each, of_type in lines.items()}
    people = _harvest(records.values())
    pages = [each["body"] for each in records[DatasetType.CONFLUENCE_PAGES]]
    found = [
        _texts(
            "prose, nobody of it harvested", [" ".join(_TAG.sub(" ", each).split()) for each in pages], rounds
        ),
        _texts("pages of HTML, nobody harvested", pages, rounds),
    ]
    for dataset_type, of_type in records.items():
        found += _records(dataset_type, lines[dataset_type], of_type, people, rounds)
    size = sum(map(len, lines[DatasetType.CONFLUENCE_PAGES])) / 1e6
    spent = medians(
        rounds, {"harvest": lambda: _spend(lambda: _harvest([records[DatasetType.CONFLUENCE_PAGES]]))}
    )
    found.append(Row(what="harvest of people from pages", figure=f"{size / spent['harvest']:.0f} MB/s"))
    figure = alone("pipeline.bench_sanitizer", str(_CROWD))
    found.append(Row(what=f"a sanitizer of {_CROWD:,} people", figure=figure))
    return found


def _harvest(exports: Sequence[Records] | Any) -> People:  # noqa: ANN401 - a view of a dictionary, too
    harvest = PeopleHarvest()
    for records in exports:
        for each in records:
            harvest.add(each)
    return harvest.finish()


def _spend(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _texts(what: str, texts: list[str], rounds: int) -> Row:
    """How fast texts are that stay as they are."""
    sanitizer = Sanitizer(PeopleHarvest().finish(), KEY)
    issues = [{"key": f"PAY-{number}", "description": each} for number, each in enumerate(texts)]
    size = sum(map(len, texts)) / 1e6
    spent = medians(
        rounds,
        {
            "work": lambda: _spend(
                lambda: [sanitizer.sanitize(DatasetType.JIRA_ISSUES, each) for each in issues]
            )
        },
    )
    return _speed(what, size / spent["work"])


def _records(
    dataset_type: DatasetType, lines: list[bytes], records: Records, people: People, rounds: int
) -> list[Row]:
    """How fast records are that name somebody in most sentences, and how fast the leak check is."""
    sanitizer, checker = Sanitizer(people, KEY), LeakChecker(KEY, people=people)
    made = [sanitizer.sanitize(dataset_type, each).record for each in records]
    size = sum(map(len, lines)) / 1e6
    spent = medians(
        rounds,
        {
            "decode": lambda: _spend(
                lambda: [msgspec.json.encode(msgspec.json.decode(each)) for each in lines]
            ),
            "sanitize": lambda: _spend(lambda: [sanitizer.sanitize(dataset_type, each) for each in records]),
            "check": lambda: _spend(lambda: [checker.check(dataset_type, each) for each in made]),
        },
    )
    beside = f"decode and encode: {size / spent['decode']:.0f} MB/s"
    return [
        Row(
            what=f"{dataset_type.value}, somebody in most sentences",
            figure=f"{size / spent['sanitize']:.1f} MB/s",
            beside=beside,
        ),
        Row(
            what=f"{dataset_type.value}, leak check",
            figure=f"{size / spent['check']:.1f} MB/s",
            beside=beside,
        ),
    ]


def _speed(what: str, mb_s: float) -> Row:
    return Row(
        what=what,
        figure=f"{mb_s:.1f} MB/s",
        beside=f"wanted: {WANTED_MB_S} MB/s",
        ratio=mb_s / WANTED_MB_S,
        goal=SPEED_GOAL,
    )


def _crowd(size: int) -> str:
    """What a sanitizer of so many people costs: seconds to make, MB, and MB of prose a second."""
    harvest = PeopleHarvest()
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number in range(size):
        high, low = divmod(number, 26)
        given, family = f"Zam{letters[low]}riel", f"Vol{letters[high % 26]}{letters[high // 26 % 26]}ndrik"
        harvest.add(
            {"author_email": f"{given}.{family}{number}@acme.com".lower(), "author_name": f"{given} {family}"}
        )
    before = peak_mb()
    begin = time.process_time()
    sanitizer = Sanitizer(harvest.finish(), KEY)
    seconds = time.process_time() - begin
    texts = [
        msgspec.json.decode(line)["text"]
        for batch in company(2_000, TODAY).records(DatasetType.SLACK_MESSAGES)
        for line in batch
    ]
    spent = _spend(
        lambda: [
            sanitizer.sanitize(DatasetType.SLACK_MESSAGES, {"message_id": "p1", "text": each})
            for each in texts
        ]
    )
    size_mb = sum(map(len, texts)) / 1e6
    return f"{seconds:.1f} s, {peak_mb() - before:.0f} MB more, then {size_mb / spent:.1f} MB/s of messages"


if __name__ == "__main__":
    print(_crowd(int(sys.argv[1])))
