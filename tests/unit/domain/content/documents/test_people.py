"""People: one name is one person in every type, whichever form a record gives it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.documents import made_up_address
from tests.support.content.records import ISSUES, MESSAGES, PAGES, REPOS, populate, template_record

if TYPE_CHECKING:
    from domain.model.enums import DatasetType


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("Mira Okafor", "mira-okafor@people.example"),
        ("mira  OKAFOR ", "mira-okafor@people.example"),
        ("U0MIRA", "u0mira@people.example"),
    ],
)
def test_a_name_has_an_address_that_reaches_nobody(name: str, address: str) -> None:
    assert made_up_address(name) == address


def test_names_that_ascii_cannot_spell_are_told_apart() -> None:
    names = ["Jörg", "Jorg", "田中", "山田", "x" * 90, "x" * 91]
    assert len({made_up_address(each) for each in names}) == len(names)
    assert made_up_address("Jörg").startswith("jorg-")


@given(st.text(min_size=1))
def test_every_name_has_a_plain_address(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,60}@people\.example", made_up_address(name))


@pytest.mark.parametrize(
    ("dataset_type", "field"),
    [(PAGES, "author_email"), (REPOS, "maintainer_email"), (MESSAGES, "author"), (ISSUES, "reporter")],
)
@pytest.mark.parametrize(
    ("given_person", "expected"),
    [
        ("Mira Okafor", {"email": "mira-okafor@people.example", "name": "Mira Okafor"}),
        ("Mira Okafor <mira@acme.example>", {"email": "mira@acme.example", "name": "Mira Okafor"}),
        ("<mira@acme.example>", {"email": "mira@acme.example"}),
        ({"emailAddress": "mira@acme.example"}, {"email": "mira@acme.example"}),
        (
            {"displayName": "Mira Okafor", "email": "mira@acme.example", "accountId": "5b1"},
            {"email": "mira@acme.example", "name": "Mira Okafor"},
        ),
        (
            {"display_name": "Mira Okafor", "email": None},
            {"email": "mira-okafor@people.example", "name": "Mira Okafor"},
        ),
        ({"login": "mira"}, {"email": "mira@people.example", "name": "mira"}),
    ],
)
def test_a_person_is_the_same_in_every_type_and_form(
    dataset_type: DatasetType, field: str, given_person: object, expected: dict[str, str]
) -> None:
    [document], content = populate([template_record(dataset_type) | {field: given_person}], dataset_type)
    assert (document["author"], content.report.score) == (expected, 100.0)


@pytest.mark.parametrize("nobody", ["", " ", "Unassigned", "UNASSIGNED"])
def test_an_issue_that_nobody_has_is_assigned_to_nobody(nobody: str) -> None:
    [document], content = populate([template_record(ISSUES, assignee=nobody)], ISSUES)
    assert "assignee" not in document["properties"]
    assert document["author"] == {"email": "unassigned@people.example", "name": "Unassigned"}
    assert content.report.score == 100.0
