"""The records of one template, opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.documents import KINDS
from domain.errors import Recovery, TemplateInvalidError
from server.adapters.templates import arrays, lines, objects, tables
from server.adapters.templates.formats import read_head, recognise, unknown
from server.adapters.templates.opening import beside, opened
from server.adapters.templates.schemas import conformity
from server.adapters.templates.spill import DiskSpill
from server.adapters.templates.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import ExitStack
    from pathlib import Path
    from typing import BinaryIO

    from domain.documents import Kind
    from domain.templates import Template


class FolderRecords:
    """A record stream over a file of the repository, and over the file that its template names. To be iterated once."""

    def __init__(self, repository: Path, template: Template, stack: ExitStack) -> None:
        self._repository = repository
        self._kind = KINDS[template.dataset_type]
        self._stack = stack
        self.file = template.source
        self.warnings: Sequence[str] = ()
        self.spill = DiskSpill()
        stack.callback(self.spill.close)
        self.conforms = conformity(template)
        self._opened = stack.enter_context(opened(repository, template.source))

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        if self.file.endswith(".csv"):
            yield from tables.records(self._opened, self.file, self._kind)
            return
        window = Window(self._opened, self.file)
        if recognise(window) != "object":
            yield from _plain(window, self._kind)
            return
        found: dict[str, Any] = {}
        yield from objects.records(window, found, self._kind)
        head = read_head(self.file, found)
        self.warnings = head.warnings
        if head.inline:
            return
        if head.file is None:
            raise TemplateInvalidError(
                f"{self.file} generates its records, which is not available.",
                file=self.file,
                record_field="source.generator",
                recovery=Recovery.CHOOSE_OTHER,
                suggested_action="Choose a template that holds its records.",
            )
        name = beside(self.file, head.file)
        yield from self._records_of(self._stack.enter_context(opened(self._repository, name)), name)

    def _records_of(self, file: BinaryIO, name: str) -> Iterator[Sequence[bytes]]:
        self.file = name
        if name.endswith(".csv"):
            yield from tables.records(file, name, self._kind)
            return
        window = Window(file, name)
        if recognise(window) == "object":
            raise unknown(name, "a template within a template")
        yield from _plain(window, self._kind)


def _plain(window: Window, kind: Kind) -> Iterator[Sequence[bytes]]:
    if window.peek() != b"[":
        yield from lines.records(window)
        return
    window.use(1)
    yield from arrays.records(window, kind)
    if window.peek():
        raise window.broken("goes on after the end of its array")
