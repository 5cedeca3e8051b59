"""Confluence's space export: `entities.xml`, by itself or in the zip that Confluence makes.

It is a flat list of Hibernate's objects in any order: `Space`, `Page`, `BlogPost`, `BodyContent`, `ConfluenceUserImpl`,
`Label`, `Labelling` and others, which refer to each other by id. What is read of it is what its readers document:
https://confluence.atlassian.com/doc/export-content-to-word-pdf-html-and-xml-139475.html.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from domain.errors import ExportInvalidError
from server.adapters.templates.exports.instants import parse_iso
from server.adapters.templates.exports.people import find_address
from server.adapters.templates.exports.sources.hibernate import HibernateObject, read_hibernate_objects
from server.adapters.templates.exports.vendors.confluence import PageBook, PageMaker, RawPage, count_dropped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.adapters.templates.exports.vendors.export import Export, Record

_ENTITIES: Final = "entities.xml"
_PAGES: Final = {"Page": "page", "BlogPost": "blogpost"}
_OTHERS: Final = {"Comment": "comment", "Attachment": "attachment"}
_READ: Final = frozenset(
    {*_PAGES, *_OTHERS, "Space", "BodyContent", "ConfluenceUserImpl", "Label", "Labelling"}
)
_BODY_CLASS: Final = "BodyContent"


@dataclass(slots=True)
class _Space:
    """What the first pass learns of the whole export, without the bodies."""

    keys: dict[str, str] = field(default_factory=dict)
    people: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    pages: dict[str, HibernateObject] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    labellings: list[tuple[str, str]] = field(default_factory=list)


def read_confluence_xml(export: Export) -> Iterator[Record]:
    """The pages and blog posts of a space export. Raises ExportInvalidError."""
    name = _find_entities(export)
    space = _survey(export, name)
    book = PageBook()
    for page_id, page in space.pages.items():
        book.add(page_id, page.properties["title"], _space_key(space, page))
    labels: dict[str, list[str]] = {}
    for page_id, label in space.labellings:
        labels.setdefault(page_id, []).append(space.labels.get(label, label))
    maker = PageMaker(export, book)
    for each in read_hibernate_objects(export.tree, name):
        page_id = each.references.get("content", "")
        if each.kind == _BODY_CLASS and page_id in space.pages:
            page, body = space.pages.pop(page_id), each.properties.get("body", "")
            record = maker.make(_raw_page(space, page, body, labels.get(page_id, [])))
            if record:
                yield record
    for page_id, page in space.pages.items():
        if record := maker.make(_raw_page(space, page, "", labels.get(page_id, []))):
            yield record


def _find_entities(export: Export) -> str:
    names = [each for each in export.tree.names if each.rpartition("/")[2] == _ENTITIES]
    if len(export.tree.names) == 1:
        return export.tree.names[0]
    if len(names) != 1:
        raise ExportInvalidError(
            f"{export.tree.shown} has {len(names) or 'no'} {_ENTITIES}; the XML export of one space has one.",
            suggested_action="Export the space as XML, and name the zip that Confluence made.",
        )
    return names[0]


def _survey(export: Export, name: str) -> _Space:
    space = _Space()
    others: Counter[str] = Counter()
    for each in read_hibernate_objects(export.tree, name):
        values = each.properties
        if each.kind == "Space":
            space.keys[each.id] = values.get("key", each.id)
        elif each.kind == "ConfluenceUserImpl":
            shown = values.get("fullName") or values.get("name")
            space.people[each.id] = values.get("email"), shown
        elif each.kind == "Label":
            space.labels[each.id] = values.get("name", each.id)
        elif each.kind == "Labelling":
            space.labellings.append((each.references.get("content", ""), each.references.get("label", "")))
        elif each.kind in _PAGES:
            _add_page(each, space, export)
        elif each.kind in _OTHERS:
            count_dropped(export.tally, _OTHERS[each.kind], "current")
        elif each.kind not in _READ:
            others[each.kind] += 1
    for kind, count in others.items():
        export.tally.count_unread(kind, count)
    return space


def _add_page(page: HibernateObject, space: _Space, export: Export) -> None:
    values = page.properties
    old = page.references.get("originalVersion") or values.get("originalVersionId")
    status = "historical" if old else values.get("contentStatus", "current")
    if count_dropped(export.tally, _PAGES[page.kind], status):
        return
    if not values.get("title"):
        export.tally.count_dropped("page without a title")
        return
    space.pages[page.id] = page


def _space_key(space: _Space, page: HibernateObject) -> str:
    reference = page.references.get("space", "")
    return space.keys.get(reference) or (
        next(iter(space.keys.values())) if len(space.keys) == 1 else reference or "unknown"
    )


def _raw_page(space: _Space, page: HibernateObject, body: str, labels: list[str]) -> RawPage:
    key = (
        page.references.get("creator")
        or page.references.get("lastModifier")
        or page.properties.get("creatorName", "")
    )
    email, name = space.people.get(key, (None, None))
    return RawPage(
        page_id=page.id,
        title=page.properties["title"],
        body=body,
        space_key=_space_key(space, page),
        author=find_address(email, name, key),
        author_name=name,
        updated=parse_iso(page.properties.get("lastModificationDate", "")),
        created=parse_iso(page.properties.get("creationDate", "")),
        parent_id=page.references.get("parent"),
        labels=labels,
    )
