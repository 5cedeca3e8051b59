"""Repository of rate limits: the recent uses by principals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.adapters.store.codec import from_micros, to_micros
from server.adapters.store.repository import Repository

if TYPE_CHECKING:
    from datetime import datetime


class RateLimitRepository(Repository):
    """Implements `ports.RateLimitRepository`."""

    def add(self, kind: str, principal: str, at: datetime) -> int:
        row = self._execute(
            "insert into uses (kind, principal, at) values (:kind, :principal, :at) returning number",
            {"kind": kind, "principal": principal, "at": to_micros(at)},
        )
        ((number,),) = row.fetchall()
        return int(number)

    def nth_latest(self, kind: str, principal: str, after: datetime, n: int) -> datetime | None:
        row = self._fetch_one(
            "select at from uses where kind = :kind and principal = :principal and at > :after "
            "order by at desc limit 1 offset :before",
            kind=kind,
            principal=principal,
            after=to_micros(after),
            before=n - 1,
        )
        return from_micros(row[0]) if row else None

    def delete(self, number: int) -> None:
        self._execute("delete from uses where number = :number", {"number": number})

    def delete_outside(self, kind: str, *, until: datetime, after: datetime) -> None:
        values = {"kind": kind, "until": to_micros(until), "after": to_micros(after)}
        # Two statements, because each can use the index, which one with `or` cannot.
        self._execute("delete from uses where kind = :kind and at <= :until", values)
        self._execute("delete from uses where kind = :kind and at > :after", values)
