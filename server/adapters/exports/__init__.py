"""Exports of vendors, from which an operator's command makes templates; it needs no store and no saga."""

from __future__ import annotations

from server.adapters.exports.importing import ImportOptions, import_export
from server.adapters.exports.instants import DateOrder
from server.adapters.exports.report import ImportReport
from server.adapters.exports.writer import ImportTarget, parse_target

__all__ = ["DateOrder", "ImportOptions", "ImportReport", "ImportTarget", "import_export", "parse_target"]
