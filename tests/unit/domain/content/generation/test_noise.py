"""Noise is there where it is asked for, and breaks no link, no question and no check of quality."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from domain.content.generation import Company, derive_questions
from domain.content.generation.specification import Noise
from domain.content.population import Population
from domain.model.template import Template
from domain.ports.staging import Staged
from server.adapters.templates.readers.generated import GeneratedRecords
from tests.support.content.companies import bundled_specification
from tests.support.content.demo_search import DemoSearch
from tests.support.content.records import SITES
from tests.unit.domain.content.generation.test_company import (
    EVERY_TYPE,
    IDS,
    ISSUES,
    MESSAGES,
    PAGES,
    REPOSITORIES,
    TODAY,
    assert_true_to_one_another,
    instant,
    records,
)

if TYPE_CHECKING:
    from domain.model import DatasetType

MUCH = Noise(near_duplicates=0.25, stale_pages=0.15, misfiled=0.1)


def noisy(noise: Noise = MUCH, count: int = 400) -> Company:
    return Company(msgspec.structs.replace(bundled_specification(), noise=noise), count, TODAY)


def changed(made: Company, dataset_type: DatasetType) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """By its id, each record that noise changed: as it would be, and as it is."""
    plain = records(noisy(Noise(), made.count), dataset_type)
    return {
        record[IDS[dataset_type]]: (before, record)
        for before, record in zip(plain, records(made, dataset_type), strict=True)
        if before != record
    }


@EVERY_TYPE
def test_without_noise_nothing_changes(dataset_type: DatasetType) -> None:
    assert not changed(noisy(Noise()), dataset_type)


def test_a_share_is_kept() -> None:
    made = noisy(Noise(near_duplicates=0.1, stale_pages=0.1), 4000)
    assert 0.07 < len(changed(made, ISSUES)) / 4000 < 0.13
    assert 0.16 < len(changed(made, PAGES)) / 4000 < 0.24


@EVERY_TYPE
def test_a_noisy_record_alone_is_as_in_the_row(dataset_type: DatasetType) -> None:
    made = noisy(count=60)
    told = [msgspec.json.decode(made.record(dataset_type, each)) for each in range(60)]
    assert told == records(made, dataset_type)


def test_links_lead_somewhere_and_time_goes_on_with_noise() -> None:
    assert_true_to_one_another(noisy())


@EVERY_TYPE
def test_a_copy_has_its_own_id_and_names_what_it_was_copied_from(dataset_type: DatasetType) -> None:
    made = noisy(Noise(near_duplicates=0.25))
    texts = {PAGES: "body", ISSUES: "description", MESSAGES: "text", REPOSITORIES: "readme"}
    by_id = {each[IDS[dataset_type]]: each for each in records(made, dataset_type)}
    for own, (before, copy) in changed(made, dataset_type).items():
        named = [each for each in by_id if each != own and each in copy[texts[dataset_type]]]
        assert before[IDS[dataset_type]] == own
        assert named
        assert any(by_id[each][texts[dataset_type]][40:120] in copy[texts[dataset_type]] for each in named), (
            copy
        )


def test_a_stale_page_is_older_than_its_story_was_never_changed_and_knows_no_issue_of_it() -> None:
    for before, stale in changed(noisy(Noise(stale_pages=0.25)), PAGES).values():
        assert stale["last_modified"] == stale["created"]
        assert (instant(before["created"]) - instant(stale["created"])).days >= 17
        assert "{{site:jira_issues}}" not in stale["body"]
        assert "parent_id" not in stale


def test_a_misfiled_page_is_in_the_space_of_another_team_and_else_as_it_was() -> None:
    spaces = {team.key for team in bundled_specification().teams}
    for before, misfiled in changed(noisy(Noise(misfiled=0.25)), PAGES).values():
        assert misfiled["space_key"] in spaces - {before["space_key"]}
        assert misfiled | {"space_key": ""} == before | {"space_key": ""}


def test_pages_alone_are_stale_or_misfiled() -> None:
    made = noisy(Noise(stale_pages=0.15, misfiled=0.1))
    assert not any(changed(made, each) for each in (ISSUES, MESSAGES, REPOSITORIES))


@pytest.mark.parametrize("day", [TODAY, date(2026, 12, 4)])
@EVERY_TYPE
def test_golden_questions_are_answered_all_the_same(dataset_type: DatasetType, day: date) -> None:
    made = Company(msgspec.structs.replace(bundled_specification(), noise=MUCH), 400, day)
    with closing(DemoSearch(made, dataset_type)) as search:
        missed = [
            each.text
            for each in derive_questions(made, dataset_type)
            if each.absent is None and not each.is_answered_by(search.find_first(each.text))
        ]
    assert missed == []


@EVERY_TYPE
def test_the_quality_is_that_of_records_without_noise(dataset_type: DatasetType) -> None:
    template = Template(
        template_id="x",
        name="x",
        industry="x",
        use_case="y",
        dataset_type=dataset_type,
        format="generated",
        source="x",
    )
    population = Population(
        template,
        dataset_type=dataset_type,
        wanted=400,
        sites=SITES,
        now=instant("2026-12-02T08:00:00Z"),
        progress=lambda _done, _of: None,
    )
    with closing(GeneratedRecords(noisy(), dataset_type, "company.yaml")) as stream:
        data = b"".join(population.stream_documents(stream))
    content = population.build_content(1, Staged(lines=data.count(b"\n"), size_bytes=len(data), checksum="c"))
    assert (content.report.score, content.record_count) == (100, 400)


@pytest.mark.parametrize("day", [date(2002, 1, 5), date(2030, 2, 28)])
def test_stale_pages_are_told_on_any_day(day: date) -> None:
    specification = msgspec.structs.replace(bundled_specification(), noise=Noise(stale_pages=0.25))
    stamps = [each["created"] for each in records(Company(specification, 3000, day), PAGES)]
    assert min(stamps) > f"{day.year - 2}"
