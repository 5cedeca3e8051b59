"""Clock and identifiers: the system time, and random tokens."""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime
from typing import Final

import anyio

_LETTERS: Final = string.digits + string.ascii_lowercase
_LENGTH: Final = 6


class SystemClock:
    """The clock of this machine, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class RandomIds:
    """Random tokens of six letters and digits. The store refuses an id that exists, so a repetition does no harm."""

    def token(self) -> str:
        return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
