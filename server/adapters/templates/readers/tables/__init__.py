"""Tables: records from CSV as spreadsheets and other programs write it."""

from __future__ import annotations

from server.adapters.templates.readers.tables.records import TABLE_SUFFIXES, TableReader

__all__ = ["TABLE_SUFFIXES", "TableReader"]
