from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.sandbox.admin_api.operations import ADMIN_OPERATIONS
from tests.support.glean.admin_client import AdminClient, error_of
from tests.support.sandbox.example_configs import EXAMPLE_CONFIGS
from tests.support.sandbox.operations import OPERATIONS
from tests.support.servers.plain_http import fetch

if TYPE_CHECKING:
    from server.sandbox.state.content.connectors import Connector
    from tests.support.sandbox.embedded import EmbeddedSandbox

CONFLUENCE = EXAMPLE_CONFIGS["confluence"]


def test_the_admin_dialect_has_every_operation_once() -> None:
    names = [operation.name for operation in ADMIN_OPERATIONS]
    assert len(names) == len(set(names))
    assert set(names) <= OPERATIONS


def test_a_datasource_is_answered_as_it_was_made(admin_client: AdminClient) -> None:
    config = {
        **CONFLUENCE,
        "authentication": {"type": "API_TOKEN"},
        "managedBy": {"installation": "i", "datasetId": "d"},
    }
    made = admin_client.post("/datasources", json={"name": "A", "connector": "confluence", "config": config})
    assert made.status_code == 201
    expected = {
        "id": made.json()["id"],
        "name": "A",
        "connector": "confluence",
        "status": "PENDING",
        "config": config,
        "documentCount": 0,
        "createdAt": "2026-03-01T12:00:00.000Z",
    }
    assert made.json() == expected
    assert admin_client.get(f"/datasources/{expected['id']}").json() == expected
    assert admin_client.get("/datasources").json() == {"datasources": [expected]}


@pytest.mark.parametrize("connector", ["confluence", "github", "slack", "jira"])
def test_every_connector_can_be_made_and_authenticated(
    admin_client: AdminClient, connector: Connector
) -> None:
    assert admin_client.get(admin_client.create_datasource("A", connector)).json()["connector"] == connector


def test_a_name_is_taken_whatever_its_case(admin_client: AdminClient) -> None:
    admin_client.create_datasource("ACME-Sandbox")
    again = admin_client.post(
        "/datasources", json={"name": "acme-SANDBOX", "connector": "confluence", "config": CONFLUENCE}
    )
    assert error_of(again) == (409, "already_exists", [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"connector": "confluence", "config": CONFLUENCE}, "name"),
        ({"name": "", "connector": "confluence", "config": CONFLUENCE}, "name"),
        ({"name": " a", "connector": "confluence", "config": CONFLUENCE}, "name"),
        ({"name": "a\nb", "connector": "confluence", "config": CONFLUENCE}, "name"),
        ({"name": "a" * 201, "connector": "confluence", "config": CONFLUENCE}, "name"),
        ({"name": "a", "connector": "sharepoint", "config": {}}, "connector"),
        ({"name": "a", "connector": "confluence", "config": CONFLUENCE, "colour": 1}, "colour"),
        ({"name": "a", "connector": "confluence", "config": []}, "config"),
    ],
)
def test_a_body_that_will_not_do_is_refused_by_its_field(
    admin_client: AdminClient, body: dict[str, Any], field: str
) -> None:
    assert error_of(admin_client.post("/datasources", json=body)) == (422, "invalid", [field])
    assert admin_client.get("/datasources").json() == {"datasources": []}


@pytest.mark.parametrize(
    ("connector", "change", "field"),
    [
        ("confluence", {"baseUrl": "ftp://x"}, "config.baseUrl"),
        ("confluence", {"spaceKeys": []}, "config.spaceKeys"),
        ("confluence", {"spaceKeys": ["A", 1]}, "config.spaceKeys[1]"),
        ("confluence", {"colour": "red"}, "config.colour"),
        ("confluence", {"authentication": {"type": "PAT"}}, "config.authentication.type"),
        (
            "confluence",
            {"authentication": {"type": "API_TOKEN", "token": "t"}},
            "config.authentication.token",
        ),
        ("confluence", {"managedBy": {"installation": "i"}}, "config.managedBy.datasetId"),
        (
            "confluence",
            {"syncSettings": {"fullSyncSchedule": "0 2 * * *"}},
            "config.syncSettings.incrementalSyncSchedule",
        ),
        (
            "confluence",
            {"syncSettings": {"fullSyncSchedule": "daily", "incrementalSyncSchedule": "0 2 * * *"}},
            "config.syncSettings.fullSyncSchedule",
        ),
        ("github", {"repositories": None}, "config.repositories"),
        ("github", {"syncSettings": CONFLUENCE["syncSettings"]}, "config.syncSettings.includeIssues"),
        ("slack", {"workspaceId": ""}, "config.workspaceId"),
        ("jira", {"projectKeys": "TEAM"}, "config.projectKeys"),
    ],
)
def test_a_configuration_is_refused_by_the_field(
    admin_client: AdminClient, connector: Connector, change: dict[str, Any], field: str
) -> None:
    config = {**EXAMPLE_CONFIGS[connector], **change}
    made = admin_client.post("/datasources", json={"name": "a", "connector": connector, "config": config})
    assert error_of(made) == (422, "invalid", [field])
    one = admin_client.create_datasource("b", connector)
    assert error_of(admin_client.put(one, json={"config": config})) == (422, "invalid", [field])


def test_the_list_comes_in_pages(admin_client: AdminClient) -> None:
    for name in "abcde":
        admin_client.create_datasource(name)
    seen, cursor = [], None
    while True:
        page = admin_client.get(
            "/datasources", params={"limit": 2, **({"cursor": cursor} if cursor else {})}
        ).json()
        seen.append([each["name"] for each in page["datasources"]])
        cursor = page.get("nextCursor")
        if cursor is None:
            break
    assert seen == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "501"}, {"limit": "-1"}, {"limit": "x"}, {"cursor": "²"}]
)
def test_a_page_out_of_range_is_refused(admin_client: AdminClient, query: dict[str, str]) -> None:
    assert error_of(admin_client.get("/datasources", params=query)) == (422, "invalid", list(query))


def test_an_update_replaces_the_configuration(admin_client: AdminClient) -> None:
    one = admin_client.create_datasource()
    config = {**CONFLUENCE, "spaceKeys": ["OTHER"]}
    assert admin_client.put(one, json={"config": config}).json()["config"] == config
    assert admin_client.get(one).json()["config"] == config


def test_a_deleted_datasource_is_gone_in_the_apis_own_shape(admin_client: AdminClient) -> None:
    one = admin_client.create_datasource()
    deleted = admin_client.delete(one)
    assert (deleted.status_code, deleted.content) == (204, b"")
    for request in (
        admin_client.get(one),
        admin_client.delete(one),
        admin_client.put(one, json={"config": CONFLUENCE}),
        admin_client.put(f"{one}/auth", json={"authConfig": {"type": "API_TOKEN", "token": "t"}}),
        admin_client.get(f"{one}/health"),
        admin_client.post(f"{one}/sync/stop"),
        admin_client.sync(one, "run"),
        admin_client.upload(one, "run", []),
        admin_client.delete(f"{one}/uploads/run"),
        admin_client.get(f"{one}/sync/job"),
    ):
        assert error_of(request) == (404, "not_found", [])
    assert admin_client.get("/datasources").json() == {"datasources": []}


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic secret", "Bearer", "Bearer s\xe9cret"])
@pytest.mark.parametrize("path", ["/tenant", "/nothing"])
def test_without_the_token_there_is_nothing_to_see(
    glean: EmbeddedSandbox, header: str | None, path: str
) -> None:
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    answer = fetch(f"{glean.base_url}/api/v1{path}", headers=headers)
    assert error_of(answer) == (401, "unauthenticated", [])


@pytest.mark.parametrize("path", ["/nothing", "/datasources/", "/datasources/a/b/c/d", "/../x"])
def test_a_path_that_does_not_exist_is_told_from_a_thing_that_does_not(
    admin_client: AdminClient, path: str
) -> None:
    assert error_of(admin_client.get(path)) == (404, "no_such_route", [])
    assert error_of(admin_client.get("/datasources/unknown")) == (404, "not_found", [])


def test_a_method_that_a_path_does_not_take_names_those_that_it_takes(admin_client: AdminClient) -> None:
    answer = admin_client.patch(f"{admin_client.create_datasource()}")
    assert error_of(answer) == (405, "method_not_allowed", [])
    assert answer.headers["Allow"] == "DELETE, GET, PUT"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"null", b"\xff", b'{"name": "\xff"}', b'{"name": "\\ud800"}']
)
def test_a_body_that_is_not_what_was_expected_is_refused(admin_client: AdminClient, body: bytes) -> None:
    status, code, fields = error_of(admin_client.post("/datasources", content=body))
    assert (status, code) == (422, "invalid")
    assert fields in (["body"], ["name"])


def test_a_small_request_with_a_huge_body_is_refused(admin_client: AdminClient) -> None:
    answer = admin_client.post("/search", content=b" " * (1024 * 1024 + 1))
    assert error_of(answer) == (413, "too_large", [])


@pytest.mark.parametrize(
    ("auth", "field"),
    [
        ({"type": "PAT", "token": "t"}, "authConfig.type"),
        ({"type": "API_TOKEN", "token": ""}, "authConfig.token"),
        ({"type": "API_TOKEN"}, "authConfig.token"),
    ],
)
def test_authentication_of_another_kind_is_refused(
    admin_client: AdminClient, auth: dict[str, str], field: str
) -> None:
    one = admin_client.create_datasource()
    assert error_of(admin_client.put(f"{one}/auth", json={"authConfig": auth})) == (422, "invalid", [field])


def test_of_a_token_only_its_digest_is_kept(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    one = admin_client.create_datasource()
    admin_client.put(f"{one}/auth", json={"authConfig": {"type": "API_TOKEN", "token": "very-secret-token"}})
    path = glean.sandbox.world.database.path
    kept = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    assert b"very-secret-token" not in kept


def test_the_tenant_is_minted_once(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    tenant = admin_client.get("/tenant").json()
    assert tenant == {"id": glean.sandbox.tenant_id(), "name": "Dataset lifecycle sandbox"}
    assert tenant["id"].startswith("sandbox-")


def test_a_file_that_fails_is_an_internal_error_in_the_apis_shape(
    admin_client: AdminClient, glean: EmbeddedSandbox
) -> None:
    with glean.sandbox.world.database.write() as connection:
        connection.execute("DROP TABLE datasource")
    assert error_of(admin_client.get("/datasources")) == (500, "internal", [])
