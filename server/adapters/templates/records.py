"""Records of one template, as a stream."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from domain.content import DECODE_ERRORS, RECORD_KINDS, JsonArrayBatch, JsonLinesBatch
from domain.errors import Recovery, TemplateInvalidError
from domain.model import decode_json, quote_foreign
from server.adapters.templates.formats import (
    detect_layout,
    is_table,
    parse_template_head,
    unknown_format_error,
)
from server.adapters.templates.readers import vendors
from server.adapters.templates.readers.arrays import read_array_records
from server.adapters.templates.readers.lines import read_line_records, read_object_sequence
from server.adapters.templates.readers.objects import read_object_records
from server.adapters.templates.readers.spill import DiskSpill
from server.adapters.templates.readers.tables import TableReader
from server.adapters.templates.readers.window import Window
from server.adapters.templates.repositories import resolve_sibling
from server.adapters.templates.schemas import build_misfit_finder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from domain.content import RecordKind
    from domain.model import Template
    from server.adapters.templates.formats import Layout
    from server.adapters.templates.repositories import Repository

_NULL: Final = b"null"


class TemplateRecords:
    """The record stream of a template: from its own file, or from the file that it names. Iterate it once."""

    def __init__(self, repository: Repository, template: Template, stack: ExitStack) -> None:
        self._repository = repository
        self._template = template
        self._kind = RECORD_KINDS[template.dataset_type]
        self._stack = stack
        self.file = template.source
        self.warnings: list[str] = []
        self.spill = DiskSpill()
        stack.callback(self.spill.close)
        self.find_misfit = build_misfit_finder(template)
        self._opened = stack.enter_context(repository.open(template.source)).content

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        if is_table(self._opened, self.file):
            yield from self._read_table(self._opened)
            return
        window = Window(self._opened, self.file)
        layout = detect_layout(window, self._kind)
        if layout.format != "object":
            yield from self._read_plain_records(window, layout)
            return
        members: dict[str, Any] = {}
        yield from self._check_records(read_object_records(window, members, self._kind, layout.member))
        head = parse_template_head(self.file, members, layout.member)
        self.warnings += head.warnings
        if head.inline:
            return
        if head.file is None:
            raise TemplateInvalidError(
                f"{quote_foreign(self.file)} generates its records.",
                file=quote_foreign(self.file),
                record_field="source.generator",
                recovery=Recovery.CHOOSE_OTHER,
                suggested_action="Ask for the data source generated, or choose a template that contains its records.",
            )
        name = resolve_sibling(self.file, head.file)
        file = self._stack.enter_context(self._repository.open(name))
        self.warnings += file.warnings
        yield from self._read_referenced_file(file.content, name)

    def read_again(self) -> Iterator[Sequence[bytes]]:
        """The same records once more, from the first."""
        with ExitStack() as stack:
            yield from TemplateRecords(self._repository, self._template, stack)

    def _read_referenced_file(self, file: BinaryIO, name: str) -> Iterator[Sequence[bytes]]:
        self.file = name
        if is_table(file, name):
            yield from self._read_table(file)
            return
        window = Window(file, name)
        layout = detect_layout(window, self._kind)
        if layout.format == "object":
            raise unknown_format_error(name, "a template within a template")
        yield from self._read_plain_records(window, layout)

    def _read_table(self, file: BinaryIO) -> Iterator[Sequence[bytes]]:
        table = TableReader(file, self.file, self._kind)
        yield from table
        self.warnings += table.warnings

    def _read_plain_records(self, window: Window, layout: Layout) -> Iterator[Sequence[bytes]]:
        if layout.format == "jsonl":
            yield from self._check_records(read_line_records(window))
        elif layout.format == "json-objects":
            yield from self._check_records(read_object_sequence(window))
        else:
            yield from self._check_records(_read_arrays(window, self._kind))

    def _check_records(self, batches: Iterator[Sequence[bytes]]) -> Iterator[Sequence[bytes]]:
        """The batches without elements that are null, once their first record is in no vendor's notation."""
        nulls, is_first = 0, True
        for batch in batches:
            if self._may_have_null(batch):
                kept = [each for each in batch if each.strip() != _NULL]
                if not kept:
                    nulls += len(batch)
                    continue
                if len(kept) < len(batch):
                    nulls += len(batch) - len(kept)
                    batch = kept  # noqa: PLW2901
            if is_first:
                _require_no_vendor(batch[0], self._kind, self.file)
                is_first = False
            yield batch
            del batch  # not held while the next is read
        if nulls:
            self.warnings.append(f"{nulls} records are null and were skipped; positions count the others.")

    def _may_have_null(self, batch: Sequence[bytes]) -> bool:
        """Whether an element may be null: one that fits the kind is not, nor is a line that begins with a brace."""
        if isinstance(batch, JsonLinesBatch):
            return not batch.object_lines
        return not (isinstance(batch, JsonArrayBatch) and batch.fits)


def _require_no_vendor(record: bytes, kind: RecordKind, name: str) -> None:
    """Require that the first record is in no vendor's notation, unless all that is required can be read in it."""
    try:
        found = decode_json(record, dict[str, Any])
    except DECODE_ERRORS:
        return  # the population says what is wrong with it
    vendor = vendors.recognize_record(found)
    if vendor is None:
        return
    read = kind.plan_names([name for name, value in found.items() if not isinstance(value, dict)]).sources
    if not all(each.name in read for each in kind.fields if each.required):
        raise vendors.vendor_notation_error(name, vendor)


def _read_arrays(window: Window, kind: RecordKind) -> Iterator[Sequence[bytes]]:
    """Batches of the elements of arrays that follow one another, as the pages of a service's answers do."""
    while window.peek() == b"[":
        window.advance(1)
        yield from read_array_records(window, kind)
    if window.peek():
        raise window.invalid_template_error("continues after the end of its array")
