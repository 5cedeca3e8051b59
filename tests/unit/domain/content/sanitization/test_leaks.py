"""Leak check: finds what is real without the original, and never says what it is."""

from __future__ import annotations

import pytest

from domain.content.sanitization import (
    LeakChecker,
    SanitizationRules,
    Sanitizer,
    check_leaks,
    harvest_people,
    require_no_leaks,
)
from domain.errors import ERRORS_BY_CODE, LeakFoundError
from domain.model import DatasetType, Leak

KEY = b"of this installation"
ISSUES, MESSAGES, PAGES = DatasetType.JIRA_ISSUES, DatasetType.SLACK_MESSAGES, DatasetType.CONFLUENCE_PAGES
MARIA = {"author_email": "maria.lopezina@acme.com", "author_name": "Maria Lopezina"}
CHECKER = LeakChecker(KEY)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x a@b.eu", "email"),
        ("x +1 415 867 5309", "phone"),
        ("x 4539 1488 0343 6467", "card"),
        ("x DE89 3704 0044 0532 0130 00", "iban"),
        ("x 536-90-4399", "national_id"),
        ("x 10.1.2.3", "ip_address"),
        ("x 3c:22:fb:01:02:03", "mac_address"),
        ("x AKIAIOSFODNN7ABCDEFG", "secret"),
        ("x password=EXAMPLEhunter2", "secret"),
        ("x https://a.example.com/users/zorro77", "url_identity"),
        ("x <@U012AB3CD>", "account"),
        ("x data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==", None),
        ("x <img src='data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=='>", "embedded_file"),
    ],
)
def test_every_kind_is_found_without_the_original(text: str, kind: str | None) -> None:
    found = CHECKER.check(MESSAGES, {"message_id": "p1", "text": text}, 7)
    assert {each.kind for each in found} == ({kind} if kind else {"embedded_file"})
    assert {(each.record, each.field) for each in found} == {(7, "text")}
    assert all(each.position >= 2 for each in found)


@pytest.mark.parametrize(
    "text",
    [
        "write to desk@example.com, a@b.example or x@localhost.test",
        "call 555-0134, (202) 555-0134, 020 7946 0958 or 07700 900123",
        "card 4242 4242 4242 4242, IBAN DE00 3704 0044 0532 0130 00",
        "from 192.0.2.7, 2001:db8::7 and 00:00:5e:00:53:07, on 127.0.0.1, 0.0.0.0 and 255.255.255.255",
        "https://wiki.example.com/users/me and /users/{id}, https://x.example.com/users/12",
    ],
)
def test_what_is_reserved_is_no_leak(text: str) -> None:
    assert CHECKER.check(MESSAGES, {"message_id": "p1", "text": text}) == ()


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("assignee", "Maria Lopezina", "person"),
        ("assignee", "maria@acme.com", "email"),
        ("assignee", "Maria Lopezina <a@b.example>", "email"),
        ("assignee", {"displayName": "Maria Lopezina"}, "person"),
        ("assignee", [{"email": "maria@acme.com"}], "email"),
        ("reporter", "zorro77", "person"),
        ("owner", "maria@acme.com", "email"),
        ("key", "maria@acme.com", "email"),
        ("labels", ["x", "maria@acme.com"], "email"),
        ("summary", {"a": "maria@acme.com"}, "email"),
    ],
)
def test_a_real_person_in_a_field_is_a_leak(field: str, value: object, kind: str) -> None:
    dataset_type = DatasetType.GITHUB_REPOS if field == "owner" else ISSUES
    assert [each.kind for each in CHECKER.check(dataset_type, {field: value})] == [kind]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("assignee", None),
        ("assignee", "Unassigned"),
        ("assignee", "x@example.com"),
        ("assignee", "Team Rocket"),
        ("key", "4539148803436467"),
        ("stars", 4),
        ("owner", "acme"),
    ],
)
def test_nobody_and_ids_are_no_leaks(field: str, value: object) -> None:
    checker = LeakChecker(KEY, SanitizationRules(allowed=frozenset({"Team Rocket"})))
    dataset_type = DatasetType.GITHUB_REPOS if field in {"owner", "stars"} else ISSUES
    assert checker.check(dataset_type, {field: value}) == ()


def test_a_harvested_spelling_is_a_leak_and_its_pseudonym_is_none() -> None:
    people = harvest_people([MARIA])
    checker = LeakChecker(KEY, people=people)
    given = {"message_id": "p1", "text": "as Lopezina said", "author": "maria.lopezina@acme.com"}
    assert [each.kind for each in checker.check(MESSAGES, given)] == ["email", "person"]
    made = Sanitizer(people, KEY).sanitize(MESSAGES, given).record
    assert checker.check(MESSAGES, made) == CHECKER.check(MESSAGES, made) == ()
    other = LeakChecker(b"of another installation", people=people)
    assert other.check(MESSAGES, made) == ()


def test_a_secret_of_another_key_is_a_leak() -> None:
    made = (
        Sanitizer(harvest_people([]), KEY)
        .sanitize(MESSAGES, {"message_id": "p1", "text": "password=hunter2x"})
        .record
    )
    assert CHECKER.check(MESSAGES, made) == ()
    assert [each.kind for each in LeakChecker(b"of another installation").check(MESSAGES, made)] == ["secret"]


def test_an_address_of_the_export_at_a_reserved_domain_is_a_leak_too() -> None:
    people = harvest_people([{"author_email": "maria.lopezina@example.com"}])
    given = {"message_id": "p1", "author": "maria.lopezina@example.com", "text": "maria.lopezina@example.com"}
    assert [(each.field, each.kind) for each in LeakChecker(KEY, people=people).check(MESSAGES, given)] == [
        ("author", "email"),
        ("text", "email"),
    ]


def test_leaks_are_counted_in_their_records_and_raise_without_a_value() -> None:
    records = [
        (MESSAGES, {"message_id": "p1", "text": "fine"}),
        (MESSAGES, {"message_id": "p2", "text": "to maria@acme.com and zoltan@acme.com"}),
    ]
    leaks = list(check_leaks(CHECKER, records))
    assert leaks == [Leak(2, "text", 3, "email"), Leak(2, "text", 22, "email")]
    require_no_leaks([])
    with pytest.raises(LeakFoundError) as raised:
        require_no_leaks(leaks * 20)
    shown = raised.value.as_dict()
    assert shown["code"] == "leak_found"
    assert shown["recovery"] == "needs_human"
    assert shown["leak_count"] == 40
    assert len(shown["leaks"]) == 10
    assert shown["leaks"][0] == {"record": 2, "field": "text", "position": 3, "kind": "email"}
    assert "acme" not in str(shown)
    assert ERRORS_BY_CODE["leak_found"] is LeakFoundError
