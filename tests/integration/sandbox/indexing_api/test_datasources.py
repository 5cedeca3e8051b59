"""Registering datasources as the real Indexing API has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.sandbox.indexing_api.operations import INDEXING_OPERATIONS
from tests.support.glean.indexing_client import NAME, IndexingClient, config, refusal_text, without
from tests.support.sandbox.operations import OPERATIONS

if TYPE_CHECKING:
    from tests.support.sandbox.embedded import EmbeddedSandbox


def test_every_operation_of_the_dialect_is_known_to_the_fault_plan() -> None:
    names = [operation.name for operation in INDEXING_OPERATIONS]
    assert len(names) == len(set(names))
    assert set(names) <= OPERATIONS


def test_a_datasource_is_told_as_it_was_registered_under_the_name_that_it_has_inside(
    wiki_client: IndexingClient,
) -> None:
    told = wiki_client.call_operation("getdatasourceconfig", datasource=NAME.upper())
    assert told.status_code == 200
    assert told.headers["content-type"] == "application/json; charset=UTF-8"
    assert told.json() == {**config(), "name": "CUSTOM_ACMEWIKI"}


def test_registering_again_overrides_the_whole_and_turns_the_test_flag_off(
    wiki_client: IndexingClient,
) -> None:
    assert wiki_client.status()["datasourceVisibility"] == "ENABLED_FOR_TEST_GROUP"
    wiki_client.call_operation(
        "adddatasource", **without(without(config(), "isTestDatasource"), "displayName")
    )
    told = wiki_client.call_operation("getdatasourceconfig", datasource=NAME).json()
    assert told == {
        **without(without(config(), "isTestDatasource"), "displayName"),
        "name": "CUSTOM_ACMEWIKI",
    }
    assert wiki_client.status()["datasourceVisibility"] == "NOT_ENABLED"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "acme-wiki"}, "name"),
        ({"name": "acme_wiki"}, "name"),
        ({"name": "Jira"}, "name"),
        ({"name": "a" * 33}, "name"),
        ({"name": 7}, "name"),
        ({"datasourceCategory": "UNCATEGORIZED"}, "datasourceCategory"),
        ({"datasourceCategory": "WIKI"}, "datasourceCategory"),
        ({"urlRegex": ""}, "urlRegex"),
        ({"urlRegex": "("}, "urlRegex"),
        ({"objectDefinitions": []}, "objectDefinitions"),
        ({"objectDefinitions": [{"name": "Wiki_Page", "docCategory": "KNOWLEDGE_HUB"}]}, "objectDefinitions"),
        ({"objectDefinitions": [{"name": "Wiki Page", "docCategory": "KNOWLEDGE_HUB"}]}, "objectDefinitions"),
        ({"managedBy": {"installation": "here"}}, "managedBy"),
    ],
)
def test_what_glean_refuses_of_a_configuration_is_refused(
    indexing_client: IndexingClient, changes: dict[str, Any], named: str
) -> None:
    assert named in refusal_text(indexing_client.call_operation("adddatasource", **config(**changes)))
    refusal_text(indexing_client.call_operation("getdatasourceconfig", datasource=NAME))


@pytest.mark.parametrize("field", ["name", "datasourceCategory", "urlRegex", "objectDefinitions"])
def test_what_is_needed_in_practice_is_demanded(indexing_client: IndexingClient, field: str) -> None:
    assert field in refusal_text(indexing_client.call_operation("adddatasource", **without(config(), field)))


def test_unknown_fields_are_passed_over_where_glean_is_taken_to_do_so(
    indexing_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.set_switches(forgives_unknown_fields=True)
    definitions = [{"name": "Page", "docCategory": "KNOWLEDGE_HUB", "colour": "red"}]
    indexing_client.create_datasource(objectDefinitions=definitions, managedBy="us")
    told = indexing_client.call_operation("getdatasourceconfig", datasource=NAME).json()
    assert told["objectDefinitions"] == [{"name": "Page", "docCategory": "KNOWLEDGE_HUB"}]
    assert "managedBy" not in told
    assert "name" in refusal_text(indexing_client.call_operation("adddatasource", **config(name=7)))
    assert "JSON" in refusal_text(indexing_client.post("/adddatasource", content=b"{"))


def test_a_longer_name_is_taken_where_glean_is_taken_to_do_so(
    indexing_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.set_switches(longest_name=64)
    assert indexing_client.call_operation("adddatasource", **config(name="a" * 64)).status_code == 200


def test_a_name_of_gleans_own_connectors_is_not_taken_over(
    indexing_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.create_foreign_datasource(NAME)
    assert "name" in refusal_text(indexing_client.call_operation("adddatasource", **config()))
    refusal_text(indexing_client.call_operation("getdatasourceconfig", datasource=NAME))


def test_everything_is_a_post_of_a_known_operation_by_a_known_token(
    indexing_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    got = indexing_client.get("/adddatasource")
    assert (refusal_text(got, 405) != "", got.headers["allow"]) == (True, "POST")
    for removed in ("getdocumentcount", "getdocumentstatus", "getusercount", "adddatasource/"):
        refusal_text(indexing_client.call_operation(removed, datasource=NAME), 404)
    with IndexingClient(glean) as other:
        other.headers["Authorization"] = "Bearer wrong"
        refusal_text(other.call_operation("adddatasource", **config()), 401)
    assert (
        indexing_client.call_operation("betausers", datasource="nobody", emails=["a@b.c"]).status_code == 400
    )


def test_beta_users_are_on_record(wiki_client: IndexingClient, glean: EmbeddedSandbox) -> None:
    assert (
        wiki_client.call_operation("betausers", datasource=NAME, emails=["ada@example.com"]).status_code
        == 200
    )
    assert glean.sandbox.ledger()[-1].operation == "betausers"
