"""Where a person's confirmation comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.model import Confirmation
    from domain.ports import Question


class Nobody:
    """No person can be asked here, so whatever needs one is refused."""

    async def ask(self, question: Question) -> Confirmation | None:  # noqa: ARG002 - the port's signature
        return None
