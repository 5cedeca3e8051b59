"""The documented limits of rate, by the kind of call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.sandbox.indexing.client import NAME, Indexing, document, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.sandbox.serve import EmbeddedSandbox
    from tests.server.sandbox.client import HandClock


@pytest.fixture
def limited(glean: EmbeddedSandbox) -> Iterator[Indexing]:
    glean.sandbox.set_rate(1e9, minimum_seconds=0)
    with Indexing(glean) as client:
        client.make()
        yield client


def test_thirty_pages_a_second_are_taken_and_no_more(limited: Indexing, clock: HandClock) -> None:
    limited.page("u1", [], first=True)
    for _ in range(29):
        assert limited.page("u1", []).status_code == 200
    answer = limited.page("u1", [])
    assert refused(answer, 429)
    assert "retry-after" not in answer.headers
    clock.advance(0.1)
    assert limited.page("u1", []).status_code == 200


def test_when_to_come_again_is_told_where_glean_is_taken_to_do_so(
    limited: Indexing, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.turn(tells_retry_after=True)
    for _ in range(10):
        assert limited.ask("indexdocument", document=document(1)).status_code == 200
    answer = limited.ask("indexdocument", document=document(1))
    assert (refused(answer, 429) != "", answer.headers["retry-after"]) == (True, "1")


def test_six_hundred_documents_a_minute_may_come_outside_of_uploads(
    limited: Indexing, clock: HandClock
) -> None:
    many = [document(n) for n in range(600)]
    assert limited.ask("indexdocuments", datasource=NAME, documents=many).status_code == 200
    refused(limited.ask("indexdocuments", datasource=NAME, documents=many[:1]), 429)
    clock.advance(0.2)
    assert limited.ask("indexdocuments", datasource=NAME, documents=many[:1]).status_code == 200
