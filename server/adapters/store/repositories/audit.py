"""Repository of the audit log and its hash chain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from domain.ports import ChainLink, SealedEntry, StoredEntry, UnsealedTail
from server.adapters.store.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.ports import AuditQuery
    from server.adapters.store.repository import Cursor

_PAGE_BYTES: Final = 4 << 20
# Sequence numbers are in the order of commits, because changes run one at a time: so every unsealed entry comes after
# the last sealed one.
_SEALED: Final = "(select coalesce(max(seq), 0) from audit_chain)"
_LINKLESS: Final = "not exists (select 1 from audit_chain where audit_chain.seq = audit.seq)"


class AuditRepository(Repository):
    """Implements `ports.AuditRepository`."""

    def append(self, *documents: str) -> None:
        self._append_rows("audit", ("document",), [{"document": each} for each in documents])

    def has_call(self, audit_id: str) -> bool:
        return self._fetch_one("select 1 from audit where audit_id = :id limit 1", id=audit_id) is not None

    def add_actors(self, *subjects: str) -> None:
        self._execute_many(
            "insert into actors (subject) values (:subject) on conflict (subject) do nothing",
            [{"subject": each} for each in subjects],
        )

    def is_actor(self, subject: str) -> bool:
        return self._fetch_one("select 1 from actors where subject = :subject", subject=subject) is not None

    def find(self, query: AuditQuery) -> list[StoredEntry]:
        conditions = {
            "audit.seq < :before": query.before,
            "dataset_id = :dataset_id": query.dataset_id,
            "client_id = :client_id": query.client_id,
            "principal = :principal": query.principal,
            "document ->> '$.decision' = :decision": query.decision,
            "client_id in (select value from json_each(:clients))": query.clients,
        }
        where = " and ".join(["true", *(each for each, value in conditions.items() if value is not None)])
        rows = self._execute(
            # What is put into the statement is constant; values are bound.
            f"""
            select audit.seq, audit_chain.position, cast(audit.document as blob)
            from audit left join audit_chain on audit_chain.seq = audit.seq
            where {where}
            order by audit.seq desc limit :limit
            """,  # noqa: S608
            {
                "before": query.before,
                "dataset_id": query.dataset_id,
                "client_id": query.client_id,
                "principal": query.principal,
                "decision": query.decision,
                "clients": json.dumps(sorted(query.clients or ())),
                "limit": query.limit,
            },
        )
        return [StoredEntry(*row) for row in _take_page(rows)]

    def lock_chain(self) -> None:
        """Do nothing: write transactions run one at a time."""

    def list_unsealed(self, limit: int) -> list[tuple[int, bytes]]:
        rows = self._execute(
            # What is put into the statement is constant; values are bound.
            f"select seq, cast(document as blob) from audit where seq > {_SEALED} order by seq limit :limit",  # noqa: S608
            {"limit": limit},
        )
        return [(seq, document) for seq, document in _take_page(rows)]

    def append_links(self, links: Sequence[ChainLink]) -> None:
        for each in links:
            self._execute(
                "insert into audit_chain (position, seq, hash) values (:position, :seq, :hash)",
                {"position": each.position, "seq": each.seq, "hash": each.hash},
            )

    def chain_head(self) -> ChainLink | None:
        row = self._fetch_one("select position, seq, hash from audit_chain order by position desc limit 1")
        return ChainLink(*row) if row else None

    def list_sealed(self, *, after: int, limit: int) -> list[SealedEntry]:
        rows = self._execute(
            """
            select position, audit_chain.seq, hash, cast(document as blob)
            from audit_chain left join audit on audit.seq = audit_chain.seq
            where position > :after order by position limit :limit
            """,
            {"after": after, "limit": limit},
        )
        return [SealedEntry(*row) for row in _take_page(rows)]

    def unsealed_tail(self) -> UnsealedTail:
        # What is put into the statement is constant; values are bound.
        count = self._fetch_count(f"select count(*) from audit where seq > {_SEALED}")  # noqa: S608
        oldest = self.list_unsealed(1)
        return UnsealedTail(count=count, oldest=oldest[0][1] if oldest else None)

    def first_passed_over(self) -> int | None:
        # What is put into the statement is constant; values are bound.
        row = self._fetch_one(f"select min(seq) from audit where seq < {_SEALED} and {_LINKLESS}")  # noqa: S608
        return row[0] if row else None


def _take_page(rows: Cursor) -> Iterator[tuple[Any, ...]]:
    """The rows of one page, at least one; their last column is a document, and the page ends at `_PAGE_BYTES`."""
    size = 0
    for row in rows:
        yield row
        size += len(row[-1] or "")
        if size > _PAGE_BYTES:
            return
