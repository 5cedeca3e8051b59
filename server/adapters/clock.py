"""Clock and identifiers: the system time, and random tokens."""

from __future__ import annotations

import secrets
import string
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import anyio

from domain.model import Uptime

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_LETTERS: Final = string.digits + string.ascii_lowercase
_LENGTH: Final = 6


class SystemClock:
    """The clock of this machine, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def uptime(self) -> Uptime | None:
        # Only Linux has this clock, which also counts the time in which the machine was suspended.
        clock_id, boot = getattr(time, "CLOCK_BOOTTIME", None), _read_boot_id(_BOOT_ID)
        if clock_id is None or boot is None:
            return None
        return Uptime(boot=boot, seconds=time.clock_gettime(clock_id))

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


@cache
def _read_boot_id(path: Path) -> str | None:
    """The id of the machine's boot, which no process outlives; None where there is none."""
    try:
        return path.read_text().strip() or None
    except (OSError, ValueError):
        return None


class RandomIds:
    """Random tokens of six letters and digits. The store refuses an id that exists, so a repetition does no harm."""

    def token(self) -> str:
        # One draw for all letters: each draw asks the operating system, and every call has two tokens.
        number = secrets.randbelow(len(_LETTERS) ** _LENGTH)
        letters = []
        for _ in range(_LENGTH):
            number, letter = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[letter])
        return "".join(letters)
