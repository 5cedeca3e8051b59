"""Who may do what: the one table of verbs and scopes, and the refusals that name a human step."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from domain.callers import APPROVE
from domain.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.callers import Caller
    from domain.model import Dataset

READ: Final = "datasets:read"
PROVISION: Final = "datasets:provision"
TEARDOWN: Final = "datasets:teardown"
REGISTER: Final = "journeys:write"
ADMIN: Final = "admin"

_VERBS: Final = {
    READ: (
        "health",
        "orphans",
        "datasets list",
        "datasets show",
        "templates list",
        "templates validate",
        "archives list",
        "archives show",
        "archives verify",
        "approvals list",
        "approvals show",
        "clients list",
        "journeys list",
    ),
    PROVISION: (
        "provision",
        "datasets recheck",
        "cancel provision",
        "restore",
        "journeys renew",
        "datasets protect",
    ),
    TEARDOWN: ("teardown", "cancel teardown", "archives snapshot", "cancel snapshot"),
    REGISTER: ("clients add", "journeys add", "journeys set-state", "journeys promote"),
    APPROVE: ("approvals approve", "approvals decline", "datasets unprotect", "leases shorten"),
    ADMIN: (
        "drain",
        "orphans scan",
        "orphans sweep",
        "archives purge",
        "audit",
        "schedules",
        "events",
        "backup",
    ),
}

SCOPES: Final[Mapping[str, str]] = MappingProxyType(
    {verb: scope for scope, verbs in _VERBS.items() for verb in verbs}
)
"""The scope that each verb needs. A verb is a command as it is typed, or what one of its forms does."""

ALL: Final = tuple(_VERBS)
"""Every scope, in the order of the table."""


def scope_of(verb: str) -> str:
    """The scope that a verb needs; `audit verify` needs that of `audit`. Raises KeyError for an unknown verb."""
    return SCOPES[verb if verb in SCOPES else verb.partition(" ")[0]]


def demand(caller: Caller, verb: str) -> None:
    """Raise ForbiddenError, which names the scope and who can grant it, unless the caller may do this."""
    scope = scope_of(verb)
    if caller.may(scope):
        return
    if scope == APPROVE and caller.act is not None:
        raise ForbiddenError(
            f"{verb} is for a person; this token was given to an agent that acts for somebody.",
            scope=scope,
            suggested_action="Have a person do it, with a token of their own or at a terminal.",
        )
    raise ForbiddenError(
        f"{verb} needs the scope {scope}, which this caller does not have.",
        scope=scope,
        suggested_action="Have an administrator decide whether this account is to have that scope.",
    )


def demand_journey(caller: Caller, dataset: Dataset) -> None:
    """Raise ForbiddenError unless the caller may change datasets of this one's journey."""
    if not caller.may_change(dataset.journey_id):
        raise ForbiddenError(
            f"This token is bound to the journey {caller.journey_id}, and {dataset.name} belongs to another.",
            dataset_id=dataset.dataset_id,
            suggested_action="Have whoever is responsible for that dataset's journey do it.",
        )
