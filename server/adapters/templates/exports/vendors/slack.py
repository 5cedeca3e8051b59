"""Slack's workspace exports: a folder for each conversation with a file for each day, as a folder or a zip.

Source: https://slack.com/help/articles/220556107-How-to-read-Slack-data-exports and
https://docs.slack.dev/reference/events/message for the subtypes of messages.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.content import slack_to_text
from domain.errors import ExportInvalidError
from domain.model import build_decoder, quote_foreign
from server.adapters.templates.exports.ids import IdIndex
from server.adapters.templates.exports.instants import format_instant, instant_from_epoch
from server.adapters.templates.exports.links import SiteLinks
from server.adapters.templates.exports.people import find_address
from server.adapters.templates.exports.sources.json_documents import (
    DECODE_ERRORS,
    JsonRecords,
    decode_error_action,
    describe_decode_error,
)
from server.adapters.templates.exports.vendors.export import as_list, as_mapping, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.adapters.templates.exports.vendors.export import Export, Record

_DAY: Final = re.compile(r"(?:.*/)?(?P<folder>[^/]+)/(?P<day>\d{4}-\d{2}-\d{2})\.json")
_STAMP: Final = re.compile(r"(\d{9,11})\.(\d{6})")
_CONVERSATIONS: Final = {"channels.json": False, "groups.json": True, "dms.json": True, "mpims.json": True}
"""The lists of conversations, and whether those in them are private."""
_USERS: Final = frozenset({"users.json", "org_users.json"})
_NOT_MESSAGES: Final = frozenset({*_CONVERSATIONS, *_USERS, "integration_logs.json"})
_SAID: Final = frozenset(
    {
        "bot_message",
        "me_message",
        "file_share",
        "file_comment",
        "thread_broadcast",
        "reply_broadcast",
        "slackbot_response",
    }
)
"""Subtypes of messages that somebody wrote; the others are notices, such as that somebody joined."""
_MENTION: Final = re.compile(r"<@([UW][A-Z0-9]+)>")
_NO_LINK: Final = re.compile(r"[<>\n|]")
"""What ends a link in Slack's own notation."""
_MICROSECONDS: Final = 1_000_000


class Message(msgspec.Struct, gc=False):
    """A message as exported; what few messages have stays undecoded."""

    ts: str
    type: str | None = None
    subtype: str | None = None
    text: str | None = None
    user: str | None = None
    username: str | None = None
    bot_id: str | None = None
    thread_ts: str | None = None
    edited: msgspec.Raw = msgspec.Raw()
    blocks: msgspec.Raw = msgspec.Raw()
    attachments: msgspec.Raw = msgspec.Raw()
    files: msgspec.Raw = msgspec.Raw()
    bot_profile: msgspec.Raw = msgspec.Raw()
    user_profile: msgspec.Raw = msgspec.Raw()

    @property
    def by_bot(self) -> bool:
        """Whether a program wrote it."""
        return self.subtype == "bot_message" or self.bot_id is not None


_decode_message: Final = build_decoder(Message).decode


class _Conversation(msgspec.Struct, gc=False):
    id: str
    name: str | None = None


class _Profile(msgspec.Struct, gc=False):
    real_name: str | None = None
    display_name: str | None = None
    email: str | None = None


class _User(msgspec.Struct, gc=False):
    id: str
    name: str | None = None
    real_name: str | None = None
    profile: _Profile | None = None


def read_slack_export(export: Export) -> Iterator[Record]:
    """The messages of a Slack export, day by day. Raises ExportInvalidError."""
    workspace = _Workspace(export)
    days = workspace.list_days()
    index = IdIndex()
    for name, channel in days:
        for _, message in _read_messages(export, name):
            if _drop_reason(message) is None:
                index.add(channel, _number(message.ts, name))
    index.seal()
    maker = _MessageMaker(workspace, index)
    for name, channel in days:
        for _, message in _read_messages(export, name):
            if record := maker.make(message, channel, name):
                yield record


class _Workspace:
    """The people and conversations of an export."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.channels: dict[str, str] = {}
        self._private: set[str] = set()
        self._people: dict[str, tuple[str, str]] = {}
        for path in export.tree.names:
            name = path.rpartition("/")[2]
            if name in _USERS:
                self._add_users(path)
            elif name in _CONVERSATIONS:
                self._add_conversations(path, private=_CONVERSATIONS[name])
        self.names = {**self.channels, **{each: name for each, (name, _) in self._people.items()}}

    def list_days(self) -> list[tuple[str, str]]:
        """The files of messages in the order of their days, each with its channel."""
        days = []
        for path in self.export.tree.names:
            found = _DAY.fullmatch(path)
            if found is None:
                if path.rpartition("/")[2] not in _NOT_MESSAGES:
                    self.export.tally.count_dropped("file that holds no messages")
            elif found["folder"] in self._private and not self.export.private:
                self.export.tally.count_dropped(
                    "day of a private channel or direct messages (--private takes them)"
                )
            else:
                days.append((found["day"], self.channels.get(found["folder"], found["folder"]), path))
        if not days and not self.export.tally.dropped:
            raise ExportInvalidError(
                f"{self.export.tree.shown} has no folders of channels with a file for each day.",
                suggested_action="Name the folder or zip of the whole Slack export.",
            )
        return [(path, channel) for _, channel, path in sorted(days)]

    def find_author(self, message: Message) -> tuple[str, str]:
        """The name and address of who wrote a message."""
        if message.user in self._people:
            return self._people[message.user]
        if message.user and not message.by_bot:
            self.export.tally.notes[
                "message of somebody who is not in users.json, named as it names them, or by id"
            ] += 1
        profile = _decode_raw(message.user_profile) or _decode_raw(message.bot_profile)
        shown = (as_text(as_mapping(profile).get(each)) for each in ("real_name", "display_name", "name"))
        known = (message.username, *shown, message.user, message.bot_id, "Slack")
        name = next(each for each in known if each)
        return name, find_address(name) or ""

    def _add_users(self, path: str) -> None:
        for each in _read_list(self.export, path, _User):
            profile = each.profile or _Profile()
            names = (profile.real_name, each.real_name, profile.display_name, each.name, each.id)
            name = next(found for found in names if found)
            self._people[each.id] = name, find_address(profile.email, name) or ""

    def _add_conversations(self, path: str, *, private: bool) -> None:
        for each in _read_list(self.export, path, _Conversation):
            if each.name:
                self.channels[each.id] = each.name
            if private:
                self._private.update({each.id, each.name or each.id})


class _MessageMaker:
    """Makes records of messages, with ids that are unique in the whole export."""

    def __init__(self, workspace: _Workspace, index: IdIndex) -> None:
        self._workspace = workspace
        self._tally = workspace.export.tally
        self._index = index
        self._shared = index.shared_numbers()
        self._ranks: dict[str, int] = {}
        self._links = SiteLinks(workspace.export.hosts, channels=workspace.channels)

    def make(self, message: Message, channel: str, file: str) -> Record | None:
        """The record of a message; None for one that is dropped."""
        reason = _drop_reason(message)
        number = 0 if reason else _number(message.ts, file)
        if reason is None and not self._index.take(channel, number):
            reason = "message that is in its channel a second time"
        if reason:
            self._tally.count_dropped(reason)
            return None
        if _decode_raw(message.edited):
            self._tally.notes["edited message, as it was last"] += 1
        if message.by_bot:
            self._tally.notes["message of a bot"] += 1
        name, address = self._workspace.find_author(message)
        self._count_left_out(message)
        text = "\n".join(slack_to_text(each, self._workspace.names) for each in _texts(message))
        record = {
            "message_id": self._id_of(message.ts, channel, number),
            "text": self._links.rewrite(text),
            "channel": channel,
            "author": address,
            "timestamp": format_instant(instant_from_epoch(number)),
            "thread": self._find_thread(message, channel),
            "author_name": name,
        }
        self._tally.notes["link to the own site, rewritten"] = self._links.rewritten
        return record

    def _count_left_out(self, message: Message) -> None:
        """Count what is not in the text, or not as it was: mentions of strangers, attachments and files."""
        if message.text and "<@" in message.text:
            unknown = sum(each not in self._workspace.names for each in _MENTION.findall(message.text))
            if unknown:
                self._tally.notes["mention of somebody who is not in users.json, shown by id"] += unknown
        if message.attachments:
            self._count_attachments(message)
        if message.files and message.text and message.text.strip():
            for _ in as_list(_decode_raw(message.files)):
                self._tally.count_dropped("file of a message (its text is taken)")

    def _count_attachments(self, message: Message) -> None:
        are_taken = _takes_parts(message)
        for each in map(as_mapping, as_list(_decode_raw(message.attachments))):
            if not are_taken:
                self._tally.count_dropped(
                    "attachment, such as a preview of a link (the message's text is taken)"
                )
            elif _title_link(each):
                self._tally.notes["link of an attachment's title, written behind the title"] += 1
            elif as_text(each.get("title_link")):
                self._tally.count_dropped("link of an attachment without a title that a link may have")

    def _find_thread(self, message: Message, channel: str) -> str | None:
        thread = message.thread_ts
        if not thread or thread == message.ts:
            return None
        found = _STAMP.fullmatch(thread)
        number = _microseconds(found) if found else -1
        if (channel, number) not in self._index:
            self._tally.count_dropped("reference to the first message of a thread, which is not taken")
            return None
        return self._id_of(thread, channel, number)

    def _id_of(self, ts: str, channel: str, number: int) -> str:
        """The `ts` itself, which Slack promises to be unique in a channel; longer where two channels share it."""
        if number not in self._shared:
            return ts
        return f"{ts}{self._ranks.setdefault(channel, len(self._ranks)):04d}"


def _read_messages(export: Export, name: str) -> Iterator[tuple[int, Message]]:
    for position, raw in enumerate(JsonRecords(export.tree, (), (name,)).read(), 1):
        if isinstance(raw, dict) or raw == b"null":
            continue
        try:
            yield position, _decode_message(raw)
        except DECODE_ERRORS as error:
            raise ExportInvalidError(
                f"Message {position} of {quote_foreign(name)} is no message of Slack's: "
                f"{describe_decode_error(error)}.",
                file=quote_foreign(name),
                position=position,
                suggested_action=decode_error_action(error),
            ) from None


def _read_list(export: Export, name: str, kind: Any) -> Iterator[Any]:  # noqa: ANN401 - msgspec's types
    decode = build_decoder(kind).decode
    for raw in JsonRecords(export.tree, (), (name,)).read():
        try:
            if not isinstance(raw, dict):
                yield decode(raw)
        except DECODE_ERRORS as error:
            raise ExportInvalidError(
                f"{quote_foreign(name)} is not as Slack writes it: {describe_decode_error(error)}.",
                file=quote_foreign(name),
                suggested_action=decode_error_action(error),
            ) from None


def _drop_reason(message: Message) -> str | None:
    """Why a message is dropped, which depends on nothing else than the message; None for one that is taken."""
    if message.subtype == "tombstone":
        return "deleted message"
    if message.type not in {None, "message"} or (message.subtype and message.subtype not in _SAID):
        return f"notice of Slack's ({quote_foreign(message.subtype or message.type or '')})"
    return None if _has_text(message) else "message without text"


def _has_text(message: Message) -> bool:
    return bool(message.text and not message.text.isspace()) or any(_texts(message))


def _texts(message: Message) -> list[str]:
    """What a message says: its text; also its blocks and attachments, where it has no text or a bot wrote it."""
    texts = [message.text] if message.text and message.text.strip() else []
    if _takes_parts(message):
        texts += _block_texts(_decode_raw(message.blocks))
        texts += _attachment_texts(_decode_raw(message.attachments))
    if not texts:
        texts += _file_names(_decode_raw(message.files))
    return list(dict.fromkeys(texts))


def _takes_parts(message: Message) -> bool:
    """Whether blocks and attachments are a part of what a message says."""
    return message.by_bot or not (message.text and message.text.strip())


def _block_texts(blocks: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """The texts of blocks, in their order; those of one block stay on one line."""
    found = ("".join(_walk_texts(each)).strip() for each in as_list(blocks))
    return [each for each in found if each]


def _walk_texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, list):
            pending += reversed(each)
        elif isinstance(each, dict):
            if user := as_text(each.get("user_id")):
                yield f"<@{user}>"
            if link := as_text(each.get("url")) if each.get("type") == "link" else None:
                yield f"<{link}>"
            pending += [each[name] for name in ("fields", "elements", "text") if name in each]
        elif isinstance(each, str):
            yield each


def _attachment_texts(attachments: Any) -> list[str]:  # noqa: ANN401 - any JSON
    texts = []
    for each in map(as_mapping, as_list(attachments)):
        title, link = as_text(each.get("title")), _title_link(each)
        said = [
            as_text(each.get("pretext")),
            f"<{link}|{title}>" if link else title,
            as_text(each.get("text")),
        ]
        said += [_field_text(field) for field in map(as_mapping, as_list(each.get("fields")))]
        said += _block_texts(each.get("blocks"))
        texts += [found for found in said if found] or list(filter(None, [as_text(each.get("fallback"))]))
    return texts


def _title_link(attachment: dict[str, Any]) -> str | None:
    """Where the title of an attachment leads; None where a text cannot say it."""
    title, link = as_text(attachment.get("title")), as_text(attachment.get("title_link"))
    return link if title and link and not _NO_LINK.search(f"{link}{title}") else None


def _field_text(field: dict[str, Any]) -> str:
    return ": ".join(filter(None, (as_text(field.get("title")), as_text(field.get("value")))))


def _file_names(files: Any) -> list[str]:  # noqa: ANN401 - any JSON
    return [
        name
        for each in map(as_mapping, as_list(files))
        if (name := as_text(each.get("title")) or as_text(each.get("name")))
    ]


def _decode_raw(raw: msgspec.Raw) -> Any:  # noqa: ANN401 - any JSON
    return msgspec.json.decode(raw) if raw else None


def _number(ts: str, file: str) -> int:
    found = _STAMP.fullmatch(ts)
    if found is None:
        raise ExportInvalidError(
            f"{quote_foreign(file)} has a message whose ts is {quote_foreign(ts)}; "
            "seconds and six decimals are expected.",
            file=quote_foreign(file),
        )
    return _microseconds(found)


def _microseconds(found: re.Match[str]) -> int:
    return int(found[1]) * _MICROSECONDS + int(found[2])
