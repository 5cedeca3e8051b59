"""Jira's CSV of Cloud and Data Center, and its REST answers v2 and v3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from domain.errors import ExportInvalidError
from server.adapters.templates.exports import DateOrder, ImportOptions
from tests.support.content.exports import JIRA_CLOUD, JIRA_SERVER, import_records, jira_issue, write_tree

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "Issue key,Summary,Status,Created\n"


def test_an_issue_of_clouds_csv_is_a_record(tmp_path: Path) -> None:
    (epic, bug), report = import_records(tmp_path, "jira-csv", JIRA_CLOUD)

    assert epic["assignee"] == "kim-vega@people.example"
    assert bug == {
        "key": "PAY-41",
        "summary": "Refund fails",
        "description": bug["description"],
        "status": "To Do",
        "assignee": None,
        "project": "PAY",
        "priority": "High",
        "updated": "2024-03-14T00:41:00Z",
        "reporter": "ada-moss@people.example",
        "created": "2024-03-12T15:05:00Z",
        "labels": ["abroad", "refund"],
        "issue_type": "Bug",
        "references": ["PAY-2"],
    }
    assert "@Kim Vega" in bug["description"]
    assert "({{site:confluence_pages}}/spaces/OPS/pages/98319)" in bug["description"]
    assert report.unread == {
        "Issue id": 2,
        "Attachment": 1,
        "Comment": 2,
        "Custom field (Story Points)": 1,
        "Sprint": 1,
    }
    assert report.notes == {"unassigned issue": 1, "link to the own site, rewritten": 1}


def test_an_issue_of_data_centers_csv_is_a_record(tmp_path: Path) -> None:
    options = ImportOptions(hosts=frozenset({"jira.vega.example"}))
    records, report = import_records(tmp_path, "jira-csv", JIRA_SERVER, options)

    assert records[0] == {
        "key": "OPS-1",
        "summary": "Disk full",
        "description": "Siehe {{site:jira_issues}}/browse/OPS-2",
        "status": "Offen",
        "assignee": "kvega@people.example",
        "project": "OPS",
        "updated": "2024-03-13T09:00:00Z",
        "created": "2024-03-12T15:05:00Z",
        "references": ["OPS-2"],
    }
    assert records[1]["assignee"] == "kim@vega.example"
    assert report.dropped == {"reference to an issue that is not in the export": 1}


def test_several_files_are_one_export(tmp_path: Path) -> None:
    files = {
        "1.csv": f"{HEADER}A-1,a,Open,25/03/2024\n",
        "2.csv": f"{HEADER}A-2,b,Open,03/04/2024\n",
        "x.md": "",
    }
    records, _ = import_records(tmp_path, "jira-csv", write_tree(tmp_path / "export", files))

    assert [(each["key"], each["created"]) for each in records] == [
        ("A-1", "2024-03-25T00:00:00Z"),
        ("A-2", "2024-04-03T00:00:00Z"),
    ]


def test_who_exports_says_the_order_of_dates_that_leave_it_open(tmp_path: Path) -> None:
    content = f"{HEADER}A-1,a,Open,03/04/2024\n"
    with pytest.raises(ExportInvalidError, match="03/04/2024"):
        import_records(tmp_path, "jira-csv", content)
    (record,), _ = import_records(tmp_path, "jira-csv", content, ImportOptions(dates=DateOrder.MONTH_FIRST))

    assert record["created"] == "2024-03-04T00:00:00Z"
    assert "updated" not in record


def test_a_date_that_cannot_be_read_is_counted_with_its_value(tmp_path: Path) -> None:
    (record,), report = import_records(tmp_path, "jira-csv", f"{HEADER}A-1,a,Open,soon\n")

    assert "created" not in record
    assert report.dropped == {"date in Created that cannot be read, such as soon": 1}


def test_blank_cells_and_odd_keys_are_values(tmp_path: Path) -> None:
    content = "Key,Summary,Status,Assignee,,Epic Link\nodd,,,Unassigned,x,A-1\nA-1,b,Open,,,A-1\n"
    (odd, plain), report = import_records(tmp_path, "jira-csv", content)

    assert (odd["summary"], odd["status"], odd["assignee"]) == ("odd", "None", None)
    assert (odd["references"], odd.get("project")) == (["A-1"], None)
    assert "references" not in plain
    assert report.unread == {"(column 5, without a name)": 1}


def test_an_issue_that_comes_twice_is_taken_once(tmp_path: Path) -> None:
    records, report = import_records(tmp_path, "jira-csv", f"{HEADER}A-1,a,Open,\nA-1,b,Open,\n")

    assert [each["summary"] for each in records] == ["a"]
    assert report.dropped == {"issue that is in the export a second time": 1}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("Vorgangsschlüssel,Zusammenfassung\nA-1,a\n", "no column Issue key, Summary, Status"),
        (f"{HEADER},a,Open,\n", "no issue key in row 2 of the file"),
        (
            "Key,Issue key,Summary,Status\nA-1,A-2,a,Open\n",
            r"mean the same and differ in row 2 of the file \(record 1\): Key and",
        ),
        ("Issue key,Summary,Summary,Status\nA-1,a,b,Open\n", "mean the same and differ"),
        (HEADER, "holds no record"),
    ],
)
def test_a_csv_that_is_not_as_jira_writes_it_is_refused(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(ExportInvalidError, match=problem):
        import_records(tmp_path, "jira-csv", content)


@pytest.mark.parametrize(
    ("content", "action"),
    [
        ("Vorgangsschlüssel,Zusammenfassung\nA-1,a\n", "Set your language in Jira to English"),
        (f"{HEADER},a,Open,\n", "Fill it in, or remove the row"),
        ("Key,Issue key,Summary,Status\nA-1,A-2,a,Open\n", "Remove the column"),
    ],
)
def test_what_to_do_about_a_csv_is_said_for_each_case(tmp_path: Path, content: str, action: str) -> None:
    with pytest.raises(ExportInvalidError) as refused:
        import_records(tmp_path, "jira-csv", content)
    assert action in refused.value.suggested_action


def test_columns_of_one_meaning_may_agree(tmp_path: Path) -> None:
    (record,), _ = import_records(tmp_path, "jira-csv", "Key,Issue key,Summary,Status\nA-1,A-1,a,Open\n")

    assert record["key"] == "A-1"


DOCUMENT = {
    "type": "doc",
    "version": 1,
    "content": [
        {"type": "heading", "content": [{"type": "text", "text": "Steps"}]},
        {
            "type": "paragraph",
            "content": [
                {"type": "text", "text": "See "},
                {"type": "inlineCard", "attrs": {"url": "https://vega.atlassian.net/browse/PAY-1"}},
                {"type": "hardBreak"},
                {"type": "mention", "attrs": {"text": "@Kim Vega"}},
                7,
            ],
        },
    ],
}


def test_an_issue_of_the_rest_api_is_a_record(tmp_path: Path) -> None:
    more = {
        "parent": {"key": "PAY-1"},
        "issuelinks": [{"outwardIssue": {"key": "PAY-9"}}, {"inwardIssue": {"key": "PAY-3"}}],
        "subtasks": [{"key": "PAY-2"}],
        "customfield_10014": "PAY-1",
        "customfield_10016": 3.0,
        "resolution": None,
        "description": DOCUMENT,
    }
    pages = [
        {"issues": [jira_issue("PAY-1"), None], "names": {"customfield_10016": "Story Points"}},
        {"issues": [jira_issue("PAY-2", **more)]},
        jira_issue("PAY-3", description="h2. Steps\n[~acc-1] *did* it", assignee=None),
        [jira_issue("PAY-1")],
    ]
    records, report = import_records(tmp_path, "jira-rest", "\n".join(map(json.dumps, pages)))

    assert records[1] == {
        "key": "PAY-2",
        "summary": "Summary of PAY-2",
        "description": records[1]["description"],
        "status": "To Do",
        "assignee": "kim-vega@people.example",
        "project": "PAY",
        "priority": "High",
        "updated": "2024-03-14T08:41:00Z",
        "reporter": "ada@vega.example",
        "created": "2024-03-12T14:05:00Z",
        "labels": ["refund"],
        "issue_type": "Task",
        "references": ["PAY-1", "PAY-3"],
    }
    assert records[1]["description"].split() == [
        "Steps",
        "See",
        "{{site:jira_issues}}/browse/PAY-1",
        "@Kim",
        "Vega",
    ]
    assert records[2]["description"].startswith("Steps\n@Kim Vega")
    assert [each["key"] for each in records] == ["PAY-1", "PAY-2", "PAY-3"]
    assert report.unread == {"Story Points": 1}
    assert report.dropped == {
        "null in place of an issue": 1,
        "reference to an issue that is not in the export": 1,
        "issue that is in the export a second time": 1,
    }


def test_an_address_that_is_shown_once_holds_everywhere(tmp_path: Path) -> None:
    shown = {"accountId": "acc-1", "displayName": "Kim Vega", "emailAddress": "kim@vega.example"}
    issues = [jira_issue("PAY-1"), jira_issue("PAY-2", reporter=shown)]
    records, _ = import_records(tmp_path, "jira-rest", json.dumps({"issues": issues}))

    assert [each["assignee"] for each in records] == ["kim@vega.example"] * 2


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"issues": [{"fields": {}}]}, "has no key"),
        ({"issues": ["PAY-1"]}, "has no key"),
        ({"issues": [{"key": "PAY-1", "fields": {"summary": "a"}}]}, "fields=\\*all"),
        ({"issues": []}, "holds no record"),
        ({"errorMessages": ["No."], "issues": [None]}, "null in place of an issue: 1"),
    ],
)
def test_an_answer_that_is_none_of_jiras_is_refused(tmp_path: Path, content: object, problem: str) -> None:
    with pytest.raises(ExportInvalidError, match=problem):
        import_records(tmp_path, "jira-rest", json.dumps(content))
