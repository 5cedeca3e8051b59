"""Which known names a mistyped one may mean, and in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.enums import DatasetType, DataSource, Stage, TeardownReason
from domain.model.nearest_names import closest_names, same_names

IDS = ["acme-sandbox-confluence-7f3k2m", "acme-sandbox-jira-9x2b4c", "globex-pilot-jira-1q2w3e"]


@pytest.mark.parametrize(
    ("value", "names", "nearest"),
    [
        ("PILOT", Stage, "pilot"),
        ("prod", Stage, "production"),
        ("sand box", Stage, "sandbox"),
        ("Pilot stage", Stage, "pilot"),
        ("prodcution", Stage, "production"),
        ("jira", DatasetType, "jira_issues"),
        ("JiraIssue", DatasetType, "jira_issues"),
        ("jira tickets", DatasetType, "jira_issues"),
        ("repos", DatasetType, "github_repos"),
        ("conflunce_pages", DatasetType, "confluence_pages"),
        ("slack-channel", DatasetType, "slack_messages"),
        ("mock", DataSource, "mock_template"),
        ("orphan", TeardownReason, "orphaned"),
        ("stage complete", TeardownReason, "stage_completed"),
        ("failed", TeardownReason, "provision_failed"),
    ],
)
def test_the_nearest_name_comes_first_whatever_its_case_and_separators(
    value: str, names: type[Stage | DatasetType | DataSource | TeardownReason], nearest: str
) -> None:
    assert closest_names(value, [each.value for each in names])[0] == nearest


def test_with_nothing_near_there_is_no_candidate() -> None:
    assert closest_names("zzz", [f"name{n}" for n in range(9)]) == ()
    assert closest_names("j1", ["j2"]) == ()
    assert closest_names("", ["acme"]) == closest_names("acme", ["-"]) == closest_names("acme", []) == ()


def test_five_are_shown_at_most() -> None:
    assert closest_names("name", [f"name{n}" for n in range(9)]) == tuple(f"name{n}" for n in range(5))


def test_another_word_for_a_name_leads_to_it() -> None:
    labels = {"acme": ["Acme Bank AG", "fintech"], "globex": ["Globex Health", "healthcare"]}
    assert closest_names("acme bank", labels, labels) == ("acme",)
    assert closest_names("Globex Health", labels, labels) == ("globex",)
    assert closest_names("FinTech", labels, labels) == ("acme",)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("ACME_Sandbox_Confluence_7F3K2M", IDS[0]),
        ("acme-sandbox-confluence-7f3k2n", IDS[0]),
        ("acme-sandbox-confluence-7f3k2", IDS[0]),
        ("acme-sandbox-confluence-7f3", IDS[0]),
        ("acme-sandbox-confluence-7f3km2", IDS[0]),
        ("acme-sandbox-confluence-7f3kk2m", IDS[0]),
        ("dataset://acme-sandbox-jira-9x2b4c", IDS[1]),
        ("cn-globex-pilot-jira-1q2w3e-1", IDS[2]),
    ],
)
def test_another_spelling_of_what_is_acted_upon_is_found(value: str, meant: str) -> None:
    assert same_names(value, IDS) == (meant,)


@pytest.mark.parametrize(
    "value", ["acme", "jira", "acme-sandbox-jira-aaaaaa", "acme-pilot-jira-9x2b4c", "", "-"]
)
def test_what_is_acted_upon_has_no_correction_that_is_another_one(value: str) -> None:
    labels = {each: [each.rpartition("-")[0]] for each in IDS}
    assert same_names(value, IDS) == ()
    assert same_names(value, IDS, labels) == ()


def test_the_label_of_another_one_is_no_misspelling() -> None:
    labels = {"a1-sandbox-jira-9x2b4c": ["A1-Sandbox-Jira"]}
    assert same_names("a1 sandbox jira", labels, labels) == tuple(labels)
    assert same_names("A2-Sandbox-Jira", labels, labels) == ()


@given(st.text(max_size=20), st.lists(st.text(max_size=20), unique=True, max_size=8))
def test_every_candidate_is_a_known_name_and_the_name_itself_comes_first(
    value: str, names: list[str]
) -> None:
    for find in (closest_names, same_names):
        found = find(value, names)
        assert set(found) <= set(names)
        assert len(set(found)) == len(found)
        spelt = "".join(each for each in value.casefold() if each.isalnum())
        if value in names and spelt:
            assert "".join(each for each in found[0].casefold() if each.isalnum()) == spelt
