from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sandbox.state.content.search.question_parsing import FulltextQuery, parse_query
from tests.support.glean.admin_client import AdminClient, HandDrivenClock, document, error_of
from tests.support.sandbox.control import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sandbox.embedded import EmbeddedSandbox


@pytest.fixture
def loaded(admin_client: AdminClient, clock: HandDrivenClock) -> AdminClient:
    one = admin_client.create_datasource("Wiki")
    full = document(
        1,
        text="The <b>payment</b>&nbsp;gateway failed, see INC-2041 &amp; its follow-up",
        title="Post-mortem",
        container="OPS",
        author={"email": "grace@example.com", "name": "Grace H"},
        url="https://wiki.example.com/1",
    )
    admin_client.load(one, "r", [full, document(2, text="INC 2041x"), document(3, text="payment INC-2042")])
    other = admin_client.create_datasource("Chat", "slack")
    message = document(
        9, objectType="SLACK_MESSAGE", body={"mimeType": "text/plain", "textContent": "inc-2041 <b>"}
    )
    admin_client.load(other, "r", [message])
    clock.advance(1)
    return admin_client


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("INC-2041", ["page-1", "page-9"]),
        ("payment", ["page-1", "page-3"]),
        ("payment gateway", ["page-1"]),
        ("POST-MORTEM", ["page-1"]),
        ("page-3", ["page-3"]),
        ("OPS", ["page-1"]),
        ("grace@example.com", ["page-1"]),
        ("Grace", ["page-1"]),
        ("nbsp", []),
        ("b", ["page-9"]),
        ("nothing", []),
        ("payment OR gateway", []),
        ('"payment', ["page-1", "page-3"]),
        ("title:payment*", []),
        ("*", []),
        ("--- payment ---", ["page-1", "page-3"]),
    ],
)
def test_every_word_must_be_there_and_a_key_is_one_phrase(
    loaded: AdminClient, query: str, expected: list[str]
) -> None:
    assert loaded.search_document_ids(query) == expected


@pytest.mark.parametrize(
    ("mime_type", "text"),
    [
        (
            "text/html",
            "pay<b>ment</b> <a href='no'>5 &lt; 6</a> a < b &amp; last<script>no</script><style>no</style>",
        ),
        ("text/markdown", "# pay**ment**\n5 < 6 a < b &amp; last <!-- no -->"),
        ("text/plain", "payment 5 < 6 a < b & last"),
    ],
)
def test_the_words_of_a_document_are_those_that_its_reader_sees(
    admin_client: AdminClient, clock: HandDrivenClock, mime_type: str, text: str
) -> None:
    page = document(1, body={"mimeType": mime_type, "textContent": text})
    admin_client.load(admin_client.create_datasource("Wiki"), "r", [page])
    clock.advance(1)
    found = [admin_client.search_document_ids(each) for each in ("payment", "5", "6", "last", "no", "amp")]
    assert found == [["page-1"]] * 4 + [[]] * 2


def test_a_snippet_is_one_line(admin_client: AdminClient, clock: HandDrivenClock) -> None:
    admin_client.load(admin_client.create_datasource("Wiki"), "r", [document(1, text="one</p><p>payment")])
    clock.advance(1)
    (hit,) = admin_client.post("/search", json={"query": "payment"}).json()["results"]
    assert hit["snippet"] == "one payment"


def test_a_hit_says_where_it_is_and_shows_the_place(loaded: AdminClient) -> None:
    answer = loaded.post("/search", json={"query": "INC-2041", "datasource": "wiki"}).json()
    wiki = next(each for each in loaded.get("/datasources").json()["datasources"] if each["name"] == "Wiki")
    (hit,) = answer["results"]
    assert "INC-2041" in hit.pop("snippet")
    assert answer["total"] == 1
    assert hit == {
        "datasource": "Wiki",
        "datasourceId": wiki["id"],
        "documentId": "page-1",
        "objectType": "CONFLUENCE_PAGE",
        "title": "Post-mortem",
        "url": "https://wiki.example.com/1",
    }


def test_the_total_counts_what_the_limit_cuts_off(loaded: AdminClient) -> None:
    answer = loaded.post("/search", json={"query": "INC-2041", "limit": 1}).json()
    assert (len(answer["results"]), answer["total"]) == (1, 2)


def test_a_datasource_that_is_gone_is_searched_in_vain(loaded: AdminClient, glean: EmbeddedSandbox) -> None:
    glean.sandbox.delete_datasource("WIKI")
    assert loaded.search_document_ids("INC-2041") == ["page-9"]
    assert loaded.search_document_ids("INC-2041", datasource="Wiki") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": "x" * 1001}, "query"),
        ({"query": "a", "limit": 0}, "limit"),
        ({"query": "a", "limit": 101}, "limit"),
        ({"query": "a", "page": 1}, "page"),
    ],
)
def test_a_search_that_will_not_do_is_refused_by_its_field(
    admin_client: AdminClient, body: dict[str, object], field: str
) -> None:
    assert error_of(admin_client.post("/search", json=body)) == (422, "invalid", [field])


def test_no_question_is_a_syntax_error(tmp_path: Path) -> None:
    with Sandbox.open(tmp_path / "sandbox.db") as sandbox:

        @given(
            st.text(
                alphabet=st.one_of(
                    st.sampled_from('"*():^-+{}ANDORNEAR\0 \t'), st.characters(exclude_categories=["Cs"])
                )
            )
        )
        def never_fails(question: str) -> None:
            assert sandbox.search(question) == []

        never_fails()


def test_words_without_a_letter_or_digit_ask_for_nothing() -> None:
    assert parse_query(' INC-2041 "a"b ... \0 ') == FulltextQuery(match='"INC-2041" """a""b"')
    assert parse_query(" ... \0 ? ") is None


@pytest.mark.parametrize(
    ("text", "words", "least"),
    [
        ("Why did the bank's fail-over lose it?", ("bank", "fail-over", "lose"), 2),
        ("who was on call", ("call",), 1),
        ("Refunds, refunds, REFUNDS?", ("refunds",), 1),
        ("Which of a shift's shifts, of the shift\u2019s own?", ("shift", "shifts"), 2),
        ("How do seven small words still ask for only a third of three?", 6 * ("",), 2),
        ("ledger posting batch standby key table fail?", 7 * ("",), 3),
        ('Does naïve "quoting" break AND, OR, NOT or NEAR?', ("naïve", "quoting", "break"), 2),
    ],
)
def test_a_question_is_its_telling_words_a_third_of_which_is_enough(
    text: str, words: tuple[str, ...], least: int
) -> None:
    asked = parse_query(text)
    assert asked is not None
    assert (len(asked.terms), asked.least) == (len(words), least)
    assert asked.match == " OR ".join(asked.terms)
    assert not any(words) or asked.terms == tuple(f'"{word}"' for word in words)


@pytest.mark.parametrize("text", ["What is it?", "Who was that", "why"])
def test_a_question_without_a_telling_word_is_taken_as_keywords(text: str) -> None:
    asked = parse_query(text)
    assert asked is not None
    assert (asked.terms, asked.least) == ((), 0)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Why did the gateway for payments fail?", ["page-1"]),
        ("Which payment failed in the end", ["page-1"]),
        ("Which payments?", ["page-1", "page-3"]),
        ("What became of INC-2041 on the gateway?", ["page-1", "page-9"]),
        ("What became of INC-2043 on the gateway, and why did payments fail?", []),
        ("How do penguins hunt together in winter?", []),
        ("How do penguins make a payment in winter, when their colony moves?", []),
        ("failing", ["page-1"]),
        ("payments gateways", ["page-1"]),
        ("payments penguins gateway", []),
    ],
)
def test_a_question_needs_not_be_put_in_the_words_of_its_answer(
    admin_client: AdminClient, clock: HandDrivenClock, query: str, expected: list[str]
) -> None:
    documents = [
        document(1, text="The paying gateway failed after its payment, see INC-2041"),
        document(3, text="one payment of many"),
        document(9, text="inc-2041 was closed"),
    ]
    admin_client.load(admin_client.create_datasource("Wiki"), "r", documents)
    clock.advance(1)
    assert admin_client.search_document_ids(query) == expected


def test_what_shares_more_and_rarer_words_with_a_question_comes_first(
    admin_client: AdminClient, clock: HandDrivenClock
) -> None:
    texts = [
        "builds wait",
        "builds wait for the cache, which was evicted",
        "wait for builds of builds",
        "cache",
    ]
    documents = [document(number, text=text) for number, text in enumerate(texts)]
    admin_client.load(admin_client.create_datasource("Wiki"), "r", documents)
    clock.advance(1)
    answer = admin_client.post(
        "/search", json={"query": "Why do builds wait since the cache was evicted?"}
    ).json()
    assert answer["results"][0]["documentId"] == "page-1"
    assert answer["total"] == 3
