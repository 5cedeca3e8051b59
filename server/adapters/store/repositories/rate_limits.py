"""Repository of rate limits: the recent uses by principals."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from server.adapters.store.codec import to_micros
from server.adapters.store.repository import Repository

if TYPE_CHECKING:
    from domain.model import ClockReading

_MICROSECOND: Final = timedelta(microseconds=1)

# In microseconds. The uptime of another boot tells nothing, and a machine without one has no boot.
_AGE: Final = "case when boot = :boot and boot <> '' then :uptime - uptime else :at - at end"


class RateLimitRepository(Repository):
    """Implements `ports.RateLimitRepository`."""

    def add(self, kind: str, principal: str, reading: ClockReading) -> int:
        row = self._execute(
            "insert into dated_uses (kind, principal, at, boot, uptime) "
            "values (:kind, :principal, :at, :boot, :uptime) returning number",
            {"kind": kind, "principal": principal, **_columns(reading)},
        )
        ((number,),) = row.fetchall()
        return int(number)

    def nth_latest_age(
        self, kind: str, principal: str, reading: ClockReading, window: timedelta, n: int
    ) -> timedelta | None:
        if self._count_within(kind, principal, reading, window, n) < n:
            return None
        row = self._fetch_one(
            # The expression is constant; values are bound.
            f"select {_AGE} as age from dated_uses where kind = :kind and principal = :principal and {_AGE} < :window "  # noqa: S608
            "order by age limit 1 offset :before",
            kind=kind,
            principal=principal,
            window=window // _MICROSECOND,
            before=n - 1,
            **_columns(reading),
        )
        return row[0] * _MICROSECOND if row else None

    def _count_within(
        self, kind: str, principal: str, reading: ClockReading, window: timedelta, n: int
    ) -> int:
        """How many uses are younger than the window; `n` stands for as many or more.

        It reads an index alone, where dating each use would read and order all of them.
        """
        values = {
            "kind": kind,
            "principal": principal,
            "window": window // _MICROSECOND,
            "n": n,
            **_columns(reading),
        }
        by_clock = "at > :at - :window"
        of_this_boot = "uptime > :uptime - :window" if reading.uptime else by_clock
        young = " union all ".join(
            # The conditions are constant; values are bound.
            "select * from (select 1 from dated_uses "  # noqa: S608
            f"where kind = :kind and principal = :principal and {each} limit :n) as young"
            for each in (
                f"boot = :boot and {of_this_boot}",
                f"boot < :boot and {by_clock}",
                f"boot > :boot and {by_clock}",
            )
        )
        return self._fetch_count(f"select count(*) from ({young}) as uses", **values)  # noqa: S608

    def delete(self, number: int) -> None:
        self._execute("delete from dated_uses where number = :number", {"number": number})

    def delete_outside(
        self, kind: str, reading: ClockReading, *, oldest: timedelta, ahead: timedelta
    ) -> None:
        values = {
            "kind": kind,
            "oldest": oldest // _MICROSECOND,
            "latest": -ahead // _MICROSECOND,
            "until": to_micros(reading.at - oldest),
            "after": to_micros(reading.at + ahead),
            **_columns(reading),
        }
        # Two statements, because each can use the index of `at`, which one with `or` cannot. A use that only the uptime
        # finds too old stays until the clock does, too, and does not count meanwhile.
        for outside in ("at <= :until", "at > :after"):
            self._execute(
                # The expressions are constant; values are bound.
                f"delete from dated_uses where kind = :kind and {outside} and ({_AGE} >= :oldest or {_AGE} < :latest)",  # noqa: S608
                values,
            )


def _columns(reading: ClockReading) -> dict[str, int | str]:
    uptime = reading.uptime
    return {
        "at": to_micros(reading.at),
        "boot": uptime.boot if uptime else "",
        "uptime": round(uptime.seconds * 1_000_000) if uptime else 0,
    }
