"""Reading of single records: placeholders, spellings and values, with every fault counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.content.documents import (
    DECODE_ERRORS,
    PLACEHOLDER_NOTATION,
    Fault,
    InvalidRecordError,
    RecordBatch,
    count_exact_placeholders,
    decide_date_orders,
    encode_document,
    find_placeholders,
    has_placeholder,
    parse_members,
    repair_record,
)
from domain.content.population.names import RecordNames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from domain.content.checks import QualityChecker
    from domain.content.documents import ClientSite, DateOrders, Document, RecordKind, RepairedRecord
    from domain.model import DatasetType


class RecordReader:
    """Reader of the records of one pass.

    Args:
        kind: the kind of the records.
        site: the client's own site of that kind.
        sites: the base address of the client's copy of each type, which replaces its placeholder.
        checker: counts the faults.
        find_misfit: finds what does not fit the template's own schema; None when it has none.
        read_again: reads all records once more, to decide the order of dates; None when the stream cannot.
    """

    def __init__(
        self,
        kind: RecordKind,
        site: ClientSite,
        *,
        sites: Mapping[DatasetType, str],
        checker: QualityChecker,
        find_misfit: Callable[[bytes], Fault | None] | None = None,
        read_again: Callable[[], Iterator[Sequence[bytes]]] | None = None,
    ) -> None:
        self.names = RecordNames(kind)
        self._kind = kind
        self._site = site
        self._places = [
            (b"{{site:%b}}" % each.value.encode(), encode_document(address.rstrip("/"))[1:-1])
            for each, address in sites.items()
        ]
        self._checker = checker
        self._find_misfit = find_misfit
        self._read_again = read_again
        self._orders: DateOrders | None = None

    def decode_plain(self, batch: Sequence[bytes], at_most: int | None = None) -> list[Any] | None:
        """All records of a batch in one call; None when one of them must be looked at by itself.

        Its placeholders are counted, so they are looked at one by one where it may have more records than `at_most`.
        """
        if not isinstance(batch, RecordBatch) or self._find_misfit is not None:
            return None
        if batch.names:
            self.names.plan(batch.names)
        records = self._decode_batch(batch)
        if records is not None:
            return records
        resolved = batch.resolve_placeholders(self._replace_placeholders, at_most)
        if resolved is None:
            return None
        records = self._decode_batch(resolved[0])
        if records is not None:
            self._checker.count_placeholders(0, resolved[1], ())
        return records

    def _decode_batch(self, batch: RecordBatch) -> list[Any] | None:
        records = batch.decode_records(self._kind)
        if records is None:
            names = batch.read_names()
            # Names that nothing reads do not keep a batch from being decoded in one call.
            if names and all(self.names.plan(each).is_exact for each in names):
                records = batch.decode_records(self._kind.loose)
        return None if records is None or not self._kind.are_plain(records) else records

    def read_document(self, line: bytes, position: int) -> Document:
        """The document of one record, whose faults are counted. Raises InvalidRecordError when there is none."""
        if has_placeholder(line):
            line = self._resolve_placeholders(line, position)
        repaired: RepairedRecord | None = None
        try:
            record = self._kind.decode(line)
        except DECODE_ERRORS:
            record = None
        if record is None or not self._kind.is_plain(record):
            repaired = self._repair(line)
            record = repaired.record
        document = self._kind.document(record, self._site)
        if repaired and repaired.faults:
            self._checker.count_repaired_record(repaired, position, document.id)
            if any(each.check == "schema_conformity" for each in repaired.faults):
                return document
        misfit = self._find_misfit(line) if self._find_misfit else None
        if misfit is not None:
            self._checker.count_misfit(position, document.id, misfit)
        return document

    def read_id(self, line: bytes) -> str | None:
        """The id of the document of a record that is not made; None when it has none."""
        try:
            return self._kind.document(self._kind.decode(line), self._site).id
        except DECODE_ERRORS:
            pass
        try:
            return self._kind.document(self._repair(line).record, self._site).id
        except InvalidRecordError:
            return None

    def _repair(self, line: bytes) -> RepairedRecord:
        members = parse_members(line)
        plan = self.names.plan(tuple(members))
        repaired = repair_record(self._kind, members, plan, self._orders)
        if repaired.ambiguous:
            again = self._read_again() if self._read_again else ()
            self._orders = decide_date_orders(self._kind, again, self.names.plan)
            repaired = repair_record(self._kind, members, plan, self._orders)
        return repaired

    def _resolve_placeholders(self, line: bytes, position: int) -> bytes:
        resolved = self._replace_placeholders(line)
        exact = count_exact_placeholders(line)
        if exact is not None and not has_placeholder(resolved):
            self._checker.count_placeholders(position, exact, ())
            return resolved
        found = list(find_placeholders(line))
        lost = [each.text.decode(errors="replace") for each in found if not each.valid]
        self._checker.count_placeholders(
            position,
            len(found) - len(lost),
            [
                Fault("referential_integrity", "placeholder", "leads to no site", each, PLACEHOLDER_NOTATION)
                for each in lost
            ],
        )
        return resolved

    def _replace_placeholders(self, line: bytes) -> bytes:
        for placeholder, address in self._places:
            line = line.replace(placeholder, address)
        return line
