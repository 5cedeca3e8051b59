"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SCOPE_APPROVE: Final = "datasets:approve"
"""The scope that only a person can use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """One call as it came in, for the audit log; `arguments` without secrets. `domain.audit.AuditEntry` has the meanings."""

    audit_id: str
    at: datetime
    verb: str
    via: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    client: str | None = None
    trace_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks. `clients` are those they may touch and `scopes` what they may do, None for all of them.

    `act` is the agent that acts on the subject's behalf, None when they act themselves; such a caller is no person.
    `journey_id` is the only journey whose datasets they may change, None for any. `call` is what they are calling now;
    it says nothing of who they are.
    """

    subject: str
    clients: frozenset[str] | None = None
    scopes: frozenset[str] | None = None
    act: str | None = None
    journey_id: str | None = None
    call: RequestContext | None = field(default=None, compare=False)

    def can_access_client(self, client_id: str) -> bool:
        """Whether that client exists as far as this caller is told."""
        return self.clients is None or client_id in self.clients

    def has_scope(self, scope: str) -> bool:
        """Whether they hold that scope. An agent on somebody's behalf never approves, whatever it holds."""
        if scope == SCOPE_APPROVE and self.act is not None:
            return False
        return self.scopes is None or scope in self.scopes

    def can_change_journey(self, journey_id: str) -> bool:
        """Whether they may change what belongs to that journey."""
        return self.journey_id in {None, journey_id}
