"""The documented limits of rate: of the deployment, of an address, of a token, and of some operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.sandbox.http.operation import ApiRequest
from server.sandbox.http.rate_limits import DEPLOYMENT_BUCKET, consume_rate_limit
from tests.support.glean.indexing_client import NAME, IndexingClient, document, refusal_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.support.glean.admin_client import HandDrivenClock
    from tests.support.sandbox.embedded import EmbeddedSandbox


def ask_config(client: IndexingClient, token: str) -> httpx.Response:
    return client.post(
        "/getdatasourceconfig", json={"datasource": NAME}, headers={"Authorization": f"Bearer {token}"}
    )


@pytest.fixture
def limited(glean: EmbeddedSandbox, clock: HandDrivenClock) -> Iterator[IndexingClient]:
    glean.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
    with IndexingClient(glean) as client:
        client.create_datasource()
        clock.advance(60)
        yield client


@pytest.mark.parametrize(
    ("operation", "body", "status"),
    [
        ("bulkindexdocuments", {"uploadId": "u1", "datasource": NAME, "documents": []}, 200),
        ("getdatasourceconfig", {"datasource": NAME}, 200),
        (f"debug/{NAME}/status", {}, 200),
        ("deleteuser", {"datasource": NAME, "email": "ada@example.com"}, 200),
        ("deletedocument", {"datasource": NAME}, 400),
    ],
)
def test_thirty_requests_a_second_of_a_token_are_taken_and_no_more(
    limited: IndexingClient, clock: HandDrivenClock, operation: str, body: dict[str, Any], status: int
) -> None:
    limited.send_page("u1", [], first=True)
    for _ in range(29):
        assert limited.call_operation(operation, **body).status_code == status
    answer = limited.call_operation(operation, **body)
    assert refusal_text(answer, 429)
    assert "retry-after" not in answer.headers
    clock.advance(0.1)
    assert limited.call_operation(operation, **body).status_code == status


def test_a_hundred_requests_a_second_of_an_address_are_taken_whatever_tokens_they_carry(
    limited: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    tokens = [f"token-{number}" for number in range(4)]
    for each in tokens:
        glean.sandbox.tokens.add(each)
    for number in range(100):
        assert ask_config(limited, tokens[number % 4]).status_code == 200
    refusal_text(ask_config(limited, tokens[0]), 429)
    clock.advance(0.02)
    assert ask_config(limited, tokens[0]).status_code == 200


def test_a_clock_that_is_set_back_locks_nobody_out(limited: IndexingClient, clock: HandDrivenClock) -> None:
    many = [document(n) for n in range(600)]
    assert limited.call_operation("indexdocuments", datasource=NAME, documents=many).status_code == 200
    clock.advance(-30)
    refusal_text(limited.call_operation("indexdocuments", datasource=NAME, documents=many), 429)
    clock.advance(-86_400)
    assert limited.call_operation("indexdocuments", datasource=NAME, documents=many).status_code == 200
    assert limited.call_operation("processalldocuments").status_code == 200
    refusal_text(limited.call_operation("processalldocuments"), 429)
    clock.advance(-86_400)
    assert limited.call_operation("processalldocuments").status_code == 200


def test_eight_thousand_requests_a_minute_of_everybody_are_taken(
    limited: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    elsewhere = ApiRequest(path={}, query={}, body=b"", bearer="another", peer="192.0.2.7")
    world = glean.sandbox.world
    with world.database.write() as connection:
        consume_rate_limit(world, connection, elsewhere, DEPLOYMENT_BUCKET, 7_995)
    for _ in range(5):
        assert ask_config(limited, glean.token).status_code == 200
    refusal_text(ask_config(limited, glean.token), 429)
    clock.advance(0.02)
    assert ask_config(limited, glean.token).status_code == 200


def test_ten_single_documents_a_second_are_taken_and_when_to_come_again_is_told_where_glean_is_taken_to_do_so(
    limited: IndexingClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.set_switches(tells_retry_after=True)
    for _ in range(10):
        assert limited.call_operation("indexdocument", document=document(1)).status_code == 200
    answer = limited.call_operation("indexdocument", document=document(1))
    assert (refusal_text(answer, 429) != "", answer.headers["retry-after"]) == (True, "1")


def test_six_hundred_documents_a_minute_may_come_outside_of_uploads(
    limited: IndexingClient, clock: HandDrivenClock
) -> None:
    many = [document(n) for n in range(600)]
    assert limited.call_operation("indexdocuments", datasource=NAME, documents=many).status_code == 200
    refusal_text(limited.call_operation("indexdocuments", datasource=NAME, documents=many[:1]), 429)
    clock.advance(0.2)
    assert limited.call_operation("indexdocuments", datasource=NAME, documents=many[:1]).status_code == 200
