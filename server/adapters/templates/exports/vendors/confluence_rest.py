"""Confluence's REST answers, v1 (`/rest/api/content`) and v2 (`/api/v2/pages`), pages of answers one after another.

Sources: https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-content/ and
https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-page/.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.content import adf_to_text
from domain.errors import ExportInvalidError
from domain.model import build_decoder
from server.adapters.templates.exports.instants import parse_iso
from server.adapters.templates.exports.links import find_host
from server.adapters.templates.exports.people import find_address
from server.adapters.templates.exports.sources.json_documents import (
    DECODE_ERRORS,
    JsonRecords,
    decode_record,
    record_error,
)
from server.adapters.templates.exports.vendors.confluence import (
    PageBook,
    PageMaker,
    RawPage,
    count_dropped,
    drop_reason,
)
from server.adapters.templates.exports.vendors.export import as_list, as_mapping, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.adapters.templates.exports.vendors.export import Export, Record

_READ: Final = frozenset(
    {
        "id",
        "type",
        "status",
        "title",
        "space",
        "spaceId",
        "history",
        "version",
        "createdAt",
        "authorId",
        "ancestors",
        "parentId",
        "parentType",
        "body",
        "metadata",
        "labels",
        "_links",
        "_expandable",
    }
)
_BODIES: Final = ("storage", "view", "export_view", "styled_view")
_SPACE: Final = re.compile(r"/spaces/([^/]+)/")


class _Space(msgspec.Struct, gc=False):
    key: str | None = None


class _Links(msgspec.Struct, gc=False):
    address: str | None = msgspec.field(name="self", default=None)
    base: str | None = None
    webui: str | None = None


class _Page(msgspec.Struct, gc=False):
    """What has to be known of every page before the first is made."""

    id: str | int | None = None
    title: str | None = None
    type: str = "page"
    status: str = "current"
    space: _Space | None = None
    space_id: str | int | None = msgspec.field(name="spaceId", default=None)
    links: _Links | None = msgspec.field(name="_links", default=None)


_survey: Final = build_decoder(_Page).decode


def read_confluence_rest(export: Export) -> Iterator[Record]:
    """The pages of Confluence's REST answers. Raises ExportInvalidError."""
    records, book = JsonRecords(export.tree, ("results",)), PageBook()
    for each in records.read():
        raw = msgspec.json.encode(each) if isinstance(each, dict) else each
        _survey_page(raw, book)
    maker = PageMaker(export, book)
    position = 0
    for each in records.read():
        if isinstance(each, dict) and "title" not in each:
            continue
        position += 1
        found = each if isinstance(each, dict) else decode_record(each, position)
        if found is None:
            export.tally.count_dropped("null in place of a page")
        elif (page := _parse_page(found, position, export)) and (record := maker.make(page)):
            yield record


def _survey_page(raw: bytes, book: PageBook) -> None:
    try:
        found = _survey(raw)
    except DECODE_ERRORS:
        return  # the second pass says what is wrong with it
    links = found.links or _Links()
    for address in (links.base, links.address):
        if host := find_host(address or ""):
            book.hosts.add(host)
    if found.id is not None and found.title and not drop_reason(found.type, found.status):
        key = found.space.key if found.space else None
        book.add(str(found.id), found.title, _space_key(key, links.webui, found.space_id))


def _space_key(key: str | None, webui: str | None, space_id: str | int | None) -> str:
    """The key of a page's space; v2 names it in the page's link only, and else there is nothing but its number."""
    in_link = _SPACE.search(webui or "")
    return key or (in_link[1] if in_link else str(space_id or "unknown"))


def _parse_page(found: Any, position: int, export: Export) -> RawPage | None:  # noqa: ANN401 - any JSON
    members = as_mapping(found)
    page_id, title = as_text(members.get("id")), as_text(members.get("title"))
    if page_id is None or title is None:
        raise record_error(
            position, "has no id or no title: this is no page of Confluence's REST API v1 or v2"
        )
    if count_dropped(
        export.tally, as_text(members.get("type")) or "page", as_text(members.get("status")) or "current"
    ):
        return None
    for name, value in members.items():
        if name not in _READ and value not in (None, "", [], {}):
            export.tally.count_unread(name)
    history, version = as_mapping(members.get("history")), as_mapping(members.get("version"))
    author = as_mapping(history.get("createdBy")) or as_mapping(version.get("by"))
    names = [as_text(author.get(each)) for each in ("displayName", "publicName", "username")]
    account = (
        as_text(author.get("accountId"))
        or as_text(members.get("authorId"))
        or as_text(version.get("authorId"))
    )
    ancestors = as_list(members.get("ancestors"))
    parent = as_text(as_mapping(ancestors[-1]).get("id")) if ancestors else as_text(members.get("parentId"))
    return RawPage(
        page_id=page_id,
        title=title,
        body=_find_body(as_mapping(members.get("body")), position),
        space_key=_space_key(
            as_text(as_mapping(members.get("space")).get("key")),
            as_text(as_mapping(members.get("_links")).get("webui")),
            as_text(members.get("spaceId")),
        ),
        author=find_address(as_text(author.get("email")), *names, account),
        author_name=next((each for each in names if each), None),
        updated=parse_iso(as_text(version.get("when")) or as_text(version.get("createdAt")) or ""),
        created=parse_iso(as_text(history.get("createdDate")) or as_text(members.get("createdAt")) or ""),
        parent_id=parent,
        labels=_labels(members),
    )


def _find_body(body: dict[str, Any], position: int) -> str:
    for each in _BODIES:
        value = as_mapping(body.get(each)).get("value")
        if isinstance(value, str):
            return value
    document = as_mapping(body.get("atlas_doc_format")).get("value")
    if isinstance(document, str):
        try:
            text = adf_to_text(msgspec.json.decode(document))
        except DECODE_ERRORS:
            raise record_error(position, "has a body.atlas_doc_format that is not JSON") from None
        return "".join(
            f"<p>{html.escape(line, quote=False)}</p>" for line in text.splitlines() if line.strip()
        )
    raise ExportInvalidError(
        f"Record {position} of the export has no body.",
        position=position,
        suggested_action="Ask Confluence for bodies: `expand=body.storage,version,space,history,ancestors,"
        "metadata.labels` in v1, `body-format=storage` in v2.",
    )


def _labels(members: dict[str, Any]) -> list[str]:
    labels = as_mapping(members.get("labels")) or as_mapping(
        as_mapping(members.get("metadata")).get("labels")
    )
    named = (as_text(as_mapping(each).get("name")) for each in as_list(labels.get("results")))
    return [each for each in named if each]
