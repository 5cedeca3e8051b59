"""Audit entries: one for each call and each event.

An entry is appended in the transaction that it reports, where there is one, and never changed. The hash chain is made
of its canonical JSON (`domain.audit.hash_chain`). It holds no secret, and no content of a record.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Entries are read back by these annotations.
from datetime import datetime  # noqa: TC003
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.model import build_decoder, printable_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.model import Confirmation, Dataset, Event, Principal
    from domain.ports import UnitOfWork


class Decision(StrEnum):
    """Decision on a call: carried out, refused by a rule, put to a person, or failed after it began."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    ASKED = "asked"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Audit entry: of a call (it has a `decision`), or of an event (it has an `event`).

    The entry of a call has: who called (`principal`, and the agent `act` that acts for them); from where (`via`:
    `stdio`, `http`, `cli`, `schedule`; `client`, the unproven name that the program gives itself); what (`verb`, as in
    `domain.policy.scopes`, and `arguments`); and the result: `outcome` in a word or two when it was allowed, `error` in
    the wire's shape when not, `confirmation` with how, by whom, and the facts they saw. One call may have several
    entries with one `audit_id`: its changes, and its outcome.
    """

    at: datetime
    audit_id: str | None = None
    principal: str | None = None
    act: str | None = None
    via: str | None = None
    client: str | None = None
    trace_id: str | None = None
    verb: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    decision: Decision | None = None
    outcome: str | None = None
    error: dict[str, Any] | None = None
    confirmation: dict[str, Any] | None = None
    event: str | None = None
    dataset_id: str | None = None
    client_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


_ENTRY_DECODER: Final = build_decoder(AuditEntry)
_EMPTY_VALUES: Final[tuple[object, ...]] = (None, {}, "")


def canonical_json(entry: AuditEntry) -> str:
    """The entry as JSON of printable texts, sorted keys, no spaces, no empty values: equal entries give equal text."""
    whole = msgspec.to_builtins(entry)
    present = {name: value for name, value in whole.items() if value not in _EMPTY_VALUES}
    return msgspec.json.encode(printable_json(present), order="sorted").decode()


def parse_entry(document: bytes | str) -> AuditEntry:
    """Decode a canonical document. Raises msgspec.MsgspecError when it is no entry."""
    return _ENTRY_DECODER.decode(document)


def record_audit_entry(
    uow: UnitOfWork,
    principal: Principal,
    outcome: str,
    *,
    dataset: Dataset | None = None,
    client_id: str | None = None,
    confirmation: Confirmation | None = None,
    **data: Any,
) -> None:
    """Record a change in the transaction that makes it; do nothing for a principal without a call.

    `client_id` is for a change that concerns a client and no dataset.
    """
    if principal.call is None:
        return
    entry = call_entry(
        principal,
        Decision.ALLOWED,
        outcome=outcome,
        dataset_id=dataset.dataset_id if dataset else None,
        client_id=dataset.client_id if dataset else client_id,
        confirmation=msgspec.to_builtins(confirmation) if confirmation else None,
        data=data,
    )
    append_call_entry(uow, principal, entry)


def append_call_entry(uow: UnitOfWork, principal: Principal, entry: AuditEntry) -> None:
    """Append the entry of a call, and remember the agents that acted in it: none of them ever counts as a person."""
    uow.audit.append(canonical_json(entry))
    if agents := [each for each in principal.actors if each != principal.subject]:
        uow.audit.add_actors(*agents)


def call_entry(principal: Principal, decision: Decision, **details: Any) -> AuditEntry:
    """The entry of the principal's call. Raises ValueError for a principal without a call: a bug."""
    call = principal.call
    if call is None:
        msg = "there is no call to record"
        raise ValueError(msg)
    return AuditEntry(
        at=call.at,
        audit_id=call.audit_id,
        # A sweep acts under its own name, because its requests do; on record is who started it.
        principal=call.swept_by or principal.subject,
        act=principal.act,
        via=call.via,
        client=call.client,
        trace_id=call.trace_id,
        verb=call.verb,
        arguments=dict(call.arguments),
        decision=decision,
        **details,
    )


def publish_events(uow: UnitOfWork, *events: Event) -> None:
    """Publish events and record them, in the transaction of the changes that they report."""
    uow.events.append(*events)
    uow.audit.append(*(canonical_json(event_entry(each)) for each in events))


def event_entry(event: Event) -> AuditEntry:
    """The audit entry of an event."""
    return AuditEntry(
        at=event.at,
        event=event.kind.value,
        dataset_id=event.dataset_id,
        client_id=event.client_id,
        data=_to_builtins(event.data),
    )


def _to_builtins(data: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(dict(data))
    return plain
