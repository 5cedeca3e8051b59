"""The audit log."""

from __future__ import annotations

from server.adapters.store.rows import Rows


class AuditRows(Rows):
    """The audit part of `domain.records.Records`."""

    def append_entry(self, document: str) -> None:
        self._rows("insert into audit (document) values (:document)", {"document": document})

    def audited(self, audit_id: str) -> bool:
        return self._row("select 1 from audit where audit_id = :id limit 1", id=audit_id) is not None
