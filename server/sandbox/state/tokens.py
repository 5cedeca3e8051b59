"""Tokens: the sandbox's own, which opens every API, and those made as at Glean's console.

An indexing token may be bound to datasources or to addresses, may expire, and may have to be rotated
(https://developers.glean.com/api-info/indexing/authentication/overview). A client token opens the Search API only. Of
every secret only the digest is stored.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from domain.model import convert_plain
from server.sandbox.state.refusals import RefusedError
from server.sandbox.state.state import load_setting, store_setting

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

Api: TypeAlias = Literal["admin", "indexing", "search"]
TokenKind: TypeAlias = Literal["indexing", "client"]
ROTATION_GRACE_S: Final = 600.0
"""Seconds for which the old secret is still accepted after a rotation."""
TOKENS_SETTING: Final = "tokens"
_API_OF_KIND: Final = {"indexing": "indexing", "client": "search"}


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """Token with one of its secrets.

    Without `datasources` it is global; without `networks` (CIDR) it is accepted from every address. A client token
    belongs to one `person`; without a person it may act as anyone whom a request names. `expires_at` is the end of the
    token, which no rotation moves, and `secret_until` that of this secret, both in seconds since 1970.
    """

    kind: TokenKind
    datasources: tuple[str, ...] | None = None
    networks: tuple[str, ...] = ()
    expires_at: float | None = None
    rotation_minutes: int | None = None
    secret_until: float | None = None
    person: str | None = None


def authorize_request(
    connection: sqlite3.Connection,
    presented: str,
    own: str,
    *,
    api: Api,
    address: str,
    now: float,
    datasource: Callable[[], str | None],
) -> None:
    """Check that a token allows a request.

    Args:
        connection: to the sandbox's file.
        presented: the secret that the request carries.
        own: the sandbox's own secret, which opens every API unless a token was made with the same secret.
        api: the API that is called.
        address: the IP address of the client.
        now: seconds since 1970.
        datasource: returns the name of the datasource that the request concerns, or None.

    Raises:
        RefusedError: `unauthenticated` when the secret is unknown, has expired, or is of a token for another API;
            `permission_denied` when the token is bound to other addresses or datasources.
    """
    token = _load_token(connection, presented)
    if token is None:
        # Compared in constant time, so that the time of an answer does not reveal the secret.
        if not hmac.compare_digest(presented.encode(), own.encode()):
            raise _unauthenticated_error("the token is missing or wrong")
        return
    if min(token.expires_at or now + 1, token.secret_until or now + 1) <= now:
        raise _unauthenticated_error("the token has expired")
    if _API_OF_KIND[token.kind] != api:
        raise _unauthenticated_error(f"a {token.kind} token is not for this API")
    if token.networks and not _is_within(address, token.networks):
        raise RefusedError("permission_denied", "the token is not allowed from this IP address")
    if token.datasources is None:
        return
    name = datasource()
    if name is not None and name.casefold() not in {each.casefold() for each in token.datasources}:
        raise RefusedError("permission_denied", "the token has no permission for this datasource")


def find_token(connection: sqlite3.Connection, presented: str) -> Token | None:
    """Find the token of a secret; None for the sandbox's own."""
    return _load_token(connection, presented)


def rotate_token_secret(connection: sqlite3.Connection, presented: str, now: float) -> tuple[str, int]:
    """Make a new secret for the presented token; return it, and the minutes until the next rotation is due.

    Raises:
        RefusedError: `invalid` when the token was not made to be rotated.
    """
    token = _load_token(connection, presented)
    if token is None or token.rotation_minutes is None:
        raise RefusedError("invalid", "the token was not made to be rotated")
    store_token(connection, presented, _with_secret_expiry(token, now + ROTATION_GRACE_S))
    secret = secrets.token_urlsafe(24)
    store_token(connection, secret, _with_secret_expiry(token, now + token.rotation_minutes * 60))
    return secret, token.rotation_minutes


def _with_secret_expiry(token: Token, instant: float) -> Token:
    return msgspec.structs.replace(token, secret_until=instant)


def _unauthenticated_error(message: str) -> RefusedError:
    return RefusedError("unauthenticated", message, headers={"WWW-Authenticate": "Bearer"})


def _is_within(address: str, networks: tuple[str, ...]) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(each) for each in networks)


def token_digest(secret: str) -> str:
    """SHA-256 of a secret in hexadecimal, the only form that is stored."""
    return sha256(secret.encode()).hexdigest()


def load_tokens(connection: sqlite3.Connection) -> dict[str, object]:
    """Load the tokens that were made, by the digests of their secrets."""
    tokens: dict[str, object] = load_setting(connection, TOKENS_SETTING, {})
    return tokens


def _load_token(connection: sqlite3.Connection, secret: str) -> Token | None:
    found = load_tokens(connection).get(token_digest(secret))
    return None if found is None else convert_plain(found, Token)


def store_token(connection: sqlite3.Connection, secret: str, token: Token) -> None:
    """Store a token under the digest of its secret."""
    store_setting(
        connection,
        TOKENS_SETTING,
        {**load_tokens(connection), token_digest(secret): msgspec.to_builtins(token)},
    )
