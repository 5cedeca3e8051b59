"""Principals: who calls, and what they may do."""

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
    """Request context: one call, for the audit log. `domain.audit.AuditEntry` explains the fields.

    `arguments` hold no secret. `swept_by` is who started or approved the sweep that the call carries out; None for any
    other call.
    """

    audit_id: str
    at: datetime
    verb: str
    via: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    client: str | None = None
    trace_id: str | None = None
    swept_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Principal: who calls. `clients` are the clients they may access, `scopes` their scopes; None means all.

    `actors` are the agents that act on the subject's behalf: first the one that calls, behind it those that it acts for
    (RFC 8693, section 4.1); empty when the subject acts themselves. An agent is never taken for a person. `journey_id`
    is the only journey whose datasets they may change, None for any. `call` is the current call; it does not identify
    the principal.
    """

    subject: str
    clients: frozenset[str] | None = None
    scopes: frozenset[str] | None = None
    actors: tuple[str, ...] = ()
    journey_id: str | None = None
    call: RequestContext | None = field(default=None, compare=False)

    @property
    def act(self) -> str | None:
        """The agent that calls on the subject's behalf; None when the subject acts themselves."""
        return self.actors[0] if self.actors else None

    def can_access_client(self, client_id: str) -> bool:
        """Whether the principal may access that client; to them, any other client does not exist."""
        return self.clients is None or client_id in self.clients

    def has_scope(self, scope: str) -> bool:
        """Whether the principal has that scope. An agent never approves, whatever its scopes."""
        if scope == SCOPE_APPROVE and self.act is not None:
            return False
        return self.scopes is None or scope in self.scopes

    def can_change_journey(self, journey_id: str) -> bool:
        """Whether the principal may change the datasets of that journey."""
        return self.journey_id in {None, journey_id}
