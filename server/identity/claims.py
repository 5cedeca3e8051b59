"""What a token says of its bearer, once its signature has been verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from domain.callers import Caller
from domain.identifiers import IDENTIFIER

if TYPE_CHECKING:
    from collections.abc import Mapping


_LOCAL: Final = ("person:", "agent:", "schedule:")
"""How the accounts of this machine and its schedules are named; no issuer may speak for them."""


class MalformedClaimError(Exception):
    """A claim has a form that it cannot have. Nothing of it is guessed: the token is refused."""


def caller_of(claims: Mapping[str, Any]) -> Caller:
    """The caller that the claims describe.

    A claim that is missing gives nothing: no scope, no client. `act` in any form makes the bearer an agent (RFC 8693,
    section 4.1); `scope` is RFC 8693's string, `scp` a list or string as some issuers write it. Raises
    MalformedClaimError.
    """
    act = claims.get("act", {"sub": None})
    if not isinstance(act, dict) or ("act" in claims and not _name(act.get("sub"))):
        raise MalformedClaimError("act")
    if not _name(claims.get("sub")) or claims["sub"].startswith(_LOCAL):
        raise MalformedClaimError("sub")
    journey_id = claims.get("journey_id")
    if "journey_id" in claims and not _identifier(journey_id):
        raise MalformedClaimError("journey_id")
    return Caller(
        subject=claims["sub"],
        clients=_clients(claims.get("clients", [])),
        scopes=frozenset(scopes_of(claims)),
        act=act.get("sub"),
        journey_id=journey_id,
    )


def scopes_of(claims: Mapping[str, Any]) -> list[str]:
    """The scopes, in their order. Raises MalformedClaimError."""
    name = "scope" if "scope" in claims else "scp"
    found = claims.get(name, "")
    if isinstance(found, str):
        return found.split()
    if name == "scp" and isinstance(found, list) and all(isinstance(each, str) for each in found):
        return list(found)
    raise MalformedClaimError(name)


def _clients(found: object) -> frozenset[str]:
    if not isinstance(found, list) or not all(_identifier(each) for each in found):
        raise MalformedClaimError("clients")
    return frozenset(found)


def _name(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and bool(value.strip())


def _identifier(value: object) -> bool:
    return isinstance(value, str) and IDENTIFIER.fullmatch(value) is not None
