"""Hibernate's XML, in which Confluence exports a space: a flat list of objects, read one by one in bounded memory.

A document type is refused, so no entity is ever declared or expanded, and nothing is fetched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from domain.errors import ExportInvalidError
from domain.model import quote_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.adapters.templates.exports.sources.tree import SourceTree

_CHUNK: Final = 1 << 18
_TEXT_LIMIT: Final = 64 << 20
_WHOLE: Final = "Export the space again, whole, and import it again: nothing was written."
_MEMBER: Final = 2
"""How deep the members of an object are: below the root and the object."""
_ROOT: Final = "hibernate-generic"
_CONTROLS: Final = bytes(each for each in range(32) if each not in b"\t\n\r")
"""Characters that XML forbids, and that Confluence writes all the same where a page has them."""


@dataclass(slots=True)
class HibernateObject:
    """One object: its class, its id, its properties that are texts, and the ids of the objects that it refers to."""

    kind: str
    id: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)


def read_hibernate_objects(tree: SourceTree, name: str) -> Iterator[HibernateObject]:
    """The objects of a file, in its order.

    Raises ExportInvalidError for a file that is not such XML, ends early, or declares a document type.
    """
    builder = _Builder(name)
    with tree.open(name) as file:
        while chunk := file.read(_CHUNK):
            builder.feed(chunk.translate(None, _CONTROLS))
            yield from builder.take()
        builder.end()
        yield from builder.take()


class _Builder:
    """Builds the objects from the events of the parser."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._done: list[HibernateObject] = []
        self._object: HibernateObject | None = None
        self._path: list[tuple[str, str]] = []
        self._text: list[str] | None = None
        self._size = 0
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add_text
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser = parser

    def feed(self, data: bytes) -> None:
        """Parse the next bytes."""
        self._parse(data, final=False)

    def end(self) -> None:
        """Parse the end of the file."""
        self._parse(b"", final=True)

    def take(self) -> list[HibernateObject]:
        """The objects that are whole, each once."""
        done, self._done = self._done, []
        return done

    def _parse(self, data: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as error:
            if final:
                raise self._error("ends in the middle of its XML: the export was cut off", _WHOLE) from None
            raise self._error(f"is not XML in line {error.lineno}: {expat.ErrorString(error.code)}") from None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        depth = len(self._path)
        if not depth and tag != _ROOT:
            raise self._error(f"is no space export: it begins with <{tag[:40]}>, and <{_ROOT}> is expected")
        self._path.append((tag, attributes.get("name", "")))
        if depth == 1 and tag == "object":
            self._object = HibernateObject(attributes.get("class", ""))
        self._text, self._size = [], 0

    def _end(self, _tag: str) -> None:
        text = "".join(self._text or ())
        inner = self._path[_MEMBER:]
        self._text = None
        self._path.pop()
        found = self._object
        if found is None:
            return
        match inner:
            case []:
                self._done.append(found)
                self._object = None
            case [("id", _)]:
                found.id = text.strip()
            case [("property", name)] if text:
                # Confluence writes the end of a CDATA section inside a text with a space in it.
                found.properties[name] = text.replace("]] >", "]]>")
            case [("property", name), ("id", _)]:
                found.references[name] = text.strip()

    def _add_text(self, text: str) -> None:
        if self._text is not None:
            self._size += len(text)
            if self._size > _TEXT_LIMIT:
                raise self._error(f"has a text of more than {_TEXT_LIMIT >> 20} MiB")
            self._text.append(text)

    def _refuse_doctype(self, *_: object) -> None:
        raise self._error("declares a document type, which no space export has")

    def _error(self, problem: str, action: str | None = None) -> ExportInvalidError:
        shown = quote_foreign(self._name)
        return ExportInvalidError(f"{shown} {problem}.", file=shown, suggested_action=action)
