"""What a dataset's life reads like, from the entries of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.audit.entry import AuditEntry, Decision
from domain.audit.timeline import TimelineBuilder, TimelineEntry
from tests.support.entities import NOW

BROKEN = (
    "Entry {} cannot be decoded. `dataset-lifecycle audit verify` shows whether it was changed after "
    "it was sealed."
)


def chapters(*entries: AuditEntry | None) -> list[TimelineEntry]:
    teller = TimelineBuilder()
    for seq, entry in reversed(list(enumerate(entries, 1))):
        teller.prepend(seq, entry)
    return list(teller.build())


def chapter(**given: Any) -> TimelineEntry:
    (only,) = chapters(AuditEntry(at=NOW, **given))
    return only


def timeline_entry(event: str, **data: Any) -> TimelineEntry:
    return chapter(
        event=event, data={"name": "ACME-Sandbox-Jira", "journey_id": "q3", "stage": "sandbox", **data}
    )


def test_a_refused_teardown_tells_who_asked_from_where_and_every_check() -> None:
    told = chapter(
        principal="kim",
        act="agent:planner",
        via="http",
        client="planner 2.0",
        verb="teardown",
        arguments={"dataset_id": "d1", "reason": "manual"},
        decision=Decision.REFUSED,
        error={
            "code": "journey_active",
            "message": "It cannot be taken down.",
            "blocking_checks": [
                {
                    "check": "journey_active",
                    "what": "Its journey is active.",
                    "since": "2026-03-01T00:00:00Z",
                    "clears": "Complete the journey.",
                },
                {"check": "dataset_protected", "what": "It is kept."},
            ],
        },
    )
    assert told == TimelineEntry(
        at=NOW,
        sentence="agent:planner for kim (over HTTP, with planner 2.0) asked to take it down for the reason manual: "
        "refused (journey_active).",
        evidence=(
            "journey_active: Its journey is active. Since 2026-03-01T00:00:00Z. To clear it: Complete the journey.",
            "dataset_protected: It is kept.",
        ),
    )


def test_a_refusal_without_checks_tells_its_message_and_the_request_that_waits() -> None:
    told = chapter(
        principal="agent:kim",
        via="stdio",
        verb="teardown",
        decision=Decision.REFUSED,
        error={
            "code": "confirmation_required",
            "message": "A person has to approve it.",
            "approval_id": "ap-1",
            "expires_at": "2026-03-01T12:30:00Z",
        },
    )
    assert told.sentence == "agent:kim (over stdio) asked to take it down: refused (confirmation_required)."
    assert told.evidence == (
        "A person has to approve it.",
        "The request is ap-1, open until 2026-03-01T12:30:00Z.",
    )


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"how": "approval", "by": "person:lee", "at": "2026-03-01T12:00:00Z", "approval_id": "ap-1"},
            "Confirmed by person:lee by an approval (ap-1) on 2026-03-01T12:00:00Z.",
        ),
        (
            {"how": "approval", "by": "person:kim", "requester": "person:kim"},
            "Confirmed by person:kim, who had asked for it, by an approval.",
        ),
        ({"how": "typed_name", "by": "person:kim"}, "Confirmed by person:kim by typing its name."),
        ({"how": "handshake", "by": "person:kim"}, "Confirmed by person:kim handshake."),
    ],
)
def test_an_allowed_teardown_tells_how_it_was_confirmed_and_by_whom(given: dict[str, Any], line: str) -> None:
    told = chapter(
        principal="person:kim",
        via="cli",
        verb="teardown",
        arguments={"reason": "manual"},
        decision=Decision.ALLOWED,
        outcome="teardown claimed",
        confirmation={**given, "shown": {"dataset": "ACME", "record_count": 7}},
        data={"reason": "manual", "conceded": None, "incomplete": True},
    )
    assert told == TimelineEntry(
        at=NOW,
        sentence="person:kim (at the command line) asked to take it down for the reason manual: "
        "teardown claimed.",
        evidence=(line, "They were shown: dataset ACME; record count 7", "incomplete: yes"),
    )


def test_a_question_tells_what_is_shown_before_anybody_has_answered() -> None:
    told = chapter(
        principal="agent:kim",
        verb="teardown",
        decision=Decision.ASKED,
        confirmation={"how": "elicitation", "shown": "Take down\n ACME?"},
    )
    assert told.sentence == "agent:kim asked to take it down: a person has to decide."
    assert told.evidence == ("A person is shown: Take down ACME?",)


def test_a_request_that_is_answered_tells_what_was_shown() -> None:
    told = chapter(
        principal="person:lee",
        verb="approvals approve",
        arguments={"approval_id": "ap-1"},
        decision=Decision.ALLOWED,
        outcome="approved",
        data={
            "approval_id": "ap-1",
            "shown": {"dataset": "ACME"},
            "clients": ["a", "b"],
            "x": {"y_z": False},
        },
    )
    assert told.sentence == "person:lee asked to approve a request (ap-1): approved."
    assert told.evidence == ("They were shown: dataset ACME", "clients: a, b", "x: y z no")


def test_a_request_that_is_filed_tells_what_a_person_is_to_see() -> None:
    told = chapter(
        principal="agent:kim",
        verb="teardown",
        decision=Decision.ALLOWED,
        outcome="approval requested",
        data={"approval_id": "ap-1", "shown": {"dataset": "ACME"}},
    )
    assert told.sentence == "agent:kim asked to take it down: approval requested."
    assert told.evidence == ("A person will be shown: dataset ACME", "approval id: ap-1")


def test_what_is_not_known_is_left_out_and_long_text_is_cut() -> None:
    assert chapter(decision=Decision.ALLOWED) == TimelineEntry(
        at=NOW, sentence="Somebody asked to `something`: allowed."
    )
    told = chapter(
        principal="p" * 1000,
        via="pigeon",
        verb="cancel provision",
        decision=Decision.FAILED,
        error={"step": "connect", "code": "x", "approval_id": "ap", "blocking_checks": "none"},
        arguments={"retry": True},
    )
    assert told.sentence == (
        f"{'p' * 300}… (pigeon) asked to cancel the work on it once more: it failed at the step connect (x)."
    )
    assert told.evidence == ("The request is ap.",)


@pytest.mark.parametrize(
    ("event", "data", "sentence", "evidence"),
    [
        (
            "dataset:provisioning_started",
            {"attempt": 2},
            "Provisioning of ACME-Sandbox-Jira began for the journey q3 at sandbox.",
            ("attempt: 2",),
        ),
        (
            "dataset:quality_evaluated",
            {"score": 97.5, "passed": True, "issues": [{"check": "authors", "failed": 2, "of": 20}]},
            "Its quality was scored 97.5.",
            ("authors: 2 of 20 failed", "passed: yes"),
        ),
        (
            "dataset:quality_evaluated",
            {"score": 97.5, "readiness": {"asked": 9, "answered": 8, "share": 0.888}},
            "Its quality was scored 97.5.",
            ("demo-readiness: 8 of 9 questions answered",),
        ),
        (
            "dataset:quality_evaluated",
            {"score": 97.5, "readiness": {"asked": 9, "unknown": "It answered 503."}},
            "Its quality was scored 97.5.",
            ("demo-readiness: not known. It answered 503.",),
        ),
        (
            "dataset:provision_failed",
            {"step": "connect", "code": "platform_denied", "message": "No.", "to_undo": ["populate"]},
            "Provisioning failed at the step connect (platform_denied): No.",
            ("to undo: populate",),
        ),
        (
            "dataset:torn_down",
            {
                "reason": "manual",
                "requester": "agent:kim",
                "archived_path": "/a",
                "connector_outcome": "deleted",
            },
            "It was taken down for the reason manual, as agent:kim had asked.",
            ("archived path: /a", "connector outcome: deleted"),
        ),
        ("archive:purged", {"path": "/a"}, "Its archive was purged from /a.", ()),
        ("dataset:restored", {}, "It was restored from unknown.", ()),
        ("dataset:sung_to", {"song": "x"}, "dataset:sung_to happened.", ("song: x",)),
    ],
)
def test_an_event_is_a_sentence_and_what_shows_it(
    event: str, data: dict[str, Any], sentence: str, evidence: tuple[str, ...]
) -> None:
    assert timeline_entry(event, **data) == TimelineEntry(at=NOW, sentence=sentence, evidence=evidence)


def test_what_is_done_again_and_again_is_told_once() -> None:
    looked = [
        AuditEntry(
            at=NOW + timedelta(minutes=number),
            principal="agent:kim",
            verb="health",
            decision=Decision.ALLOWED,
            outcome="answered",
        )
        for number in range(3)
    ]
    purged = AuditEntry(at=NOW + timedelta(days=1), event="archive:purged", data={"path": "/a"})
    assert chapters(*looked, purged) == [
        TimelineEntry(
            at=NOW,
            sentence="agent:kim asked to see its connector's health: answered.",
            times=3,
            until=NOW + timedelta(minutes=2),
        ),
        TimelineEntry(at=NOW + timedelta(days=1), sentence="Its archive was purged from /a."),
    ]


def test_an_entry_that_cannot_be_understood_is_said_to_be_there() -> None:
    assert chapters(None) == [
        TimelineEntry(
            at=None,
            sentence=BROKEN.format(1),
        )
    ]


def test_a_call_is_told_before_what_it_brought_about_and_what_has_no_date_stays_where_it_is() -> None:
    began = AuditEntry(at=NOW + timedelta(seconds=1), event="dataset:restored", data={"restored_from": "d0"})
    call = AuditEntry(at=NOW, principal="agent:kim", verb="restore", decision=Decision.ALLOWED)
    later = AuditEntry(at=NOW + timedelta(days=1), event="archive:purged", data={"path": "/a"})
    assert [each.sentence for each in chapters(None, began, call, None, later)] == [
        BROKEN.format(1),
        "agent:kim asked to restore its archive: allowed.",
        BROKEN.format(4),
        "It was restored from d0.",
        "Its archive was purged from /a.",
    ]
