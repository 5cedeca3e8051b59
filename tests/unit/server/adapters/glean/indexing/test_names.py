"""What our names become in the Indexing dialect: always legal, and never the same for two that differ."""

from __future__ import annotations

from itertools import product

from hypothesis import example, given
from hypothesis import strategies as st

from domain.connectors.config import dataset_name
from domain.model.enums import DatasetType, Stage
from server.adapters.glean.indexing.names import LONGEST_ID, LONGEST_NAME, datasource_of, glean_document_id
from server.sandbox.indexing_api.datasources import BUILT_IN_NAMES

TRIPLES = st.tuples(
    st.one_of(
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
        st.from_regex(r"[Aa][Cc][Mm][Ee][._-]{0,2}(corp|Corp|CORP)?[._-]{0,2}", fullmatch=True),
        st.sampled_from(["jira", "JIRA", "slack", "confluence", "a" * 63, "a" * 64, "sandbox-jira", "0"]),
    ),
    st.sampled_from(Stage),
    st.sampled_from(DatasetType),
)
LONG = "x" * 300


def is_legal(name: str) -> bool:
    return (
        name.isascii()
        and name.isalnum()
        and len(name) <= LONGEST_NAME
        and name.casefold() not in BUILT_IN_NAMES
        and name == name.lower()
    )


@given(triples=st.lists(TRIPLES, max_size=30, unique_by=lambda each: (each[0].casefold(), *each[1:])))
def test_every_client_stage_and_type_has_a_datasource_of_its_own(
    triples: list[tuple[str, Stage, DatasetType]],
) -> None:
    names = [datasource_of(dataset_name(*each)) for each in triples]
    assert len({each.casefold() for each in names}) == len(triples)
    assert all(map(is_legal, names))


def test_names_that_differ_in_their_punctuation_alone_are_held_apart() -> None:
    clients = [
        f"acme{a}corp{b}wiki{c}of{d}all" for a, b, c, d in product(["", ".", "-", "_", "--", ".-"], repeat=4)
    ]
    names = {
        datasource_of(dataset_name(each, *what)) for each in clients for what in product(Stage, DatasetType)
    }
    assert len(names) == len(clients) * len(Stage) * len(DatasetType)


@given(one=st.text(), other=st.text())
@example(one="acme-corp", other="acmecorp")
@example(one="Straße", other="STRASSE")
@example(one="", other="-")
@example(one="\u017flack", other="slack")
def test_names_that_differ_in_more_than_case_are_held_apart(one: str, other: str) -> None:
    made = datasource_of(one)
    assert is_legal(made)
    if one.casefold() != other.casefold():
        assert made != datasource_of(other)


@given(name=st.text(st.characters(max_codepoint=127)))
def test_names_that_differ_in_case_alone_are_one_datasource(name: str) -> None:
    assert datasource_of(name.upper()) == datasource_of(name.lower()) == datasource_of(name)


@given(one=st.text(min_size=1), other=st.text(min_size=1))
@example(one=LONG, other=LONG + "y")
@example(one=LONG, other=glean_document_id(LONG))
@example(one=LONG, other=glean_document_id(LONG).upper())
@example(one=glean_document_id(LONG), other=glean_document_id(glean_document_id(LONG)))
@example(one=LONG + "A", other=LONG + "b")
@example(one="\u0130" * LONGEST_ID, other="i" * LONGEST_ID)
def test_ids_that_differ_in_more_than_case_are_held_apart(one: str, other: str) -> None:
    """Glean tells ids apart without case: two that differ in it alone never come so far (`content.duplicates`)."""
    for each in (one, other):
        assert 1 <= len(glean_document_id(each)) <= LONGEST_ID
    if one.casefold() != other.casefold():
        assert glean_document_id(one).casefold() != glean_document_id(other).casefold()


@given(short=st.text(min_size=1, max_size=LONGEST_ID - 1))
def test_a_short_id_stays_as_it_is(short: str) -> None:
    assert glean_document_id(short) == short
