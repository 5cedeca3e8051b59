"""Records of one template, as a stream."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from domain.content import RECORD_KINDS
from domain.errors import Recovery, TemplateInvalidError
from domain.model import quote_foreign
from server.adapters.templates.formats import detect_format, parse_template_head, unknown_format_error
from server.adapters.templates.readers.arrays import read_array_records
from server.adapters.templates.readers.lines import read_line_records
from server.adapters.templates.readers.objects import read_object_records
from server.adapters.templates.readers.repository_file import open_repository_file, resolve_sibling
from server.adapters.templates.readers.spill import DiskSpill
from server.adapters.templates.readers.tables import read_table_records
from server.adapters.templates.readers.window import Window
from server.adapters.templates.schemas import build_misfit_finder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from domain.content import RecordKind
    from domain.model import Template


class FolderRecords:
    """The record stream of a template: from its own file, or from the file that it names. Iterate it once."""

    def __init__(self, repository: Path, template: Template, stack: ExitStack) -> None:
        self._repository = repository
        self._template = template
        self._kind = RECORD_KINDS[template.dataset_type]
        self._stack = stack
        self.file = template.source
        self.warnings: Sequence[str] = ()
        self.spill = DiskSpill()
        stack.callback(self.spill.close)
        self.find_misfit = build_misfit_finder(template)
        self._opened = stack.enter_context(open_repository_file(repository, template.source))

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        if self.file.endswith(".csv"):
            yield from read_table_records(self._opened, self.file, self._kind)
            return
        window = Window(self._opened, self.file)
        if detect_format(window) != "object":
            yield from _read_plain_records(window, self._kind)
            return
        members: dict[str, Any] = {}
        yield from read_object_records(window, members, self._kind)
        head = parse_template_head(self.file, members)
        self.warnings = head.warnings
        if head.inline:
            return
        if head.file is None:
            raise TemplateInvalidError(
                f"{quote_foreign(self.file)} generates its records, which is not supported.",
                file=quote_foreign(self.file),
                record_field="source.generator",
                recovery=Recovery.CHOOSE_OTHER,
                suggested_action="Choose a template that contains its records.",
            )
        name = resolve_sibling(self.file, head.file)
        yield from self._read_referenced_file(
            self._stack.enter_context(open_repository_file(self._repository, name)), name
        )

    def read_again(self) -> Iterator[Sequence[bytes]]:
        """The same records once more, from the first."""
        with ExitStack() as stack:
            yield from FolderRecords(self._repository, self._template, stack)

    def _read_referenced_file(self, file: BinaryIO, name: str) -> Iterator[Sequence[bytes]]:
        self.file = name
        if name.endswith(".csv"):
            yield from read_table_records(file, name, self._kind)
            return
        window = Window(file, name)
        if detect_format(window) == "object":
            raise unknown_format_error(name, "a template within a template")
        yield from _read_plain_records(window, self._kind)


def _read_plain_records(window: Window, kind: RecordKind) -> Iterator[Sequence[bytes]]:
    if window.peek() != b"[":
        yield from read_line_records(window)
        return
    window.advance(1)
    yield from read_array_records(window, kind)
    if window.peek():
        raise window.invalid_template_error("continues after the end of its array")
