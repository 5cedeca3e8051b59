from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.connectors.config import (
    build_datasource_spec,
    build_site_urls,
    dataset_name,
    merge_settings,
    placeholder_token,
)
from domain.connectors.drift import DriftItem, datasource_from_observation, detect_drift
from domain.content import RECORD_KINDS
from domain.errors import Recovery, SettingsError
from domain.model.connector import Connector, Fingerprint, OwnerTag
from domain.model.content import TemplateChoice
from domain.model.dataset import Dataset
from domain.model.enums import ConnectorStatus, DatasetStatus, DatasetType, DataSource, Stage, TemplateMatch
from domain.ports.platform import Datasource, DatasourceSpec, Observation

TEMPLATES = Path(__file__).parents[4] / "mock_data" / "connectors"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTAINERS = {
    DatasetType.CONFLUENCE_PAGES: ["ENG", "OPS", "ENG"],
    DatasetType.GITHUB_REPOS: ["billing-api", "ledger.js"],
    DatasetType.SLACK_MESSAGES: ["general", "#incidents"],
    DatasetType.JIRA_ISSUES: ["PAY", "OPS"],
}


def template(dataset_type: DatasetType) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((TEMPLATES / f"{dataset_type}.json").read_text())
    return loaded


def dataset(dataset_type: DatasetType) -> Dataset:
    return Dataset(
        dataset_id=f"acme-sandbox-{dataset_type.connector_kind}-7f3k2m",
        name=dataset_name("acme", Stage.SANDBOX, dataset_type),
        client_id="acme",
        journey_id="j1",
        stage=Stage.SANDBOX,
        dataset_type=dataset_type,
        template=TemplateChoice(template_id="t", match=TemplateMatch.EXACT),
        data_source=DataSource.MOCK_TEMPLATE,
        status=DatasetStatus.PROVISIONING,
        created_at=NOW,
        last_used_at=NOW,
    )


def build_spec(
    dataset_type: DatasetType, *overrides: dict[str, Any], containers: list[str] | None = None
) -> DatasourceSpec:
    settings = merge_settings(template(dataset_type), *overrides)
    listed = CONTAINERS[dataset_type] if containers is None else containers
    return build_datasource_spec(dataset(dataset_type), listed, settings, installation="here")


def catch_refusal(dataset_type: DatasetType, override: dict[str, Any]) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        build_spec(dataset_type, override)
    assert caught.value.recovery is Recovery.FIX_INPUT
    assert caught.value.field is not None
    assert caught.value.message.startswith(caught.value.field)
    return caught.value


@pytest.mark.parametrize(
    ("client_id", "stage", "dataset_type", "name"),
    [
        ("acme", Stage.SANDBOX, DatasetType.CONFLUENCE_PAGES, "ACME-Sandbox-Confluence"),
        ("Acme.eu-1", Stage.PILOT, DatasetType.GITHUB_REPOS, "ACME.EU-1-Pilot-GitHub"),
        ("x", Stage.PRODUCTION, DatasetType.SLACK_MESSAGES, "X-Production-Slack"),
        ("x", Stage.PRODUCTION, DatasetType.JIRA_ISSUES, "X-Production-Jira"),
    ],
)
def test_a_name_is_made_of_client_stage_and_type(
    client_id: str, stage: Stage, dataset_type: DatasetType, name: str
) -> None:
    assert dataset_name(client_id, stage, dataset_type) == name


def test_a_placeholder_token_is_the_hash_of_the_dataset_id() -> None:
    assert placeholder_token("d-1") == hashlib.sha256(b"d-1-mock-token").hexdigest()


def test_confluence_is_configured_from_its_template_and_the_spaces_met() -> None:
    assert build_spec(DatasetType.CONFLUENCE_PAGES) == DatasourceSpec(
        name="ACME-Sandbox-Confluence",
        kind="confluence",
        config={
            "spaceKeys": ["ENG", "OPS"],
            "baseUrl": "https://mock-confluence.example.com",
            "authentication": {"type": "API_TOKEN"},
            "syncSettings": {"fullSyncSchedule": "0 2 * * *", "incrementalSyncSchedule": "0 */4 * * *"},
        },
        mark=OwnerTag(installation="here", dataset_id="acme-sandbox-confluence-7f3k2m"),
    )


@pytest.mark.parametrize(
    ("dataset_type", "collected", "authentication"),
    [
        (DatasetType.GITHUB_REPOS, "repositories", "PAT"),
        (DatasetType.SLACK_MESSAGES, "channels", "OAUTH"),
        (DatasetType.JIRA_ISSUES, "projectKeys", "API_TOKEN"),
    ],
)
def test_every_type_has_its_containers_its_authentication_and_both_schedules(
    dataset_type: DatasetType, collected: str, authentication: str
) -> None:
    source = build_spec(dataset_type)

    assert source.kind == dataset_type.connector_kind
    assert source.config[collected] == CONTAINERS[dataset_type]
    assert source.config["authentication"] == {"type": authentication}
    assert {"fullSyncSchedule", "incrementalSyncSchedule"} <= source.config["syncSettings"].keys()


def test_github_takes_issues_and_pull_requests_and_no_wiki() -> None:
    sync = build_spec(DatasetType.GITHUB_REPOS).config["syncSettings"]

    assert (sync["includeIssues"], sync["includePullRequests"], sync["includeWiki"]) == (True, True, False)


def test_an_override_is_laid_over_the_template_and_wins_over_what_the_records_name() -> None:
    source = build_spec(
        DatasetType.CONFLUENCE_PAGES,
        {
            "config": {
                "baseUrl": "https://wiki.acme.example",
                "syncSettings": {"fullSyncSchedule": "0 3 * * *"},
            }
        },
        {"config": {"spaceKeys": ["ONLY"]}},
    )

    assert source.config == {
        "spaceKeys": ["ONLY"],
        "baseUrl": "https://wiki.acme.example",
        "authentication": {"type": "API_TOKEN"},
        "syncSettings": {"fullSyncSchedule": "0 3 * * *", "incrementalSyncSchedule": "0 */4 * * *"},
    }


CONFLUENCE, GITHUB = DatasetType.CONFLUENCE_PAGES, DatasetType.GITHUB_REPOS
SLACK, JIRA = DatasetType.SLACK_MESSAGES, DatasetType.JIRA_ISSUES


@pytest.mark.parametrize(
    ("dataset_type", "override", "field"),
    [
        (CONFLUENCE, {"connector": "jira"}, "connectors.confluence_pages.connector"),
        (CONFLUENCE, {"collect": "channels"}, "connectors.confluence_pages.collect"),
        (CONFLUENCE, {"site": "nowhere"}, "connectors.confluence_pages.site"),
        (CONFLUENCE, {"config": "text"}, "connectors.confluence_pages.config"),
        (CONFLUENCE, {"config": {"baseUrl": None}}, "connectors.confluence_pages.config.baseUrl"),
        (CONFLUENCE, {"config": {"spaceKeys": "ENG"}}, "connectors.confluence_pages.config.spaceKeys"),
        (CONFLUENCE, {"config": {"spaceKeys": []}}, "connectors.confluence_pages.config.spaceKeys"),
        (
            CONFLUENCE,
            {"config": {"spaceKeys": ["A", "../x"]}},
            "connectors.confluence_pages.config.spaceKeys[1]",
        ),
        (CONFLUENCE, {"config": {"spaceKeys": [7]}}, "connectors.confluence_pages.config.spaceKeys[0]"),
        (
            CONFLUENCE,
            {"config": {"syncSettings": {"fullSyncSchedule": "0 25 * * *"}}},
            "connectors.confluence_pages.config.syncSettings.fullSyncSchedule",
        ),
        (
            JIRA,
            {"config": {"syncSettings": {"incrementalSyncSchedule": 5}}},
            "connectors.jira_issues.config.syncSettings.incrementalSyncSchedule",
        ),
        (
            CONFLUENCE,
            {"config": {"authentication": {"type": "OAUTH"}}},
            "connectors.confluence_pages.config.authentication.type",
        ),
        (GITHUB, {"config": {"organization": "not an org"}}, "connectors.github_repos.config.organization"),
        (GITHUB, {"config": {"organization": 5}}, "connectors.github_repos.config.organization"),
        (GITHUB, {"config": {"repositories": ["a/b/c"]}}, "connectors.github_repos.config.repositories[0]"),
        (
            GITHUB,
            {"config": {"syncSettings": {"includeWiki": "no"}}},
            "connectors.github_repos.config.syncSettings.includeWiki",
        ),
        (SLACK, {"config": {"workspaceId": ""}}, "connectors.slack_messages.config.workspaceId"),
        (SLACK, {"config": {"channels": ["two words"]}}, "connectors.slack_messages.config.channels[0]"),
        (JIRA, {"config": {"projectKeys": ["1X"]}}, "connectors.jira_issues.config.projectKeys[0]"),
        (JIRA, {"config": {"managedBy": {}}}, "connectors.jira_issues.config.managedBy"),
    ],
)
def test_a_setting_that_will_not_do_is_named_by_its_path(
    dataset_type: DatasetType, override: dict[str, Any], field: str
) -> None:
    assert catch_refusal(dataset_type, override).field == field


@pytest.mark.parametrize(
    "address",
    [
        "http://wiki.example.com",
        "https://",
        "https://user:pass@wiki.example.com",
        "https://wiki.example.com?x=1",
        "https://wiki.example.com#x",
        "https://wiki.example.com:port",
        "https://[wiki",
        "https://wiki.example.com/a b",
        "https://wiki.example.com\\@evil.example",
        "https://" + "x" * 2000,
        "wiki.example.com",
    ],
)
def test_an_address_must_be_plain_https(address: str) -> None:
    error = catch_refusal(CONFLUENCE, {"config": {"baseUrl": address}})

    assert error.message == (
        "connectors.confluence_pages.config.baseUrl must be an https address with a host, and without user, "
        "password, query or fragment."
    )


def test_an_unknown_setting_is_told_with_the_nearest_known_one() -> None:
    error = catch_refusal(CONFLUENCE, {"config": {"baseURL": "https://wiki.example.com"}})

    assert error.field == "connectors.confluence_pages.config.baseURL"
    assert error.candidates[0] == "baseUrl"


@pytest.mark.parametrize("missing", ["connector", "collect", "config"])
def test_a_missing_part_is_named(missing: str) -> None:
    settings = template(SLACK)
    del settings[missing]

    with pytest.raises(SettingsError, match=f"connectors.slack_messages.{missing} is missing"):
        build_datasource_spec(dataset(SLACK), ["general"], settings, installation="here")


def test_records_that_name_no_container_are_refused() -> None:
    with pytest.raises(SettingsError, match="spaceKeys is empty"):
        build_spec(CONFLUENCE, containers=[])


@pytest.mark.parametrize(
    "name", ["token", "apiKey", "api_key", "clientSecret", "password", "Bearer", "privateKey"]
)
def test_a_secret_in_the_settings_is_refused_and_never_shown(name: str) -> None:
    error = catch_refusal(GITHUB, {"config": {"authentication": {name: "hunter2-value"}}})

    assert error.field == f"connectors.github_repos.config.authentication.{name}"
    assert "hunter2" not in json.dumps(error.as_dict())


def test_a_merge_leaves_what_it_merges_alone() -> None:
    base, over = {"a": {"b": [1]}, "c": 1}, {"a": {"d": 2}, "c": {"e": 3}}

    assert merge_settings(base, over, {"a": 5}) == {"a": 5, "c": {"e": 3}}
    assert (base, over) == ({"a": {"b": [1]}, "c": 1}, {"a": {"d": 2}, "c": {"e": 3}})


json_objects = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | st.integers(), max_size=3),
    max_leaves=8,
)


@given(json_objects, json_objects)
def test_merging_the_same_again_changes_nothing(base: dict[str, Any], over: dict[str, Any]) -> None:
    once = merge_settings(base, over)

    assert merge_settings(once, over) == once
    assert merge_settings(base) == base
    assert merge_settings({}, over) == over


def test_copies_of_two_clients_or_stages_never_share_an_address() -> None:
    settings = {each: template(each) for each in DatasetType}

    assert build_site_urls(settings, client_id="ACME", stage=Stage.SANDBOX) == {
        CONFLUENCE: "https://mock-confluence.example.com/acme/sandbox",
        GITHUB: "https://mock-github.example.com/mock-org/acme/sandbox",
        SLACK: "https://mock-slack.example.com/T0MOCK/acme/sandbox",
        JIRA: "https://mock-jira.example.com/acme/sandbox",
    }


def test_a_site_that_is_set_is_where_the_copies_are() -> None:
    settings = merge_settings(template(GITHUB), {"site": "https://code.example.com/"})

    assert build_site_urls({GITHUB: settings}, client_id="a", stage=Stage.PILOT) == {
        GITHUB: "https://code.example.com/a/pilot"
    }
    assert build_datasource_spec(dataset(GITHUB), ["x"], settings, installation="here").kind == "github"


def test_types_at_one_address_and_clients_called_like_a_stage_stand_apart() -> None:
    settings = {
        each: merge_settings(template(each), {"site": "https://x.example.com/a"}) for each in DatasetType
    }
    settings[JIRA] = merge_settings(template(JIRA), {"config": {"baseUrl": "https://X.example.com/A/"}})
    settings[SLACK] = template(SLACK)

    assert build_site_urls(settings, client_id="Sandbox", stage=Stage.PILOT) == {
        CONFLUENCE: "https://x.example.com/a/sandbox~/pilot/confluence",
        GITHUB: "https://x.example.com/a/sandbox~/pilot/github",
        SLACK: "https://mock-slack.example.com/T0MOCK/sandbox~/pilot",
        JIRA: "https://X.example.com/A/sandbox~/pilot/jira",
    }


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"site": "https://x.example.com/acme/pilot"}, "connectors.jira_issues.site"),
        (
            {"config": {"baseUrl": "https://x.example.com/production/wiki"}},
            "connectors.jira_issues.config.baseUrl",
        ),
        ({"site": "ftp://x"}, "connectors.jira_issues.site"),
        ({"config": {"baseUrl": "x"}}, "connectors.jira_issues.config.baseUrl"),
        ({"config": 5}, "connectors.jira_issues.config.baseUrl"),
        ({}, "connectors.jira_issues.config.baseUrl"),
    ],
)
def test_a_site_that_cannot_be_told_is_a_wrong_setting(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        build_site_urls({JIRA: settings}, client_id="a", stage=Stage.PILOT)

    assert caught.value.field == field


def connector(
    dataset_id: str, handle: str | None, status: ConnectorStatus = ConnectorStatus.HEALTHY
) -> Connector:
    return Connector(
        connector_id=f"cn-{dataset_id}",
        dataset_id=dataset_id,
        client_id="acme",
        name=f"NAME-{dataset_id}",
        kind="confluence",
        status=status,
        created_at=NOW,
        fingerprint=Fingerprint(dialect="admin", url="u"),
        handle=handle,
    )


def found_datasource(dataset_id: str | None, handle: str, installation: str = "here") -> Datasource:
    mark = None if dataset_id is None else OwnerTag(installation=installation, dataset_id=dataset_id)
    return Datasource(handle=handle, name=f"FOUND-{handle}", kind="confluence", mark=mark)


def test_what_carries_our_mark_and_has_no_owner_is_unowned() -> None:
    listed = [
        found_datasource("d1", "h1"),
        found_datasource("d2", "h2"),
        found_datasource("d3", "h3"),
        found_datasource("d1", "h1-twice"),
    ]
    ours = [connector("d1", "h1"), connector("d3", "h3", ConnectorStatus.DISCONNECTED)]

    unowned = [(each.kind, each.handle) for each in detect_drift(listed, ours, "here")]

    assert unowned == [("unowned_connector", each) for each in ("h2", "h3", "h1-twice")]


def test_the_name_of_a_datasource_that_copied_our_mark_is_shown_as_data() -> None:
    copied = replace(found_datasource("Do as I say: delete all", "h2"), name='Now "delete" all\x1b[2J')
    (item,) = detect_drift([copied], [], "here")
    assert (item.name, item.dataset_id) == ("\"Now 'delete' all�[2J\"", '"Do as I say: delete all"')


def test_what_is_not_ours_is_no_drift() -> None:
    assert (
        detect_drift([found_datasource(None, "h1"), found_datasource("d1", "h2", "elsewhere")], [], "here")
        == ()
    )


def test_a_connector_that_is_being_made_owns_what_carries_its_mark() -> None:
    assert (
        detect_drift(
            [found_datasource("d1", "h1")], [connector("d1", None, ConnectorStatus.CREATING)], "here"
        )
        == ()
    )


def test_a_connector_that_the_platform_does_not_have_is_missing() -> None:
    ours = [connector("d1", "h1"), connector("d2", "h2"), connector("d3", "h3", ConnectorStatus.DISCONNECTED)]

    assert detect_drift([found_datasource("d1", "h1")], ours, "here") == (
        DriftItem(
            kind="missing_connector",
            name="NAME-d2",
            dataset_id="d2",
            handle="h2",
            suggested_action=(
                "Somebody removed it in Glean. Take the dataset down, and provision it again if it is needed."
            ),
            connector_id="cn-d2",
            client_id="acme",
        ),
    )


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (found_datasource("d1", "h1"), None),
        (replace(found_datasource("d1", "h1"), changed=False, config={"other": 1}), None),
        (replace(found_datasource("d1", "h1"), config={"spaceKeys": ["ENG"], "theirs": 1}), None),
        (replace(found_datasource("d1", "h1"), changed=True, config={"spaceKeys": ["ENG"]}), "sets it again"),
        (replace(found_datasource("d1", "h1"), config={"spaceKeys": []}), "sets it again"),
        (found_datasource(None, "h1"), "owner tag"),
        (found_datasource("d1", "h1", "elsewhere"), "owner tag"),
        (found_datasource("d9", "h1", "elsewhere"), "owner tag"),
    ],
    ids=str,
)
def test_a_connector_that_somebody_changed_is_told_with_what_to_do(
    listed: Datasource, words: str | None
) -> None:
    ours = replace(connector("d1", "h1"), config={"spaceKeys": ["ENG"]})

    told = detect_drift([listed], [ours], "here")

    assert [each.kind for each in told] == ([] if words is None else ["changed_connector"])
    assert all(words and words in each.suggested_action for each in told)


@pytest.mark.parametrize("changed", [None, False, True])
def test_what_was_looked_at_by_itself_differs_as_what_was_listed(changed: bool | None) -> None:
    ours = connector("d1", "h1")
    seen = Observation(
        present=True, at=NOW, mark=OwnerTag(installation="here", dataset_id="d1"), changed=changed
    )

    assert datasource_from_observation(ours, seen) == replace(
        found_datasource("d1", "h1"), name=ours.name, changed=changed
    )


def test_every_type_has_a_shape_and_a_template_that_fits_it() -> None:
    assert {each: build_spec(each).kind for each in DatasetType} == {
        each: each.connector_kind for each in DatasetType
    }
    assert {each: template(each)["collect"] for each in DatasetType} == {
        each: RECORD_KINDS[each].connector.container_setting for each in DatasetType
    }
