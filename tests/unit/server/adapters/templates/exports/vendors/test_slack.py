"""Slack's workspace exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import ExportInvalidError
from server.adapters.templates.exports import ImportOptions, ImportReport
from tests.support.content.exports import import_records, slack_files, slack_message, write_tree, write_zip

if TYPE_CHECKING:
    from pathlib import Path

T1, T2, T3 = "1710252300.000100", "1710252400.000200", "1710253000.000300"


def _import(
    folder: Path, files: dict[str, Any], options: ImportOptions | None = None
) -> tuple[list[dict[str, Any]], ImportReport]:
    return import_records(folder, "slack-export", write_tree(folder / "export", files), options)


def test_a_message_is_a_record(tmp_path: Path) -> None:
    text = "Hi <@U2>, <https://vega.slack.com/archives/C1/p1710252300000100|this> in <#C1> &amp; <!here>"
    messages = [slack_message(T2, text, thread_ts=T1), slack_message(T1, thread_ts=T1, edited={"user": "U1"})]
    (first, second), report = _import(tmp_path, slack_files(general__2024_03_12=messages))

    assert second["message_id"] == T1
    assert first == {
        "message_id": T2,
        "text": "Hi @Ada Moss, this ({{site:slack_messages}}/archives/general/1710252300.000100) in #general & @here",
        "channel": "general",
        "author": "kim@vega.example",
        "timestamp": "2024-03-12T14:06:40.000200Z",
        "thread": T1,
        "author_name": "Kim Vega",
    }
    assert report.notes == {"edited message, as it was last": 1, "link to the own site, rewritten": 1}


def test_a_zip_with_a_folder_around_it_is_the_same(tmp_path: Path) -> None:
    files = slack_files(general__2024_03_12=[slack_message(T1)], general__2024_03_11=[slack_message(T2)])
    plain, _ = _import(tmp_path, files)
    source = write_zip(
        tmp_path / "a.zip", {f"Vega export/{name}": content for name, content in files.items()}
    )

    assert import_records(tmp_path, "slack-export", source)[0] == plain
    assert [each["message_id"] for each in plain] == [T2, T1]


def test_notices_and_what_was_deleted_are_dropped_with_their_counts(tmp_path: Path) -> None:
    messages = [
        slack_message(T1, "<@U1> has joined", subtype="channel_join"),
        slack_message(T2, "This message was deleted.", user="USLACKBOT", subtype="tombstone", thread_ts=T2),
        slack_message(T3, "An answer", thread_ts=T2),
        slack_message("1710253000.000301", " "),
        slack_message("1710253000.000302", "x", type="huddle"),
        None,
        slack_message(T3, "the same again"),
    ]
    records, report = _import(
        tmp_path, {**slack_files(general__2024_03_12=messages), "general/canvas.json": []}
    )

    assert [(each["text"], each.get("thread")) for each in records] == [("An answer", None)]
    assert report.dropped == {
        "notice of Slack's (channel_join)": 1,
        "deleted message": 1,
        "reference to the first message of a thread, which is not taken": 1,
        "message without text": 1,
        "notice of Slack's (huddle)": 1,
        "message that is in its channel a second time": 1,
        "file that holds no messages": 1,
    }


def test_what_bots_attach_counts_as_their_text(tmp_path: Path) -> None:
    attachments = [
        {
            "fallback": "CPU high",
            "title": "db-1",
            "text": "CPU high",
            "fields": [{"title": "Load", "value": "9"}, {}],
        },
        {"fallback": "Only this"},
    ]
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "From a <@U1>"}}, {"type": "divider"}, 1]
    messages = [
        slack_message(
            T1, "", None, subtype="bot_message", username="alertbot", bot_id="B1", attachments=attachments
        ),
        slack_message(T2, "Alert", None, bot_id="B2", bot_profile={"name": "Pager"}, blocks=blocks),
    ]
    (alert, page), report = _import(tmp_path, slack_files(general__2024_03_12=messages))

    assert (alert["text"], alert["author_name"]) == ("db-1\nCPU high\nLoad: 9\nOnly this", "alertbot")
    assert (page["text"], page["author"]) == ("Alert\nFrom a @Kim Vega", "pager@people.example")
    assert report.notes == {"message of a bot": 2}


def test_what_is_not_taken_of_a_message_or_not_as_it_was_is_told(tmp_path: Path) -> None:
    linked = {"title": "Build 7", "title_link": "https://ci.example/7", "text": "It failed."}
    messages = [
        slack_message(
            T1, "See <https://x.example>, <@U1> and <@U77>", "U9", attachments=[linked, {}], files=[{}]
        ),
        slack_message(
            T2, "", None, bot_id="B1", attachments=[linked, {**linked, "title": "a|b"}], files=[{}]
        ),
        slack_message(T3, "x", "U9", user_profile={"real_name": "Ada Moss"}, attachments=None, files=[]),
    ]
    (first, bot, last), report = _import(tmp_path, slack_files(general__2024_03_12=messages))

    assert first["text"] == "See https://x.example, @Kim Vega and @U77"
    assert bot["text"] == "Build 7 (https://ci.example/7)\nIt failed.\na|b"
    assert (first["author"], last["author"]) == ("u9@people.example", "ada-moss@people.example")
    assert report.dropped == {
        "attachment, such as a preview of a link (the message's text is taken)": 2,
        "file of a message (its text is taken)": 1,
        "link of an attachment without a title that a link may have": 1,
    }
    assert report.notes == {
        "message of somebody who is not in users.json, named as it names them, or by id": 2,
        "mention of somebody who is not in users.json, shown by id": 1,
        "link of an attachment's title, written behind the title": 1,
        "message of a bot": 1,
    }


def test_a_message_without_text_says_what_its_blocks_or_files_say(tmp_path: Path) -> None:
    section = {
        "type": "rich_text_section",
        "elements": [
            {"type": "user", "user_id": "U2"},
            {"type": "text", "text": " see "},
            {"type": "link", "url": "https://x.example"},
        ],
    }
    messages = [
        slack_message(T1, "", blocks=[{"type": "rich_text", "elements": [section]}]),
        slack_message(T2, "", files=[{"name": "plan.pdf", "title": "Plan"}, {"name": "b.png"}, {}]),
    ]
    records, _ = _import(tmp_path, slack_files(general__2024_03_12=messages))

    assert [each["text"] for each in records] == ["@Ada Moss see https://x.example", "Plan\nb.png"]


def test_people_without_an_address_have_the_same_made_up_one(tmp_path: Path) -> None:
    messages = [
        slack_message(T1, user="U2"),
        slack_message(T2, user="U9", user_profile={"real_name": "Ada Moss"}),
        slack_message(T3, user="U8"),
    ]
    records, _ = _import(tmp_path, slack_files(general__2024_03_12=messages))

    assert [each["author"] for each in records] == [
        "ada-moss@people.example",
        "ada-moss@people.example",
        "u8@people.example",
    ]


def test_private_conversations_are_taken_only_when_it_is_said(tmp_path: Path) -> None:
    files = {
        **slack_files(
            general__2024_03_12=[slack_message(T1)],
            secret__2024_03_12=[slack_message(T2)],
            D1__2024_03_12=[slack_message(T3)],
        ),
        "groups.json": [{"id": "G1", "name": "secret"}],
        "dms.json": [{"id": "D1", "members": ["U1", "U2"]}],
    }
    public, report = _import(tmp_path, files)
    everything, _ = _import(tmp_path, files, ImportOptions(private=True))

    assert [each["channel"] for each in public] == ["general"]
    assert sorted(each["channel"] for each in everything) == ["D1", "general", "secret"]
    assert sum(report.dropped.values()) == 2


def test_two_channels_may_have_a_message_of_the_same_instant(tmp_path: Path) -> None:
    messages = [slack_message(T1, thread_ts=T1), slack_message(T2, thread_ts=T1)]
    files = slack_files(general__2024_03_12=messages, other__2024_03_12=[slack_message(T1)])
    records, _ = _import(tmp_path, files)

    ids = [each["message_id"] for each in records]
    assert len(set(ids)) == 3
    assert records[1]["thread"] == ids[0]
    assert all(each.startswith(T1) or each == T2 for each in ids)


def test_an_export_needs_no_lists_of_people_and_channels(tmp_path: Path) -> None:
    (record,), _ = _import(tmp_path, {"general/2024-03-12.json": [slack_message(T1, thread_ts="odd")]})

    assert (record["channel"], record["author"], record.get("thread")) == (
        "general",
        "u1@people.example",
        None,
    )


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"users.json": []}, "no folders of channels"),
        ({"users.json": [{"name": 1}], "a/2024-03-12.json": []}, "users.json is not as Slack writes it"),
        ({"a/2024-03-12.json": [{"ts": 1}]}, "Message 1 of .* is no message of Slack's"),
        ({"a/2024-03-12.json": [slack_message("soon")]}, "whose ts is soon"),
        ({"a/2024-03-12.json": '[{"ts": "17'}, "ends in the middle"),
        ({"a/2024-03-12.json": [], "x.md": ""}, "file that holds no messages: 1"),
    ],
)
def test_an_export_that_is_none_of_slacks_is_refused(
    tmp_path: Path, files: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ExportInvalidError, match=problem):
        _import(tmp_path, files)
