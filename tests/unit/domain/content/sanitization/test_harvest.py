"""Harvest: who is one person and who are two, and what every type says of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.sanitization import People, PeopleHarvest, Person, harvest_people

if TYPE_CHECKING:
    from collections.abc import Sequence


def person(
    emails: Sequence[str] = (),
    names: Sequence[str] = (),
    handles: Sequence[str] = (),
    accounts: Sequence[str] = (),
) -> Person:
    return Person(tuple(emails), tuple(names), tuple(handles), tuple(accounts))


def harvested(*records: dict[str, Any]) -> list[Person]:
    return [each for each in harvest_people(records).persons if not each.shared]


MAIL = "maria.lopezina@acme.com"


def test_fields_of_one_role_that_contradict_each_other_are_two_people() -> None:
    assert harvested(
        {"author_email": "a@acme.com", "author": "b@acme.com", "author_name": "Maria Lopezina"}
    ) == [
        person(emails=["a@acme.com"], names=["Maria Lopezina"]),
        person(emails=["b@acme.com"]),
    ]


def test_one_address_is_one_person_whatever_the_names() -> None:
    assert harvested(
        {"author_email": MAIL, "author_name": "Maria Lopezina"},
        {"reporter": "MARIA.LOPEZINA@acme.com", "assignee": f"M. Lopezina <{MAIL}>"},
    ) == [person(emails=[MAIL], names=["M. Lopezina", "Maria Lopezina"])]


def test_two_addresses_are_two_people_of_one_name() -> None:
    assert harvested(
        {"author_email": "a@acme.com", "author_name": "Maria Lopezina"},
        {"author_email": "b@acme.com", "author_name": "Maria Lopezina"},
    ) == [
        person(emails=["a@acme.com"], names=["Maria Lopezina"]),
        person(emails=["b@acme.com"], names=["Maria Lopezina"]),
    ]


def test_a_name_alone_belongs_to_its_only_owner_and_to_none_of_two() -> None:
    first = {"author_email": MAIL, "author_name": "Maria Lopezina"}
    assert harvested(first, {"assignee": "Lopezina, Maria"}) == [
        person(emails=[MAIL], names=["Maria Lopezina"])
    ]
    second = {"author_email": "other@acme.com", "author_name": "Maria Lopezina"}
    people = harvest_people([first, second, {"assignee": "Maria Lopezina"}])
    found = people.find("Maria Lopezina")
    assert found is not None
    assert people.persons[found.person] == Person(shared="maria lopezina")


def test_the_only_address_and_the_only_account_of_a_name_are_one_person() -> None:
    first = {"author_email": MAIL, "author_name": "Maria Lopezina"}
    second = {
        "assignee": {"displayName": "Maria Lopezina", "accountId": "557058:0123456789abcdef0123456789abcdef"}
    }
    third = {
        "assignee": {"displayName": "Maria Lopezina", "accountId": "557058:f123456789abcdef0123456789abcdef"}
    }
    assert len(harvested(first, second)) == 1
    assert len(harvested(second, third)) == 2
    assert len(harvested(first, second, third)) == 3


def test_two_addresses_of_one_account_are_one_person() -> None:
    account = "557058:0123456789abcdef0123456789abcdef"
    assert harvested(
        {"assignee": {"emailAddress": "old@acme.com"}},
        {"assignee": {"emailAddress": "new@acme.com", "accountId": account}},
        {"reporter": {"emailAddress": "old@acme.com", "accountId": account}},
    ) == [person(emails=["new@acme.com", "old@acme.com"], accounts=[account])]


def test_a_name_and_handle_are_one_person_and_another_handle_is_another() -> None:
    assert harvested(
        {"assignee": {"displayName": "Maria Lopezina", "login": "mlop"}},
        {"reporter": {"displayName": "Maria Lopezina", "login": "mlop"}},
        {"reporter": {"displayName": "Maria Lopezina", "login": "marial"}},
    ) == [
        person(names=["Maria Lopezina"], handles=["marial"]),
        person(names=["Maria Lopezina"], handles=["mlop"]),
    ]


def test_a_handle_belongs_to_whose_address_or_name_it_is_made_of() -> None:
    assert harvested({"author_email": MAIL}, {"text": "ask @maria.lopezina or [~maria.lopezina]"}) == [
        person(emails=[MAIL], handles=["maria.lopezina"])
    ]
    assert harvested({"author": "Maria Lopezina"}, {"text": "ask @mlopezina"}) == [
        person(names=["Maria Lopezina"], handles=["mlopezina"])
    ]
    assert harvested({"text": "ask @zorro77 and @zorro77"}) == [person(handles=["zorro77"])]
    two = harvested(
        {"author_email": "zorro77@a.com"}, {"author_email": "zorro77@b.com"}, {"text": "@zorro77"}
    )
    assert [each.handles for each in two] == [(), ()]


def test_a_handle_completes_the_person_of_that_name_who_has_none() -> None:
    assert harvested(
        {"author_email": MAIL, "author_name": "Maria Lopezina"},
        {"reporter": {"displayName": "Maria Lopezina", "login": "mlop"}},
    ) == [person(emails=[MAIL], names=["Maria Lopezina"], handles=["mlop"])]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"user": "U012AB3CD"}, person(accounts=["U012AB3CD"])),
        ({"text": "<@U123|zorro77>"}, person(accounts=["U123"], handles=["zorro77"])),
        ({"text": "<@U123|Maria Lopezina>"}, person(accounts=["U123"], names=["Maria Lopezina"])),
        ({"text": "[~accountid:5b10ac8d82e05b22cc7d4ef5]"}, person(accounts=["5b10ac8d82e05b22cc7d4ef5"])),
        ({"text": "[~maria@acme.com]"}, person(emails=["maria@acme.com"])),
        ({"body": '<ri:user ri:account-id="5b10ac"/>'}, person(accounts=["5b10ac"])),
        ({"body": '<ri:user ri:userkey="8a7f80"/>'}, person(accounts=["8a7f80"])),
        ({"body": '<ri:user ri:username="zorro77"/>'}, person(handles=["zorro77"])),
        (
            {"description": {"type": "mention", "attrs": {"id": "5b10ac", "text": "@Maria Lopezina"}}},
            person(accounts=["5b10ac"], names=["Maria Lopezina"]),
        ),
        (
            {"text": "Maria Lopezina <maria@acme.com>"},
            person(emails=["maria@acme.com"], names=["Maria Lopezina"]),
        ),
        ({"assignee": "@zorro77"}, person(handles=["zorro77"])),
        ({"assignee": "Dr. Maria Lopezina (Contractor)"}, person(names=["Maria Lopezina"])),
        ({"assignee": "Lopezina,"}, person(names=["Lopezina"])),
        ({"assignee": [{"name": "zorro77"}, "-"]}, person(handles=["zorro77"])),
        ({"owner": {"login": "zorro77", "type": "User"}}, person(handles=["zorro77"])),
        ({"owner": "Maria Lopezina"}, person(names=["Maria Lopezina"])),
        ({"owner": "maria@acme.com"}, person(emails=["maria@acme.com"])),
        (
            {"user_profile": {"profile": {"email": "M@acme.com"}, "real_name": "Maria Lopezina"}},
            person(emails=["m@acme.com"], names=["Maria Lopezina"]),
        ),
        ({"creator": "a@acme.com", "createdBy": "Zoltan"}, person(emails=["a@acme.com"])),
    ],
)
def test_every_notation_of_a_person_is_harvested(record: dict[str, Any], expected: Person) -> None:
    assert harvested(record)[-1] == expected


@pytest.mark.parametrize(
    "record",
    [
        {"assignee": "Unassigned"},
        {"assignee": None},
        {"assignee": {"displayName": ""}},
        {"assignee": "()"},
        {"owner": "acme"},
        {"owner": {"login": "acme", "type": "Organization"}},
        {"title": "Maria Lopezina"},
        {"text": "@here @channel use @Override and @angular/core, @Maria Lopezina"},
        {"text": "<@U>"},
        {"stars": 4, "labels": ["a"]},
    ],
)
def test_what_names_nobody_is_nobody(record: dict[str, Any]) -> None:
    assert harvested(record) == []


def test_the_same_people_are_found_in_every_order() -> None:
    records: list[dict[str, Any]] = [
        {"author_email": MAIL, "author_name": "Maria Lopezina"},
        {"assignee": "Maria Lopezina"},
        {"text": "@mlopezina, <@U012AB3CD|zorro>"},
        {"reporter": {"displayName": "Maria Lopezina", "login": "mlop"}},
        {"author_email": "b@acme.com", "author": {"id": "U012AB3CD"}},
    ]

    @given(st.permutations(records))
    def check(shuffled: list[dict[str, Any]]) -> None:
        assert harvest_people(shuffled) == harvest_people(records)

    check()


def test_a_harvest_keeps_people_and_no_records() -> None:
    harvest = PeopleHarvest()
    for number in range(2000):
        harvest.add({"author_email": f"p{number % 7}@acme.com", "title": f"{number}", "text": "x"})
    assert len(harvest._facts) == 7  # noqa: SLF001 - what is in memory
    assert len(harvest.finish().persons) == 7


def test_nobody_is_found_by_no_spelling() -> None:
    people = People((), {}, {}, {})
    assert people.find("Maria") is None
