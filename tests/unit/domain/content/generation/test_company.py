"""The records of a made-up company: the same from the same, alone as in the row, and true to one another."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.content.generation import Company
from domain.errors import TemplateInvalidError
from domain.model import DatasetType
from tests.support.content.companies import BUNDLED, bundled_specification, company

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 12, 2)
PAGES, REPOSITORIES, MESSAGES, ISSUES = (
    DatasetType.CONFLUENCE_PAGES,
    DatasetType.GITHUB_REPOS,
    DatasetType.SLACK_MESSAGES,
    DatasetType.JIRA_ISSUES,
)
IDS = {PAGES: "page_id", REPOSITORIES: "name", MESSAGES: "message_id", ISSUES: "key"}
STAMPS = {PAGES: "last_modified", REPOSITORIES: "updated_at", MESSAGES: "timestamp", ISSUES: "updated"}
LINK = re.compile(r"\{\{site:(\w+)\}\}/(?:browse/|spaces/[A-Z]+/pages/)?([\w.-]+\w)")
EVERY_TYPE = pytest.mark.parametrize("dataset_type", DatasetType, ids=lambda each: each.value)


def lines(made: Company, dataset_type: DatasetType) -> list[bytes]:
    return [line for batch in made.records(dataset_type) for line in batch]


def records(made: Company, dataset_type: DatasetType) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in lines(made, dataset_type)]


def instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


@EVERY_TYPE
def test_the_same_company_is_told_with_the_same_bytes(dataset_type: DatasetType) -> None:
    assert lines(company(101, TODAY), dataset_type) == lines(company(101, TODAY), dataset_type)
    assert lines(company(101, TODAY), dataset_type) != lines(company(101, TODAY, seed=2), dataset_type)


@EVERY_TYPE
@pytest.mark.parametrize("count", [1, 5, 24, 27, 60])
def test_there_are_as_many_records_as_are_wanted_each_with_its_own_id(
    dataset_type: DatasetType, count: int
) -> None:
    found = records(company(count, TODAY), dataset_type)
    assert len({each[IDS[dataset_type]].casefold() for each in found}) == len(found) == count


@EVERY_TYPE
@pytest.mark.parametrize("count", [7, 45])
def test_a_record_alone_is_as_in_the_row(dataset_type: DatasetType, count: int) -> None:
    made = company(count, TODAY)
    assert [made.record(dataset_type, each).encode() for each in range(count)] == lines(made, dataset_type)


@EVERY_TYPE
def test_one_of_ten_million_is_told_without_those_before_it(dataset_type: DatasetType) -> None:
    made = company(10_000_000, TODAY)
    stamps = [
        instant(msgspec.json.decode(made.record(dataset_type, each))[STAMPS[dataset_type]])
        for each in (30, 5_000_000, 9_999_999)
    ]
    assert stamps[0] > datetime(2025, 11, 1, tzinfo=UTC)
    assert stamps[-1].date() == TODAY - timedelta(days=1)


@EVERY_TYPE
@settings(max_examples=6)
@given(day=st.dates(min_value=date(2002, 1, 5), max_value=date(2090, 1, 1)), count=st.integers(30, 60))
def test_the_newest_record_is_of_the_day_before(dataset_type: DatasetType, day: date, count: int) -> None:
    newest = max(each[STAMPS[dataset_type]] for each in records(company(count, day), dataset_type))
    assert newest.startswith((day - timedelta(days=1)).isoformat())


def assert_true_to_one_another(made: Company) -> None:
    """Every reference leads to a record, and everything happens after what it follows from."""
    by_type = {each: {r[IDS[each]]: r for r in records(made, each)} for each in DatasetType}
    for found in by_type.values():
        for record in found.values():
            for kind, identity in LINK.findall(msgspec.json.encode(record).decode()):
                assert identity in by_type[DatasetType(kind)], (kind, identity)
    for message in by_type[MESSAGES].values():
        if "thread" in message:
            assert instant(by_type[MESSAGES][message["thread"]]["timestamp"]) <= instant(message["timestamp"])
    for issue in by_type[ISSUES].values():
        assert instant(issue["created"]) <= instant(issue["updated"])
        for earlier in issue.get("references", ()):
            assert instant(by_type[ISSUES][earlier]["created"]) <= instant(issue["created"])
    for page in by_type[PAGES].values():
        assert instant(page["created"]) <= instant(page["last_modified"])
        if "parent_id" in page:
            assert instant(by_type[PAGES][page["parent_id"]]["created"]) <= instant(page["created"])


@given(st.integers(0, 2**63 - 1))
@settings(max_examples=6)
def test_what_follows_comes_after_and_every_link_leads_somewhere(seed: int) -> None:
    assert_true_to_one_another(company(120, TODAY, seed=seed))


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(200))
def test_the_same_holds_for_two_hundred_seeds(seed: int) -> None:
    assert_true_to_one_another(company(500, TODAY, seed=seed))


def test_no_issue_names_itself_and_no_page_links_to_itself() -> None:
    made = company(500, TODAY)
    for issue in records(made, ISSUES):
        assert not re.search(rf"{issue['key']}\b", issue["description"]), issue
    for page in records(made, PAGES):
        assert f"pages/{page['page_id']}" not in page["body"], page


@pytest.mark.parametrize("file", BUNDLED, ids=lambda file: file.parent.parent.name)
def test_every_bundled_company_is_true_to_itself(file: Path) -> None:
    assert_true_to_one_another(Company(bundled_specification(file), 200, TODAY))


@EVERY_TYPE
def test_the_stories_go_on_and_keep_their_ids(dataset_type: DatasetType) -> None:
    name = IDS[dataset_type]
    before = {each[name] for each in records(company(400, TODAY), dataset_type)}
    after = {each[name] for each in records(company(400, TODAY + timedelta(days=3)), dataset_type)}
    assert len(before - after) == len(after - before) <= 12
    assert after - before


def test_an_issue_moves_on_from_day_to_day() -> None:
    then = {each["key"]: each for each in records(company(400, TODAY), ISSUES)}
    later = {each["key"]: each for each in records(company(400, TODAY + timedelta(days=20)), ISSUES)}
    both = then.keys() & later.keys()
    assert all(then[each]["summary"] == later[each]["summary"] for each in both)
    open_then = [each for each in both if then[each]["status"] != "Done"]
    assert [each for each in open_then if later[each]["status"] == "Done"]
    assert not [each for each in both - set(open_then) if later[each]["status"] != "Done"]


def test_colleagues_come_and_go() -> None:
    authors = [
        {each["author"] for each in records(company(2000, date(year, 12, 2)), MESSAGES)}
        for year in (2022, 2026)
    ]
    assert authors[0] - authors[1]
    assert authors[1] - authors[0]


def test_a_company_is_not_shown_before_its_stories() -> None:
    with pytest.raises(TemplateInvalidError, match="begin on 2000-01-03"):
        company(10, date(2001, 1, 1))
