"""What a connector's settings cannot list is found while the records are read, with the record and its value."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from domain.connectors import find_connector_facts
from domain.content.documents import RECORD_KINDS, ClientSite
from domain.content.population import ConnectorFacts, Population
from domain.errors import TemplateInvalidError
from domain.model.enums import DatasetType
from tests.support.content.records import (
    NOW,
    SITES,
    populate,
    population,
    record_stream,
    template,
    template_record,
)

PAGES, REPOS = DatasetType.CONFLUENCE_PAGES, DatasetType.GITHUB_REPOS
SLACK, ISSUES = DatasetType.SLACK_MESSAGES, DatasetType.JIRA_ISSUES
UNLISTABLE = [
    (PAGES, {"space_key": "DEV OPS"}, 'space_key "DEV OPS"'),
    (REPOS, {"name": "a b"}, 'name "acme/a b"'),
    (SLACK, {"channel": "the channel"}, 'channel "the channel"'),
    (ISSUES, {"project": "Payments Team"}, 'project or key "Payments Team"'),
    (ISSUES, {"project": "P\x1b[2J"}, "project or key"),
]


@pytest.mark.parametrize(("dataset_type", "changes", "shown"), UNLISTABLE)
def test_a_container_that_the_settings_cannot_list_names_record_field_and_value(
    dataset_type: DatasetType, changes: dict[str, str], shown: str
) -> None:
    records = [template_record(dataset_type, 1), template_record(dataset_type, 2, **changes)]
    with pytest.raises(TemplateInvalidError) as refused:
        list(population(dataset_type).stream_documents(record_stream(records)))
    assert (refused.value.facts["position"], refused.value.facts["record_field"]) == (
        2,
        shown.split(' "', maxsplit=1)[0],
    )
    assert shown in refused.value.message
    assert "which the connector's settings cannot list: it must be" in refused.value.message
    assert "\x1b" not in refused.value.message


@pytest.mark.parametrize(("dataset_type", "changes", "shown"), UNLISTABLE)
def test_a_container_may_have_any_name_where_the_settings_list_others(
    dataset_type: DatasetType, changes: dict[str, str], shown: str
) -> None:
    attempt = Population(
        template(dataset_type),
        dataset_type=dataset_type,
        wanted=None,
        sites=SITES,
        now=NOW,
        progress=lambda _done, _total: None,
        connector=ConnectorFacts(lists_containers=True),
    )
    records = record_stream([template_record(dataset_type, 1, **changes)])
    assert shown
    assert b"".join(attempt.stream_documents(records)).count(b"\n") == 1


def test_the_settings_say_who_owns_repositories_and_whether_they_list_containers() -> None:
    settings: dict[DatasetType, dict[str, Any]] = {each: {"config": {}} for each in DatasetType} | {
        REPOS: {"config": {"organization": "acme-org"}},
        SLACK: {"config": {"channels": ["general"]}},
    }
    assert find_connector_facts(settings, PAGES) == ConnectorFacts(organization="acme-org")
    assert find_connector_facts(settings, SLACK) == ConnectorFacts(
        organization="acme-org", lists_containers=True
    )
    broken: dict[DatasetType, dict[str, Any]] = {each: {"config": []} for each in DatasetType}
    assert find_connector_facts(broken, PAGES) == ConnectorFacts()
    unnamed = {each: {"config": {"organization": 7}} for each in DatasetType}
    assert find_connector_facts(unnamed, PAGES) == ConnectorFacts()


@pytest.mark.parametrize(
    ("dataset_type", "changes", "end"),
    [
        (PAGES, {"page_id": "a b"}, "/pages/a%20b"),
        (PAGES, {"page_id": "a?b#c%"}, "/pages/a%3Fb%23c%25"),
        (ISSUES, {"key": "PAY-ä", "project": "PAY"}, "/browse/PAY-%C3%A4"),
        (PAGES, {"page_id": "a/b"}, "/pages/a%2Fb"),
        (PAGES, {"page_id": "../../other/7"}, "/pages/..%2F..%2Fother%2F7"),
        (PAGES, {"page_id": "..."}, "/pages/%252E%252E%252E"),
        (SLACK, {"message_id": "p 1#2"}, "/p%201%232"),
        (SLACK, {"message_id": "1512085950.000216"}, "/1512085950.000216"),
        (REPOS, {"name": "acme/billing-api"}, "/acme/billing-api"),
    ],
)
def test_an_id_is_encoded_in_an_address_and_read_from_it(
    dataset_type: DatasetType, changes: dict[str, str], end: str
) -> None:
    identity = next(iter(changes.values()))
    documents, content = populate(
        [
            template_record(dataset_type, 1, url=None, **changes),
            template_record(dataset_type, 2, url=None),
        ],
        dataset_type,
    )
    assert documents[0]["url"].endswith(end)
    assert documents[0]["id"] == identity
    if identity.strip("."):
        assert RECORD_KINDS[dataset_type].id_from_url(documents[0]["url"]) == identity
    assert content.report.score == 100.0


@pytest.mark.parametrize("part", ["..", ".", "../..", "/etc", "a/../../b", "", "%2e%2e"])
@pytest.mark.parametrize(
    ("dataset_type", "fields"),
    [(PAGES, ("page_id",)), (ISSUES, ("key",)), (SLACK, ("message_id", "channel")), (REPOS, ("name",))],
)
def test_no_address_leads_out_of_the_clients_site(
    dataset_type: DatasetType, fields: tuple[str, ...], part: str
) -> None:
    record = RECORD_KINDS[dataset_type].decode(
        msgspec.json.encode(
            {**template_record(dataset_type, 1, url=None), **dict.fromkeys(fields, part or "x")}
        )
    )
    site = "https://wiki.example/acme/sandbox"
    url = RECORD_KINDS[dataset_type].document(record, ClientSite(site)).url
    assert resolve_as_browsers_do(url) == url
    assert url.startswith(f"{site}/")


def resolve_as_browsers_do(url: str) -> str:
    """An address without its dot segments, which browsers know by encoded dots, too (https://url.spec.whatwg.org)."""
    segments: list[str] = []
    for each in url.split("/"):
        plain = re.sub("%2e", ".", each, flags=re.IGNORECASE)
        if plain == "..":
            segments.pop()
        elif plain != ".":
            segments.append(each)
    return "/".join(segments)
