"""Sanitizer: what of a record stays, what is replaced, what is kept out, and what is reported."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import msgspec
import pytest

from domain.content.sanitization import (
    LeakChecker,
    OwnDictionary,
    OwnPattern,
    People,
    SanitizationRules,
    SanitizationTally,
    SanitizedRecord,
    Sanitizer,
    harvest_people,
)
from domain.model import DatasetType, DroppedField, ReplacedCount, SanitizationReport, Suspect
from tests.support.content.companies import company
from tests.support.content.planted import ID_FIELD, people, record, roster

KEY = b"of this installation"
PAGES, REPOSITORIES, MESSAGES, ISSUES = (
    DatasetType.CONFLUENCE_PAGES,
    DatasetType.GITHUB_REPOS,
    DatasetType.SLACK_MESSAGES,
    DatasetType.JIRA_ISSUES,
)
NOBODY = People((), {}, {}, {})
MAIL = "maria.lopezina@acme.com"
MARIA = {
    "author_email": MAIL,
    "author_name": "Maria Lopezina",
    "lead": {"name": "mlop7", "emailAddress": MAIL},
}
LINK = re.compile(r"\{\{site:(\w+)\}\}/(?:browse/|spaces/[A-Z]+/pages/)?([\w.-]+\w)")


def sanitize(
    dataset_type: DatasetType,
    given: dict[str, Any],
    *,
    people: People | None = None,
    rules: SanitizationRules | None = None,
) -> SanitizedRecord:
    found = harvest_people([MARIA, given]) if people is None else people
    return Sanitizer(found, KEY, rules).sanitize(dataset_type, given)


def pseudonym() -> tuple[str, str]:
    """Maria's made-up name and address."""
    made = sanitize(PAGES, MARIA).record
    return made["author_name"], made["author_email"]


def test_ids_keys_instants_and_containers_stay_byte_for_byte() -> None:
    kept: dict[DatasetType, dict[str, Any]] = {
        MESSAGES: {
            "message_id": "4155550134", "thread": "p1767225600000001", "channel": "020 7946 0958",
            "timestamp": "1767225600.000001",
        },
        PAGES: {
            "page_id": "4111111111111112", "space_key": "ENG", "parent_id": "4539148803436467",
            "last_modified": "2026-08-12",
            "created": 1767225600, "labels": ["v1.2.3", "INC-20260812-09"],
        },
        ISSUES: {
            "key": "PAY-4155550134", "project": "PAY", "status": "In Progress", "priority": "P1", "created": None,
            "updated": "12 Aug 2026 10:15:00 +0200", "references": ["PAY-1", "1767225600.000001"], "issue_type": "Bug",
        },
        REPOSITORIES: {
            "name": "acme/payments", "stars": 4539148803436467, "issues": 0, "language": "Go", "owner": "acme",
            "url": "https://git.example.com/acme/payments/commit/9fceb02d0ae598e95dc970b74767f19372d61af8",
        },
    }  # fmt: skip
    for dataset_type, given in kept.items():
        assert sanitize(dataset_type, given).record == given


def test_fields_are_found_under_every_name_and_given_back_under_their_own() -> None:
    given = {
        "Page ID": "7",
        "Title": "x",
        "Content": "x",
        "Space": "ENG",
        "Author": MAIL,
        "displayName": "Maria Lopezina",
        "modified": None,
    }
    name, mail = pseudonym()
    assert sanitize(PAGES, given).record == {
        "page_id": "7", "title": "x", "body": "x", "space_key": "ENG", "author_email": mail, "author_name": name,
        "last_modified": None,
    }  # fmt: skip


def test_an_unknown_field_is_kept_out_unless_it_is_allowed() -> None:
    given = {
        "key": "PAY-1",
        "notes": f"ask {MAIL}",
        "Maria <x>": "y",
        "custom": {"who": ["Maria Lopezina", 7]},
        "flag": True,
    }
    found = sanitize(ISSUES, given)
    assert found.record == {"key": "PAY-1"}
    assert found.dropped == ("notes", "(other)", "custom", "flag")
    name, mail = pseudonym()
    allowed = sanitize(
        ISSUES, given, rules=SanitizationRules(allowed_fields=frozenset({"notes", "custom", "flag"}))
    )
    assert allowed.record == {
        "key": "PAY-1",
        "notes": f"ask {mail}",
        "custom": {"who": [name, 7]},
        "flag": True,
    }
    assert allowed.dropped == ("(other)",)


@pytest.mark.parametrize("value", [None, "", "Unassigned", "unknown", "-", " None "])
def test_a_field_of_a_person_that_names_nobody_stays(value: str | None) -> None:
    assert sanitize(ISSUES, {"key": "PAY-1", "assignee": value}).record["assignee"] == value


def test_a_field_of_a_person_has_a_pseudonym_in_the_same_form() -> None:
    name, mail = pseudonym()
    given, family = name.split()
    handle = f"{given}-{family}".lower()
    expected = {
        "Maria Lopezina": name,
        "Lopezina, Maria": f"{family}, {given}",
        "Maria Lopezina (Contractor)": name,
        MAIL: mail,
        MAIL.upper(): mail.upper(),
        f"Maria Lopezina <{MAIL}>": f"{name} <{mail}>",
        "Maria Lopezina <other@unknown.eu>": f"{name} <{mail}>",
        "mlop7": handle,
        "@mlop7": f"@{handle}",
        " Maria Lopezina ": name,
    }
    people = harvest_people([MARIA])
    assert {
        text: sanitize(ISSUES, {"key": "PAY-1", "assignee": text}, people=people).record["assignee"]
        for text in expected
    } == expected
    assert sanitize(ISSUES, {"key": "PAY-1", "assignee": [MAIL, MAIL]}).record["assignee"] == [mail, mail]
    assert sanitize(ISSUES, {"key": "PAY-1", "assignee": 7}).record["assignee"] == 7


def test_a_person_whom_the_harvest_did_not_find_has_a_pseudonym_all_the_same() -> None:
    given = {"key": "PAY-1", "assignee": "Zoltan Kerekes", "reporter": "Zoltan Kerekes <z.kerekes@globex.eu>"}
    found = sanitize(ISSUES, given, people=NOBODY).record
    assert re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+\d{7}", found["assignee"])
    assert re.fullmatch(
        r"[A-Z][a-z]+ [A-Z][a-z]+\d{7} <[a-z]+\.[a-z]+\d{7}@[a-z]+\.example>", found["reporter"]
    )
    for text, made in {
        "zorro77": r"user-\w{9}",
        "@zorro77": r"@user-\w{9}",
        "U012AB3CD": r"UEXAMPLE\w+",
        "a@b.eu": r"user-\w{9}@\w+\.example",
    }.items():
        found = sanitize(ISSUES, {"key": "PAY-1", "assignee": text}, people=NOBODY).record
        assert re.fullmatch(made, found["assignee"])
        assert LeakChecker(KEY).check(ISSUES, found) == ()


def test_what_is_sanitized_is_not_sanitized_again() -> None:
    folk = harvest_people(each for _, each in roster(0))
    sanitizer = Sanitizer(folk, KEY)
    for dataset_type, given in roster(0):
        once = sanitizer.sanitize(dataset_type, given).record
        again = sanitizer.sanitize(dataset_type, once)
        assert again.record == once
        assert again.dropped == ()


def test_an_object_of_a_person_keeps_the_members_that_say_who_it_is() -> None:
    account = "557058:0123456789abcdef0123456789abcdef"
    given = {
        "key": "PAY-1",
        "assignee": {
            "displayName": "Maria Lopezina", "emailAddress": MAIL, "name": "mlop7", "accountId": account,
            "active": True, "avatarUrls": {"48x48": "https://a.example.com/m.png"}, "<m>": "x",
            "profile": {"real_name": "Maria Lopezina"},
        },
        "reporter": {"avatar": "x"},
    }  # fmt: skip
    found = sanitize(ISSUES, given)
    name, mail = pseudonym()
    assignee = found.record["assignee"]
    assert assignee.pop("accountId").startswith("UEXAMPLE")
    assert assignee == {
        "displayName": name, "emailAddress": mail, "name": name.lower().replace(" ", "-"),
        "profile": {"real_name": name},
    }  # fmt: skip
    assert found.record["reporter"] == {}
    assert found.dropped == ("assignee.active", "assignee.avatarUrls", "assignee.(other)", "reporter.avatar")
    assert sanitize(ISSUES, {"key": "PAY-1", "assignee": {"name": "Maria Lopezina"}}).record["assignee"] == {
        "name": name
    }
    stranger = sanitize(
        ISSUES,
        {"key": "PAY-1", "assignee": {"name": "Zoltan Kerekes", "email": "made@up.example"}},
        people=NOBODY,
    )
    assert stranger.record["assignee"]["email"] == "made@up.example"
    assert re.search(r"\d{7}$", stranger.record["assignee"]["name"])


def test_an_owner_is_a_person_only_where_somebody_says_so() -> None:
    name, mail = pseudonym()
    handle = name.lower().replace(" ", "-")
    people = harvest_people([MARIA])
    expected: dict[str, tuple[Any, Any]] = {
        "an organisation": ("acme", "acme"),
        "a handle": ("mlop7", handle),
        "an address": (MAIL, mail),
        "somebody's first name": ("maria", "maria"),
        "an object of a person": ({"login": "mlop7", "type": "User", "id": 1}, {"login": handle}),
        "an object with an address": ({"login": "x", "email": MAIL}, {"login": handle, "email": mail}),
        "an object of an organisation": (
            {"login": "acme", "type": "Organization"},
            {"login": "acme", "type": "Organization"},
        ),
        "nobody": (None, None),
    }
    for what, (given, made) in expected.items():
        found = sanitize(REPOSITORIES, {"name": "x", "owner": given}, people=people).record
        assert found == {"name": "x", "owner": made}, what
    full = sanitize(
        REPOSITORIES,
        {"name": "x", "full_name": "mlop7/dotfiles", "readme": "see mlop7/dotfiles"},
        people=people,
    ).record
    assert full == {"name": "x", "full_name": f"{handle}/dotfiles", "readme": f"see {handle}/dotfiles"}


def test_a_personal_space_has_the_handle_of_its_pseudonym() -> None:
    handle = pseudonym()[0].lower().replace(" ", "-")
    people = harvest_people([MARIA])
    given = {"page_id": "1", "space_key": "~mlop7", "url": "https://wiki.example.com/spaces/~mlop7/pages/1"}
    found = sanitize(PAGES, given, people=people)
    assert found.record == {
        "page_id": "1", "space_key": f"~{handle}", "url": f"https://wiki.example.com/spaces/~{handle}/pages/1",
    }  # fmt: skip
    again = sanitize(PAGES, found.record, people=people)
    assert again.record == found.record


def test_an_id_with_a_name_in_it_stays_and_is_reported() -> None:
    given = {"message_id": "p1", "text": "hello", "channel": "proj-maria-lopezina"}
    found = sanitize(MESSAGES, given)
    assert found.record == given
    assert found.suspects == (("channel", 0, "person_in_id"),)


def test_a_value_that_is_no_instant_or_no_text_is_read_all_the_same() -> None:
    given = {
        "key": "PAY-1",
        "created": f"by {MAIL}",
        "updated": {"at": MAIL},
        "summary": 4539148803436467,
        "description": 12,
    }
    found = sanitize(ISSUES, given).record
    mail = pseudonym()[1]
    assert found["created"] == f"by {mail}"
    assert found["updated"] == {"at": mail}
    assert found["summary"] != "4539148803436467"
    assert found["description"] == 12


def test_json_stays_json_where_a_number_becomes_a_text() -> None:
    rules = SanitizationRules(patterns=(OwnPattern("customer", r"\b77\d{6}\b"),))
    text = json.dumps(
        {"customer": 77123456, "who": "Maria Lopezina", "deep": [{"n": 77123456}, None, True, 1.5]}
    )
    found = sanitize(ISSUES, {"key": "PAY-1", "description": text}, rules=rules).record["description"]
    made = json.loads(found)
    assert made["customer"].startswith("EXAMPLE")
    assert made["deep"] == [{"n": made["customer"]}, None, True, 1.5]
    assert made["who"] == pseudonym()[0]
    as_object = sanitize(ISSUES, {"key": "PAY-1", "description": json.loads(text)}, rules=rules).record[
        "description"
    ]
    assert as_object == made
    plain = sanitize(ISSUES, {"key": "PAY-1", "description": '{"type":"doc","content":[]}'}).record[
        "description"
    ]
    assert plain == '{"type":"doc","content":[]}'
    broken = sanitize(ISSUES, {"key": "PAY-1", "description": '{"a": Maria Lopezina'}).record["description"]
    assert broken == f'{{"a": {pseudonym()[0]}'


def test_own_dictionaries_and_allowed_texts() -> None:
    rules = SanitizationRules(
        dictionaries=(OwnDictionary("projects", ("Blue Heron", "Zeppelin")),),
        allowed=frozenset({"Lopezina", "10.1.2.3", "desk@acme.com"}),
    )
    text = "BLUE heron, Zeppelin's, zeppelins, Lopezina at 10.1.2.3 or desk@acme.com, not 10.1.2.4"
    found = sanitize(ISSUES, {"key": "PAY-1", "description": text, "assignee": "Lopezina"}, rules=rules)
    made = found.record["description"]
    assert re.fullmatch(
        r"EXAMPLE\w{9}, EXAMPLE\w{9}'s, zeppelins, Lopezina at 10\.1\.2\.3 or desk@acme\.com, not \d+\.\d+\.\d+\.\d+",
        made,
    )
    assert "10.1.2.4" not in made
    assert found.record["assignee"] == "Lopezina"
    assert found.replaced == {("description", "dictionary:projects"): 2, ("description", "ip_address"): 1}
    checker = LeakChecker(KEY, rules, harvest_people([MARIA]))
    assert checker.check(ISSUES, found.record) == ()
    again = sanitize(ISSUES, found.record, rules=rules)
    assert again.record == found.record


def test_suspects_are_named_by_place_and_not_by_name() -> None:
    text = (
        "Approved by Zoltan Kerekes, thanks Maria Lopezina, by Blue Bird, by Release Team, ask Zoltan K. Kerekes;"
        " by Ötto Meier"
    )
    found = sanitize(
        MESSAGES,
        {"message_id": "p1", "text": text},
        rules=SanitizationRules(allowed=frozenset({"Orkan Tyll"})),
    )
    assert found.suspects == (
        ("text", text.index("Zoltan"), "name_like"),
        ("text", text.index("Zoltan K."), "name_like"),
    )
    tally = SanitizationTally(harvest_people([MARIA]))
    tally.add(found)
    tally.add(
        sanitize(
            MESSAGES,
            {"message_id": "p1", "text": "by Orkan Tyll", "extra": 1},
            rules=SanitizationRules(allowed=frozenset({"Orkan Tyll"})),
        )
    )
    report = tally.report()
    assert report == SanitizationReport(
        records=2,
        people=1,
        replaced=(ReplacedCount("text", "person", 1),),
        dropped=(DroppedField("extra", 1),),
        suspects=(
            Suspect(1, "text", 12, "name_like"),
            Suspect(1, "text", text.index("Zoltan K."), "name_like"),
        ),
        suspect_count=2,
    )
    stored = msgspec.json.encode(report)
    assert msgspec.json.decode(stored, type=SanitizationReport) == report
    assert b"Zoltan" not in stored
    assert b"Maria" not in stored


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("<@U0ZZZZZZ9>", r"<@UEXAMPLE\w+>"),
        ("[~zorro]", r"\[~user-\w{9}\]"),
        ("[~all]", r"\[~all\]"),
        ("[~lopezina]", r"\[~[a-z]+\]"),
        ("[~zoltan@acme.com]", r"\[~user-\w{9}@\w+\.example\]"),
        ("[~maria.lopezina@acme.com]", r"\[~\w+\.\w+@\w+\.example\]"),
        (
            "https://a.example.com/users/svc-deploy%40acme.com/x",
            r"https://a\.example\.com/users/user-\w{9}@\w+\.example/x",
        ),
        ("https://a.example.com/users/admin", r"https://a\.example\.com/users/admin"),
        (
            "https://oauth2:hunter22x@git.example.com/x",
            r"https://user-\w{9}:EXAMPLE\w{9}@git\.example\.com/x",
        ),
    ],
)
def test_mentions_and_users_whom_nobody_knows_are_made_up(text: str, made: str) -> None:
    people = harvest_people(
        [MARIA, {"author": "U0AAAAAA1"}, {"author_email": "b1@acme.com", "author_name": "Ben Ng"}]
    )
    found = sanitize(MESSAGES, {"message_id": "p1", "text": text}, people=people).record
    assert re.fullmatch(made, found["text"]), found
    assert sanitize(MESSAGES, found, people=people).record == found
    assert LeakChecker(KEY, people=people).check(MESSAGES, found) == ()


def test_a_report_has_an_end() -> None:
    tally = SanitizationTally(NOBODY)
    for number in range(300):
        tally.add(SanitizedRecord({}, {}, (f"field{number}",), (("text", number, "name_like"),)))
    report = tally.report()
    assert report.suspect_count == 300
    assert len(report.suspects) == 200
    assert len(report.dropped) == 101
    assert sum(each.count for each in report.dropped) == 300


def test_many_shapes_of_records_are_planned_again_and_again() -> None:
    sanitizer = Sanitizer(NOBODY, KEY)
    for number in range(300):
        given = {"key": f"PAY-{number}", f"x{number}": 1}
        assert sanitizer.sanitize(ISSUES, given).record == {"key": f"PAY-{number}"}


def test_many_short_texts_are_scanned_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.content.sanitization.scanner._MOST_KEPT", 3)
    sanitizer = Sanitizer(NOBODY, KEY)
    for number in range(9):
        given = {"key": "PAY-1", "summary": f"a{number}@b.eu"}
        assert sanitizer.sanitize(ISSUES, given).record["summary"].endswith(".example")


def test_a_text_is_sanitized_again_a_few_times_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"message_id": "p1", "text": "password=hunter22"}
    often = sanitize(MESSAGES, given)
    monkeypatch.setattr("domain.content.sanitization.sanitizer._MOST_PASSES", 1)
    assert sanitize(MESSAGES, given) == often


@pytest.mark.parametrize("count", [250, pytest.param(2500, marks=pytest.mark.exhaustive)])
def test_no_record_of_the_generator_is_blocked_and_all_links_lead_where_they_did(count: int) -> None:
    made = company(count, date(2026, 12, 2))
    records = {
        each: [msgspec.json.decode(line) for batch in made.records(each) for line in batch]
        for each in DatasetType
    }
    folk = harvest_people(each for of_type in records.values() for each in of_type)
    sanitizer, checkers = Sanitizer(folk, KEY), (LeakChecker(KEY, people=folk), LeakChecker(KEY))
    for dataset_type, of_type in records.items():
        for given in of_type:
            found = sanitizer.sanitize(dataset_type, given).record
            assert [leak for each in checkers for leak in each.check(dataset_type, found)] == []
            assert found[ID_FIELD[dataset_type]] == given[ID_FIELD[dataset_type]]
            assert found.get("thread") == given.get("thread")
            assert LINK.findall(str(found)) == LINK.findall(str(given))
            assert found.keys() == given.keys()
            # What is made up is clean before it is sanitized, too, but for names that no pool knows.
            assert {each.field for each in checkers[1].check(dataset_type, given)} <= {"author_name"}
            kept = (
                "created",
                "updated",
                "status",
                "labels",
                "channel",
                "space_key",
                "stars",
                "topics",
                "owner",
                "url",
            )
            assert {name: found.get(name) for name in kept} == {name: given.get(name) for name in kept}


def test_the_same_export_is_sanitized_alike_and_another_key_otherwise() -> None:
    folk = harvest_people(each for _, each in roster(1))
    given = record(PAGES, f"by {people(1)[0].name}", people(1)[0])
    first, second, other = (Sanitizer(folk, key).sanitize(PAGES, given) for key in (KEY, KEY, KEY[::-1]))
    assert first == second
    assert first.record["author_name"] != other.record["author_name"]
