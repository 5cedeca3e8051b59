"""Datasources that claim the same addresses: nothing is refused, and the sandbox says so on its side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.sandbox.indexing_api.urls import OVERLAP_OPERATION
from tests.support.glean.indexing_client import NAME, SITE, IndexingClient, document

if TYPE_CHECKING:
    from tests.support.sandbox.embedded import EmbeddedSandbox

OTHER = "acmedocs"


def overlaps(glean: EmbeddedSandbox) -> list[tuple[str | None, dict[str, Any]]]:
    return [
        (each.datasource, each.detail)
        for each in glean.sandbox.ledger()
        if each.operation == OVERLAP_OPERATION
    ]


@pytest.mark.parametrize(
    "claim",
    [
        r"https://wiki\.example\.com/.*",
        r"https://wiki\.example\.com/acme/pages/.*",
        r"^https://wiki\.example\.com/acme?/.*",
        r"https?://.*",
        r"https://wiki.example\.com/.*",
        r"https://docs\.example\.com/.*|https://wiki\.example\.com/.*",
        r".*",
    ],
)
def test_a_claim_that_may_be_anothers_is_reported_and_not_refused(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, claim: str
) -> None:
    glean.sandbox.create_foreign_datasource("ACME-Sandbox-Confluence")
    wiki_client.create_datasource(name=OTHER, urlRegex=claim)
    assert overlaps(glean) == [(OTHER, {"with": [NAME]})]


@pytest.mark.parametrize("claim", [r"https://docs\.example\.com/.*", r"^https://wiki\.example\.com/z\d+"])
def test_claims_that_begin_differently_are_no_overlap(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, claim: str
) -> None:
    wiki_client.create_datasource(name=OTHER, urlRegex=claim)
    wiki_client.load("u1", [document(1)])
    assert overlaps(glean) == []


def test_a_document_whose_address_two_claim_is_reported_with_it(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    wiki_client.create_datasource(name=OTHER, urlRegex=rf"{SITE}/2|{SITE}/3")
    wiki_client.load("u1", [document(1), document(2), document(3)])
    wiki_client.load("u2", [document(1)])
    assert overlaps(glean)[1:] == [(NAME, {"with": [OTHER], "viewURL": f"{SITE}/2"})]


def test_what_somebody_views_is_attributed_to_one_who_claims_it(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    addresses = [f"{SITE}/{number}" for number in range(40)]
    assert {glean.sandbox.attributed_datasource(each) for each in addresses} == {NAME}
    assert glean.sandbox.attributed_datasource("https://elsewhere.example.com/1") is None

    wiki_client.create_datasource(name=OTHER, urlRegex=rf"{SITE}/.*")
    attributed = [glean.sandbox.attributed_datasource(each) for each in addresses]
    assert set(attributed) == {NAME, OTHER}
    assert attributed == [glean.sandbox.attributed_datasource(each) for each in addresses]
