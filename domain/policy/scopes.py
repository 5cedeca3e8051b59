"""Scopes: the one table of verbs and the scope each needs, and the refusals that name a human step."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from domain.errors import ForbiddenError
from domain.model import SCOPE_APPROVE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.model import Dataset, Principal

SCOPE_READ: Final = "datasets:read"
SCOPE_PROVISION: Final = "datasets:provision"
SCOPE_TEARDOWN: Final = "datasets:teardown"
SCOPE_REGISTER: Final = "journeys:write"
SCOPE_ADMIN: Final = "admin"
_VERBS: Final = {
    SCOPE_READ: (
        "health",
        "orphans",
        "datasets list",
        "datasets show",
        "templates list",
        "templates show",
        "templates validate",
        "sanitize preview",
        "archives list",
        "archives show",
        "archives verify",
        "approvals list",
        "approvals show",
        "clients list",
        "journeys list",
        "platform show",
    ),
    SCOPE_PROVISION: (
        "provision",
        "templates import",
        "datasets recheck",
        "datasets refresh",
        "cancel provision",
        "templates new",
        "restore",
        "journeys renew",
        "datasets protect",
    ),
    SCOPE_TEARDOWN: ("teardown", "cancel teardown", "archives snapshot", "cancel snapshot"),
    SCOPE_REGISTER: ("clients add", "journeys add", "journeys set-state", "journeys promote"),
    SCOPE_APPROVE: ("approvals approve", "approvals decline", "datasets unprotect", "leases shorten"),
    SCOPE_ADMIN: (
        "drain",
        "orphans scan",
        "orphans sweep",
        "archives purge",
        "audit",
        "schedules",
        "events",
        "backup",
        "platform move",
    ),
}
SCOPE_OF_VERB: Final[Mapping[str, str]] = MappingProxyType(
    {verb: scope for scope, verbs in _VERBS.items() for verb in verbs}
)
"""The scope that each verb needs. A verb is a command as typed, or the work of one of its forms."""
ALL_SCOPES: Final = tuple(_VERBS)
"""Every scope, in the order of the table."""


def required_scope(verb: str) -> str:
    """The scope that a verb needs; `audit verify` needs that of `audit`. Raises KeyError for an unknown verb."""
    return SCOPE_OF_VERB[verb if verb in SCOPE_OF_VERB else verb.partition(" ")[0]]


def require_scope(principal: Principal, verb: str) -> None:
    """Require the scope of a verb. Raises ForbiddenError, which names the scope and who can grant it."""
    scope = required_scope(verb)
    if principal.has_scope(scope):
        return
    if scope == SCOPE_APPROVE and principal.act is not None:
        raise ForbiddenError(
            f"Only a person may use {verb}; this token belongs to an agent that acts for somebody.",
            scope=scope,
            suggested_action="Have a person do it, with a token of their own or at a terminal.",
        )
    raise ForbiddenError(
        f"{verb} needs the scope {scope}, which this caller does not have.",
        scope=scope,
        suggested_action="Ask an administrator whether this account may have that scope.",
    )


def require_journey_access(principal: Principal, dataset: Dataset) -> None:
    """Require that the caller may change datasets of this dataset's journey. Raises ForbiddenError."""
    if not principal.can_change_journey(dataset.journey_id):
        raise ForbiddenError(
            f"This token is bound to the journey {principal.journey_id}, and {dataset.name} belongs to another.",
            dataset_id=dataset.dataset_id,
            suggested_action="Ask the person who is responsible for that dataset's journey to do it.",
        )
