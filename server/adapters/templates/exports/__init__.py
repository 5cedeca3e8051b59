"""Exports of vendors, from which an operator's command makes templates; it needs no store and no saga."""

from __future__ import annotations

from server.adapters.templates.exports.importing import ImportOptions, import_export
from server.adapters.templates.exports.instants import DateOrder
from server.adapters.templates.exports.report import ImportReport
from server.adapters.templates.exports.writer import ImportTarget, parse_target

__all__ = ["DateOrder", "ImportOptions", "ImportReport", "ImportTarget", "import_export", "parse_target"]
