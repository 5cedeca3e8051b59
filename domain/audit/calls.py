"""Calls on record: each begins with an id, is counted, and ends with an entry, whatever becomes of it.

What a call changes is noted in the transaction that changes it (`domain.audit.entry.note`). What it answered is kept here,
after the work: a refusal, a failure, a question to a person; and that it ended well, where nothing was noted.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from domain.audit.entry import Decision, call_entry, canonical_json
from domain.audit.redaction import redact, redact_arguments, redact_text
from domain.errors import FailureError, InternalError, LifecycleError, PlatformError
from domain.model import Principal, RequestContext
from domain.policy import RateLimiter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from domain.audit.entry import AuditEntry
    from domain.ports import Clock, Ids, Store, UnitOfWork

ANONYMOUS: Final = Principal(subject="", clients=frozenset(), scopes=frozenset())
"""Who calls without being known: they may do nothing, and are on record without a name."""
ANSWERED: Final = "answered"
_LEFT: Final = "the caller went away before the answer"
_NAME: Final = 100
_SENTENCES: Final = 2000
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_TRACE: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_UNTRACED: Final = "0" * 32


class CallAudit:
    """Puts calls on record, and counts them."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Ids,
        rates: RateLimiter | None = None,
        withheld: Collection[str] = (),
    ) -> None:
        """Keep entries in that store; none of the secrets that are `withheld` ever stands in one."""
        self._store = store
        self._clock = clock
        self._ids = ids
        self._rates = rates or RateLimiter(store, clock)
        self._secrets = tuple(each for each in withheld if each)

    def begin(
        self,
        principal: Principal,
        verb: str,
        via: str,
        arguments: Mapping[str, Any],
        *,
        known: Collection[str] | None = None,
        client: str | None = None,
        traceparent: object = None,
    ) -> Principal:
        """The caller with the call that they make now.

        `known` are the names that the verb's arguments have, None when all are; `client` is what the program calls
        itself; `traceparent` as W3C Trace Context has it, anything else is passed over.
        """
        call = RequestContext(
            audit_id=f"au-{self._ids.token()}{self._ids.token()}",
            at=self._clock.now(),
            verb=verb,
            via=via,
            arguments=redact_arguments(arguments, known, self._secrets),
            client=redact_text(client, self._secrets, _NAME) if client else None,
            trace_id=_parse_trace_id(traceparent),
        )
        return replace(principal, call=call)

    async def count(self, principal: Principal) -> None:
        """Count the call, before anything else of it is looked at. Raises RateLimitedError."""
        await self._rates.count_call(principal)

    async def record_success(self, principal: Principal, outcome: str = ANSWERED) -> None:
        """Put on record that the call ended well; what it changed is there already, and then that is enough.

        Raises StoreFailedError: what is not on record has not been answered.
        """
        entry = self._build_entry(principal, Decision.ALLOWED, outcome=outcome)

        def append(uow: UnitOfWork) -> None:
            if not uow.audit.has_call(entry.audit_id or ""):
                uow.audit.append(canonical_json(entry))

        await self._store.transact(append, lasting=False)

    async def record_question(self, principal: Principal, shown: str) -> None:
        """Put on record that the call ends with a question to a person, and what they are shown.

        Raises StoreFailedError.
        """
        asked = {
            "how": "elicitation",
            "shown": {"question": redact_text(shown, self._secrets, _SENTENCES)},
        }
        await self._append(self._build_entry(principal, Decision.ASKED, data=asked))

    async def record_failure(self, principal: Principal, error: Exception) -> None:
        """Put on record that the call was refused or failed, and why; the error then says under which id.

        Raises StoreFailedError; the refusal stands all the same.
        """
        known = error if isinstance(error, LifecycleError) else _internal_error(error)
        broken = isinstance(known, FailureError | PlatformError)
        decision = Decision.FAILED if broken else Decision.REFUSED
        told = redact(known.as_dict(), self._secrets, longest=_SENTENCES)
        entry = self._build_entry(principal, decision, error=told)
        await self._append(entry)
        known.audit_id = entry.audit_id

    async def record_disconnect(self, principal: Principal) -> None:
        """Put on record that nobody waited for the answer; what the call had begun goes on. Raises StoreFailedError."""
        await self._append(self._build_entry(principal, Decision.FAILED, outcome=_LEFT))

    async def _append(self, entry: AuditEntry) -> None:
        document = canonical_json(entry)
        await self._store.transact(lambda uow: uow.audit.append(document), lasting=False)

    def _build_entry(self, principal: Principal, decision: Decision, **told: Any) -> AuditEntry:
        entry = call_entry(principal, decision, **told)
        return replace(
            entry,
            at=self._clock.now(),
            dataset_id=_find_identifier(entry, "dataset_id"),
            client_id=_find_identifier(entry, "client_id"),
        )


def _internal_error(error: Exception) -> InternalError:
    cause = error.__cause__ or error
    return InternalError(f"A fault of this program ended the call ({type(cause).__name__}).")


def _find_identifier(entry: AuditEntry, name: str) -> str | None:
    """What the call is about, as its error says or else its arguments, where that has the form of an id."""
    for value in ((entry.error or {}).get(name), entry.arguments.get(name)):
        if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
            return value
    return None


def _parse_trace_id(traceparent: object) -> str | None:
    """The trace id, https://www.w3.org/TR/trace-context/#traceparent-header."""
    found = _TRACE.fullmatch(traceparent) if isinstance(traceparent, str) else None
    return found[1] if found and found[1] != _UNTRACED else None
