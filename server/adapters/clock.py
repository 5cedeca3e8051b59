"""The machine's clock and its randomness."""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime
from typing import Final

import anyio

_LETTERS: Final = string.digits + string.ascii_lowercase
_LENGTH: Final = 6


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class RandomIds:
    """Tokens that nobody can guess and that do not repeat in practice; the store looks that they do not."""

    def token(self) -> str:
        return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
