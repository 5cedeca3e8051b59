from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.content.checks import CHECK_WEIGHTS, duplicates, failure_example, quality_score
from domain.content.quality import is_fit_for_use, quality_issues, recheck_quality, with_indexed_gate
from domain.model.content import CheckResult, QualityReport
from tests.support.content.records import (
    ISSUES,
    NOW,
    PAGES,
    SITES,
    populate_lines,
    record_stream,
    template_record,
)


def report(points: float = 100.0, *gates: CheckResult) -> QualityReport:
    return QualityReport(score=points, checks=(), gates=gates, checksum="c", evaluated_at=NOW)


def result(check: str, of: int, failed: int) -> CheckResult:
    return CheckResult(
        check=check, weight=CHECK_WEIGHTS.get(check, 0), of=of, failed=failed, examples=("record 1",)
    )


def test_the_weights_make_a_hundred() -> None:
    assert sum(CHECK_WEIGHTS.values()) == 100


def test_a_score_just_below_the_threshold_never_rounds_up_to_it() -> None:
    checks = [result(check, 1_000_000, 50_001 if check != "volume" else 50_000) for check in CHECK_WEIGHTS]
    assert quality_score(checks) == 94.99
    assert not is_fit_for_use(report(quality_score(checks)))
    assert quality_score([result(check, 20, 1) for check in CHECK_WEIGHTS]) == 95.0


def test_what_was_not_there_to_look_at_counts_as_right() -> None:
    assert quality_score([result(check, 0, 0) for check in CHECK_WEIGHTS]) == 100.0
    assert (
        quality_score(
            [replace(result(check, 4, 0), failed=4 * (check == "completeness")) for check in CHECK_WEIGHTS]
        )
        == 80.0
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 10**9), st.floats(0, 1)), min_size=7, max_size=7))
def test_a_score_is_from_0_to_100_and_full_only_when_nothing_failed(shares: list[tuple[int, float]]) -> None:
    checks = [
        result(check, of, min(of, int(of * share)))
        for check, (of, share) in zip(CHECK_WEIGHTS, shares, strict=True)
    ]
    assert 0 <= quality_score(checks) <= 100
    assert (quality_score(checks) == 100) == (not any(each.failed for each in checks))


@pytest.mark.parametrize(("indexed", "missing"), [(10, 0), (7, 3), (0, 10), (12, 0)])
def test_the_gate_counts_what_was_pushed_and_is_not_served(indexed: int, missing: int) -> None:
    gated = with_indexed_gate(report(), indexed=indexed, pushed=10)
    assert gated.gates == (CheckResult(check="indexed", weight=0, of=10, failed=missing),)
    assert is_fit_for_use(gated) == (missing == 0)


def test_a_gate_is_renewed_beside_others_and_gone_where_the_platform_does_not_count() -> None:
    leak = CheckResult(check="leak", weight=0, of=5, failed=0)
    gated = with_indexed_gate(
        with_indexed_gate(report(100.0, leak), indexed=1, pushed=2), indexed=2, pushed=2
    )
    assert [each.check for each in gated.gates] == ["leak", "indexed"]
    assert is_fit_for_use(gated)
    assert with_indexed_gate(gated, indexed=None, pushed=2).gates == (leak,)


def test_no_score_outweighs_a_gate() -> None:
    assert is_fit_for_use(report(95.0))
    assert not is_fit_for_use(report(100.0, CheckResult(check="leak", weight=0, of=5, failed=1)))


def test_issues_are_what_failed_the_gates_first() -> None:
    found = replace(
        report(90.0, result("indexed", 5, 2)), checks=(result("authors", 9, 0), result("timestamps", 9, 1))
    )
    assert quality_issues(found) == [
        {"check": "indexed", "failed": 2, "of": 5, "examples": ["record 1"]},
        {"check": "timestamps", "failed": 1, "of": 9, "examples": ["record 1"]},
    ]


def test_an_example_names_an_id_only_when_it_reads_as_one() -> None:
    assert failure_example(3, "acme/ledger-1") == "record 3 (acme/ledger-1)"
    assert (
        failure_example(3, "do this now")
        == failure_example(3, "x" * 81)
        == failure_example(3, "")
        == failure_example(3)
        == "record 3"
    )


# --- the re-check --------------------------------------------------------------------------------------------------

RECORDS = [
    template_record(ISSUES, 1, created="2026-04-01T10:00:00Z"),
    template_record(ISSUES, 2, references=["PAY-1", "PAY-77", "PAY-5"]),
    template_record(ISSUES, 3, assignee="nobody"),
    template_record(ISSUES, 3),
    template_record(ISSUES, 4, updated="yesterday", summary=None),
    template_record(ISSUES, 5),
    template_record(ISSUES, 6, priority=1),
]


@pytest.mark.parametrize(("wanted", "doubts"), [(None, False), (None, True), (3, False)])
def test_a_re_check_of_untouched_staging_finds_what_the_population_found(
    wanted: int | None, doubts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if doubts:
        monkeypatch.setattr(duplicates, "_LATEST", 0)
        monkeypatch.setattr(duplicates, "_FLUSH", 0)
        monkeypatch.setattr(duplicates, "_SHIFT", 32)
        monkeypatch.setattr(duplicates, "_MASKS", (1,) * 8)
    lines, content = populate_lines(record_stream(RECORDS), ISSUES, wanted, default_record_count=9)
    later = NOW + timedelta(hours=1)
    found = recheck_quality([lines[:2], lines[2:]], content, dataset_type=ISSUES, sites=SITES, now=later)
    counts = [(each.check, each.failed) for each in content.report.checks]
    assert [(each.check, each.failed) for each in found.checks] == counts
    staged = CheckResult(check="staged", weight=0, of=content.record_count, failed=0)
    assert (found.gates, found.checksum, found.evaluated_at) == ((staged,), content.checksum, later)


def test_a_re_check_finds_lines_that_are_damaged_repeated_or_gone() -> None:
    lines, content = populate_lines(record_stream([template_record(PAGES, n) for n in range(10)]))
    damaged = [*lines[:7], lines[0], lines[1][:-4]]
    found = recheck_quality([damaged], content, dataset_type=PAGES, sites=SITES, now=NOW)
    failed = {each.check: each.failed for each in found.checks if each.failed}
    assert failed == {"schema_conformity": 1, "uniqueness": 1}
    assert found.gates == (CheckResult(check="staged", weight=0, of=10, failed=2),)
    assert not is_fit_for_use(found)


def test_a_re_check_finds_a_changed_line_even_when_it_still_reads_as_a_document() -> None:
    lines, content = populate_lines(record_stream([template_record(PAGES, 1)]))
    found = recheck_quality(
        [[lines[0].replace(b"Ledger", b"Legder")]], content, dataset_type=PAGES, sites=SITES, now=NOW
    )
    assert (found.score, is_fit_for_use(found)) == (100.0, False)
    assert found.checksum != content.checksum
