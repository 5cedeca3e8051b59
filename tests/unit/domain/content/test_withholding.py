"""What is said of the records of an export names places, and repeats nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.content import withhold_values
from domain.content.population import with_sanitization
from domain.content.quality import recheck_quality
from domain.errors import ExportInvalidError, LeakFoundError, TemplateFormatUnknownError, TemplateInvalidError
from domain.model import SanitizationReport
from domain.model.content import CheckResult, Finding
from tests.support.content.records import NOW, PAGES, SITES, populate_lines, template_record

WITHHELD = "Nothing of its text is repeated here."
FINDING = Finding(field="updated", problem="is no instant", count=1, value='"Zuleika"', expected="ISO 8601")
REPORT = SanitizationReport(records=3, people=1)


@pytest.mark.parametrize(
    ("facts", "message", "told"),
    [
        ({}, f"jira_issues.csv of the export cannot be used. {WITHHELD}", {}),
        (
            {"position": 4, "record_field": "summary"},
            f"Record 4 of jira_issues.csv in the export cannot be used, because of its field summary. {WITHHELD}",
            {"position": 4, "record_field": "summary"},
        ),
        (
            {"position": "Zuleika", "record_field": "Zuleika", "vendor": "Zuleika"},
            f"jira_issues.csv of the export cannot be used. {WITHHELD}",
            {},
        ),
        (
            {"available": 4},
            "jira_issues.csv of the export holds 4 records, fewer than the call asked for.",
            {"available": 4},
        ),
    ],
)
@pytest.mark.parametrize("error", [TemplateInvalidError, TemplateFormatUnknownError])
def test_an_error_about_a_file_keeps_its_place_alone(
    error: type[TemplateInvalidError], facts: dict[str, Any], message: str, told: dict[str, Any]
) -> None:
    with pytest.raises(ExportInvalidError) as caught, withhold_values("jira_issues.csv"):
        raise error("Zuleika", field="record_count", suggested_action="Ask Zuleika.", **facts)
    assert caught.value.message == message
    assert caught.value.facts == {"file": "jira_issues.csv"} | told
    assert "Zuleika" not in repr(caught.value.__dict__)


def test_other_errors_pass() -> None:
    with pytest.raises(LeakFoundError), withhold_values("jira_issues.csv"):
        raise LeakFoundError("a leak")


def test_sanitized_content_has_the_gate_and_no_values_in_findings_also_after_a_recheck() -> None:
    lines, content = populate_lines([template_record(PAGES, number) for number in range(3)])
    checks = tuple(replace(each, findings=(FINDING,)) for each in content.report.checks)
    made = with_sanitization(replace(content, report=replace(content.report, checks=checks)), REPORT)
    gate = CheckResult(check="no_leak", weight=0, of=3, failed=0)
    assert made.sanitization == REPORT
    assert made.report.gates == (gate,)
    assert {finding.value for each in made.report.checks for finding in each.findings} == {None}
    again = recheck_quality([lines], made, dataset_type=PAGES, sites=SITES, now=NOW)
    assert [each.check for each in again.gates] == ["no_leak", "staged"]
    assert {finding.value for each in again.checks for finding in each.findings} <= {None}
