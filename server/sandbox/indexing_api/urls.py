"""Claims of datasources on addresses: each claims those that its regular expression matches, and claims may overlap.

Overlapping claims are not refused, although Glean then attributes views in a way that it calls non-deterministic. The
sandbox records them in its ledger (`urlRegex.overlap`): when a configuration may overlap with another one, and, with
the address, when another datasource claims the address of a document too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from server.sandbox.indexing_api.datasources import decode_config
from server.sandbox.state.content.contents import CUSTOM_CONNECTOR
from server.sandbox.state.datasources import load_datasource_page

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.state.state import SandboxState

OVERLAP_OPERATION: Final = "urlRegex.overlap"
_LITERAL: Final = re.compile(r"\\(?P<escaped>[^A-Za-z0-9])|(?P<plain>[^\\.^$*+?{}\[\]|()])")
_ANYWHERE: Final = re.compile(r"(?<!\\)\|")
_REPEATED: Final = frozenset("*?{")


def find_overlapping_claims(
    connection: sqlite3.Connection, datasource: sqlite3.Row
) -> dict[str, re.Pattern[str]]:
    """Find the claims of other datasources that may overlap with this one's, by name.

    Two claims count as apart only when the fixed texts at the beginning of their expressions differ.
    """
    own = _literal_prefix(_url_regex(datasource))
    found = {}
    for other in load_datasource_page(connection, 0, -1):
        if other["row"] != datasource["row"] and other["connector"] == CUSTOM_CONNECTOR:
            claim = _url_regex(other)
            head = _literal_prefix(claim)
            if own.startswith(head) or head.startswith(own):
                found[str(other["name"])] = re.compile(claim)
    return found


def report_config_overlap(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row
) -> None:
    """Record in the ledger the datasources whose claims a configuration may overlap with."""
    others = sorted(find_overlapping_claims(connection, datasource))
    if others:
        world.record_effect(
            connection, OVERLAP_OPERATION, datasource=datasource["name"], detail={"with": others}
        )


def rival_claimants(claims: dict[str, re.Pattern[str]], address: str) -> list[str]:
    """The names of the datasources whose claims match an address, sorted."""
    return sorted(name for name, claim in claims.items() if claim.fullmatch(address))


def report_document_overlap(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    address: str,
    others: list[str],
) -> None:
    """Record in the ledger the address of a document that other datasources claim too."""
    detail = {"with": others, "viewURL": address}
    world.record_effect(connection, OVERLAP_OPERATION, datasource=datasource["name"], detail=detail)


def _url_regex(datasource: sqlite3.Row) -> str:
    return decode_config(datasource).url_regex


def _literal_prefix(claim: str) -> str:
    """The fixed text at the beginning of every match of an expression, as far as it is obvious; else empty."""
    if _ANYWHERE.search(claim):
        return ""
    head: list[str] = []
    at = 1 if claim.startswith("^") else 0
    while (found := _LITERAL.match(claim, at)) is not None:
        head.append(found["escaped"] or found["plain"])
        at = found.end()
    if head and claim[at : at + 1] in _REPEATED:  # the last character is optional
        head.pop()
    return "".join(head)
