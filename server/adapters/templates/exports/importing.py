"""Import: from a vendor's export to a template, as a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from domain.errors import ExportInvalidError, InvalidArgumentError
from domain.model import quote_foreign
from server.adapters.templates.exports.names import clean_names
from server.adapters.templates.exports.report import ImportReport
from server.adapters.templates.exports.sources.recognition import require_kind
from server.adapters.templates.exports.sources.tree import open_tree
from server.adapters.templates.exports.vendors import PASSES, VENDORS
from server.adapters.templates.exports.vendors.absent import complete_record
from server.adapters.templates.exports.vendors.export import Export
from server.adapters.templates.exports.writer import open_template_draft

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from server.adapters.templates.exports.instants import DateOrder
    from server.adapters.templates.exports.report import ImportTally
    from server.adapters.templates.exports.sources.tree import SourceTree
    from server.adapters.templates.exports.writer import ImportTarget

    ImportProgress: TypeAlias = Callable[[int, int, int], None]
    """Called with the bytes that were read, those that will be read in all, and the records that were written."""

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What the caller says about an export, as in `Export`."""

    dates: DateOrder | None = None
    private: bool = False
    hosts: frozenset[str] = frozenset()


def import_export(
    kind: str, source: Path, target: ImportTarget, options: ImportOptions, progress: ImportProgress
) -> ImportReport:
    """Make a template of an export; it blocks. Nothing is written unless the whole export was read.

    `progress` may raise, which ends the import and leaves nothing behind.

    Raises:
        InvalidArgumentError: there is no such kind, or the target exists and is not to be replaced.
        ExportInvalidError: the export is of another kind, damaged, or holds no record.
        ImportFailedError: the template could not be written.
    """
    if kind not in VENDORS:
        raise InvalidArgumentError(
            f"There is no kind of export {quote_foreign(kind)}.", field="kind", candidates=tuple(VENDORS)
        )
    vendor, meter = VENDORS[kind], _Meter(progress)
    with open_tree(source, meter.count_read) as tree:
        require_kind(tree, kind)
        meter.total = PASSES * tree.size
        export = Export(tree=tree, dates=options.dates, private=options.private, hosts=options.hosts)
        with open_template_draft(target, vendor.dataset_type) as draft:
            for record in vendor.read(export):
                clean_names(vendor.dataset_type, record, export.tally)
                draft.write_record(complete_record(vendor.dataset_type, record))
                meter.records = draft.records
            export.tally.taken = draft.records
            if not draft.records:
                raise _empty_error(tree, export.tally)
            files, unused = draft.publish(kind)
    return ImportReport(
        kind=kind,
        template_id=target.template_id(vendor.dataset_type),
        files=files,
        taken=draft.records,
        dropped=dict(export.tally.dropped.most_common()),
        unread=dict(export.tally.unread.most_common()),
        notes={name: count for name, count in export.tally.notes.most_common() if count},
        unused=unused,
    )


class _Meter:
    """Meter of an import: how much was read and written."""

    def __init__(self, progress: ImportProgress) -> None:
        self._progress = progress
        self.total = 0
        self.records = 0
        self._read = 0

    def count_read(self, count: int) -> None:
        self._read += count
        self._progress(self._read, max(self.total, self._read), self.records)


def _empty_error(tree: SourceTree, tally: ImportTally) -> ExportInvalidError:
    dropped = "; ".join(f"{reason}: {count}" for reason, count in tally.dropped.most_common(_SHOWN))
    return ExportInvalidError(
        f"{tree.shown} holds no record that can be taken{f' ({dropped})' if dropped else ''}.",
        suggested_action="Check what was exported, and import again: nothing was written.",
    )
