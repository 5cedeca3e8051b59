"""Tokens as a person makes them at Glean's console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.sandbox.state.state import store_setting
from server.sandbox.state.tokens import TOKENS_SETTING, Token, load_tokens, store_token, token_digest

if TYPE_CHECKING:
    from datetime import datetime

    from server.sandbox.state.state import SandboxState
    from server.sandbox.state.tokens import TokenKind


class TokenRegistry:
    """The tokens of a sandbox; shared by every process on its file."""

    def __init__(self, world: SandboxState) -> None:
        self._world = world

    def add(
        self,
        secret: str,
        kind: TokenKind = "indexing",
        *,
        datasources: tuple[str, ...] | None = None,
        networks: tuple[str, ...] = (),
        expires_at: datetime | None = None,
        rotation_minutes: int | None = None,
        person: str | None = None,
    ) -> None:
        """Make a token of that secret, or change the one that has it.

        One with `rotation_minutes` ends when it was not rotated for so long.
        """
        token = Token(
            kind=kind,
            datasources=datasources,
            networks=networks,
            expires_at=None if expires_at is None else expires_at.timestamp(),
            rotation_minutes=rotation_minutes,
            secret_until=None if rotation_minutes is None else self._world.now() + rotation_minutes * 60,
            person=person,
        )
        with self._world.database.write() as connection:
            store_token(connection, secret, token)

    def revoke(self, secret: str) -> None:
        """Let a token that was added open nothing any more."""
        with self._world.database.write() as connection:
            kept = {key: each for key, each in load_tokens(connection).items() if key != token_digest(secret)}
            store_setting(connection, TOKENS_SETTING, kept)
