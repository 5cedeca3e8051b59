"""Slack messages: a message in a channel."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from domain.content.documents.kinds import (
    NOBODY,
    UNKNOWN,
    ClientSite,
    DocumentFields,
    Id,
    Instant,
    RecordKind,
    Text,
    encode_path,
    headline,
)
from domain.content.documents.neutral import EVERYONE, Body, Document
from domain.content.documents.repair.people import parse_person
from domain.content.markup import slack_to_text
from domain.model import SYNC_SCHEDULES, ConnectorSchema, NameListForm, TextForm, authentication_forms


class SlackMessage(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A message as exported; `author` is an e-mail address or name, `thread` the id of the message that it answers.

    `text` is plain or in mrkdwn.
    """

    message_id: Id
    text: Text
    channel: Text
    author: Text
    timestamp: Instant | None
    thread: str | None = None
    author_name: str | None = None
    url: str | None = None


def _build_document(record: SlackMessage, site: ClientSite) -> Document:
    thread = record.thread
    text = slack_to_text(record.text)
    return Document(
        "slack_messages",
        record.message_id,
        headline(text) or record.message_id,
        Body("text/plain", text),
        record.channel,
        parse_person(record.author, record.author_name),
        record.url or f"{site.url}/{encode_path('archives', record.channel, record.message_id)}",
        EVERYONE,
        record.timestamp,
        None,
        {"thread": thread} if thread else None,
        (thread,) if thread else (),
    )


KIND: Final = RecordKind(
    record=SlackMessage,
    identifiers=("message_id",),
    document=_build_document,
    connector=ConnectorSchema(
        label="Slack",
        config={
            "workspaceId": TextForm(
                re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"),
                "must be a workspace id: letters, digits, '_' and '-'",
            ),
            "channels": NameListForm(
                re.compile(r"#?[^\s#\x00-\x1f\x7f,/\\]{1,80}"),
                "must be a channel's name or id without spaces",
            ),
            "authentication": authentication_forms("OAUTH"),
            "syncSettings": SYNC_SCHEDULES,
        },
        site_setting="workspaceId",
        host="https://mock-slack.example.com",
    ),
    shape=re.compile(r"p?\d{10}\.?\d{6,}"),
    document_fields=DocumentFields(
        title="text",
        body="text",
        container="channel",
        author="author",
        updated="timestamp",
        references="thread",
    ),
    people=frozenset({"author"}),
    readings={
        "message_id": (("message_id",), ("id",), ("ts",)),
        "text": (("text", "message"), ("body", "content")),
        "channel": (("channel", "channel_name"), ("channel_id",)),
        "author": (
            ("author", "author_email"),
            ("user_email", "email"),
            ("user_profile",),
            ("user_name", "author_name", "real_name", "display_name"),
            ("user", "user_id"),
        ),
        "author_name": (("author_name", "real_name", "display_name", "user_name"),),
        "timestamp": (("timestamp",), ("ts",), ("date", "datetime", "time")),
        "thread": (("thread", "thread_ts", "thread_id"),),
        "url": (("url", "permalink", "link"),),
    },
    stand_ins={"channel": UNKNOWN, "author": NOBODY},
)
