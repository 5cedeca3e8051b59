"""Which token opens what, for how long, and what a refused one hears."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.glean.indexing_client import NAME, IndexingClient, config, document, refusal_text
from tests.support.servers.plain_http import fetch

if TYPE_CHECKING:
    import httpx

    from tests.support.glean.admin_client import HandDrivenClock
    from tests.support.sandbox.embedded import EmbeddedSandbox


def client_with_token(glean: EmbeddedSandbox, token: str) -> IndexingClient:
    return IndexingClient(glean, event_hooks={"request": [lambda request: _carry(request, token)]})


def _carry(request: httpx.Request, token: str) -> None:
    request.headers["Authorization"] = f"Bearer {token}"


def test_a_global_indexing_token_makes_and_fills_datasources(
    glean: EmbeddedSandbox, indexing_client: IndexingClient
) -> None:
    glean.sandbox.tokens.add("theirs")
    with client_with_token(glean, "theirs") as client:
        client.create_datasource()
        client.load("u1", [document(1)])
    assert len(glean.sandbox.documents(NAME)) == 1


@pytest.mark.parametrize(
    ("made", "status", "words"),
    [
        ({"kind": "client"}, 401, "a client token is not for this API"),
        ({"networks": ("10.0.0.0/8", "2001:db8::/32")}, 403, "the token is not allowed from this IP address"),
        ({"datasources": ("another",)}, 403, "the token has no permission for this datasource"),
    ],
)
@pytest.mark.parametrize("frank", [True, False])
def test_a_token_for_something_else_is_refused(
    wiki_client: IndexingClient,
    glean: EmbeddedSandbox,
    made: dict[str, Any],
    status: int,
    words: str,
    *,
    frank: bool,
) -> None:
    glean.sandbox.set_switches(tells_denial=frank)
    glean.sandbox.tokens.add("theirs", **made)
    with client_with_token(glean, "theirs") as client:
        for each in (
            client.call_operation("getdatasourceconfig", datasource=NAME),
            client.call_operation("adddatasource", **config(displayName="Taken over")),
            client.call_operation("indexdocument", document=document(1)),
            client.send_page("u1", [document(1)], first=True),
            client.call_operation(f"debug/{NAME}/status"),
        ):
            assert refusal_text(each, status) == (words if frank else "access denied")
    assert (
        wiki_client.call_operation("getdatasourceconfig", datasource=NAME).json()["displayName"]
        == "Acme's wiki"
    )
    assert glean.sandbox.documents(NAME) == []


def test_a_bound_token_serves_its_own_datasources_and_its_own_network(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.tokens.add("theirs", datasources=(NAME.upper(),), networks=("127.0.0.0/8",))
    with client_with_token(glean, "theirs") as client:
        assert client.call_operation("getdatasourceconfig", datasource=NAME).status_code == 200
        assert client.call_operation("indexdocument", document=document(1)).status_code == 200
        refusal_text(client.call_operation("adddatasource", **config(name="another")), 403)


def test_an_expired_token_and_a_revoked_one_open_nothing(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    glean.sandbox.tokens.add("theirs", expires_at=clock() + timedelta(hours=1))
    with client_with_token(glean, "theirs") as client:
        assert client.call_operation("getdatasourceconfig", datasource=NAME).status_code == 200
        clock.advance(3600)
        asked = client.call_operation("getdatasourceconfig", datasource=NAME)
        assert refusal_text(asked, 401) == "the token has expired"
        assert asked.headers["www-authenticate"] == "Bearer"
        glean.sandbox.tokens.revoke("theirs")
        assert refusal_text(client.call_operation("nosuchoperation"), 401) == "the token is missing or wrong"


def test_the_sandboxs_own_token_opens_everything_until_a_token_is_made_of_it(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.tokens.add(glean.token, datasources=("another",))
    refusal_text(wiki_client.call_operation("getdatasourceconfig", datasource=NAME), 403)
    glean.sandbox.tokens.revoke(glean.token)
    assert wiki_client.call_operation("getdatasourceconfig", datasource=NAME).status_code == 200


def test_an_indexing_token_does_not_open_the_admin_api(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.tokens.add("theirs")
    answer = fetch(f"{glean.base_url}/api/v1/tenant", headers={"Authorization": "Bearer theirs"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthenticated"


def test_a_rotated_secret_serves_ten_minutes_more(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    glean.sandbox.tokens.add("old", rotation_minutes=60, datasources=(NAME,))
    with client_with_token(glean, "old") as old:
        told = old.call_operation("rotatetoken")
        answer = told.json()
        assert answer == {
            "rawSecret": answer["rawSecret"],
            "createdAt": int(clock().timestamp()),
            "rotationPeriodMinutes": 60,
        }
        with client_with_token(glean, answer["rawSecret"]) as new:
            assert new.call_operation("getdatasourceconfig", datasource=NAME).status_code == 200
            refusal_text(new.call_operation("getdatasourceconfig", datasource="another"), 403)
            clock.advance(599)
            assert old.call_operation("getdatasourceconfig", datasource=NAME).status_code == 200
            clock.advance(1)
            refusal_text(old.call_operation("getdatasourceconfig", datasource=NAME), 401)
            clock.advance(3000)  # an hour after the rotation, with none in it
            refusal_text(new.call_operation("getdatasourceconfig", datasource=NAME), 401)


def test_rotating_lengthens_no_life_and_is_for_tokens_that_were_made_for_it(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    assert refusal_text(wiki_client.call_operation("rotatetoken")) == "the token was not made to be rotated"
    glean.sandbox.tokens.add("old", rotation_minutes=60, expires_at=clock() + timedelta(minutes=1))
    with client_with_token(glean, "old") as old:
        secret = old.call_operation("rotatetoken").json()["rawSecret"]
        clock.advance(60)
        with client_with_token(glean, secret) as new:
            refusal_text(new.call_operation("getdatasourceconfig", datasource=NAME), 401)
        refusal_text(old.call_operation("getdatasourceconfig", datasource=NAME), 401)
