"""The principal that the claims of a verified token describe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from domain.model import IDENTIFIER, Principal

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOCAL: Final = ("person:", "agent:", "schedule:")
"""Prefixes of local accounts and schedules; no issuer may name a subject like these."""
_MAX_ACTORS: Final = 16
"""More agents than that do not act for one another; a longer chain is not read to its end but refused."""


class MalformedClaimError(Exception):
    """A claim has an invalid form. The server does not guess its meaning: the token is refused."""


def principal_from_claims(claims: Mapping[str, Any]) -> Principal:
    """The principal that the claims describe.

    A missing claim grants nothing: no scope, no client. `act` in any form makes the bearer an agent, and everybody
    in it is one, however deep (RFC 8693, section 4.1). `scope` is RFC 8693's string; `scp` is a list or string, as some
    issuers write it. Raises MalformedClaimError.
    """
    if not _is_subject(claims.get("sub")):
        raise MalformedClaimError("sub")
    journey_id = claims.get("journey_id")
    if "journey_id" in claims and not _is_identifier(journey_id):
        raise MalformedClaimError("journey_id")
    return Principal(
        subject=claims["sub"],
        clients=_parse_clients(claims.get("clients", [])),
        scopes=frozenset(scopes_from_claims(claims)),
        actors=_parse_actors(claims),
        journey_id=journey_id,
    )


def scopes_from_claims(claims: Mapping[str, Any]) -> list[str]:
    """The scopes in the claims, in their order. Raises MalformedClaimError."""
    name = "scope" if "scope" in claims else "scp"
    found = claims.get(name, "")
    if isinstance(found, str):
        return found.split()
    if name == "scp" and isinstance(found, list) and all(isinstance(each, str) for each in found):
        return list(found)
    raise MalformedClaimError(name)


def _parse_actors(claims: Mapping[str, Any]) -> tuple[str, ...]:
    actors: list[str] = []
    while "act" in claims:
        claims = claims["act"]
        if not isinstance(claims, dict) or not _is_subject(claims.get("sub")) or len(actors) == _MAX_ACTORS:
            raise MalformedClaimError("act")
        actors.append(claims["sub"])
    return tuple(actors)


def _parse_clients(found: object) -> frozenset[str]:
    if not isinstance(found, list) or not all(_is_identifier(each) for each in found):
        raise MalformedClaimError("clients")
    return frozenset(found)


def _is_subject(value: object) -> bool:
    """Whether a caller may be named so. A local account as an agent would also take that person's approvals away."""
    return (
        isinstance(value, str)
        and value.isprintable()
        and bool(value.strip())
        and not value.startswith(_LOCAL)
    )


def _is_identifier(value: object) -> bool:
    return isinstance(value, str) and IDENTIFIER.fullmatch(value) is not None
