"""Slack messages: a message in a channel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

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
    build_urls,
    headline,
)
from domain.content.documents.neutral import EVERYONE, Body, Document, Properties
from domain.content.documents.repair.people import parse_people
from domain.content.markup import slack_to_text
from domain.model import SYNC_SCHEDULES, ConnectorSchema, NameListForm, TextForm, authentication_forms

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class _Properties(Properties):
    thread: str


def _build_documents(records: Sequence[SlackMessage], site: ClientSite) -> list[Document]:
    texts = [slack_to_text(each.text) for each in records]
    authors = parse_people([each.author for each in records], [each.author_name for each in records])
    urls = build_urls(records, site.url, "archives/{channel}/{message_id}")
    return [
        Document(
            "slack_messages",
            record.message_id,
            headline(text) or record.message_id,
            Body("text/plain", text),
            record.channel,
            author,
            url,
            EVERYONE,
            record.timestamp,
            None,
            _Properties(record.thread) if record.thread else None,
            (record.thread,) if record.thread else (),
        )
        for record, text, author, url in zip(records, texts, authors, urls, strict=True)
    ]


KIND: Final = RecordKind(
    record=SlackMessage,
    identifiers=("message_id",),
    documents=_build_documents,
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
