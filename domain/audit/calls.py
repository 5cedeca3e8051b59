"""Call audit: every call gets an id, is counted against the rate limit, and ends with an entry in the audit log.

A change is recorded in the transaction that makes it (`record_audit_entry`). The outcome of the call is recorded here,
after the work: a refusal, a failure, a question to a person, or success where no change was recorded.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from domain.audit.entry import Decision, append_call_entry, call_entry
from domain.audit.redaction import redact, redact_arguments, redact_text
from domain.errors import FailureError, InternalError, LifecycleError, PlatformError
from domain.model import Principal, RequestContext
from domain.policy import RateLimiter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from domain.audit.entry import AuditEntry
    from domain.ports import Clock, Ids, Store, UnitOfWork

ANONYMOUS: Final = Principal(subject="", clients=frozenset(), scopes=frozenset())
"""The principal of a call without identity: no client, no scope, and no name in the audit log."""
ANSWERED: Final = "answered"
_LEFT: Final = "the caller went away before the answer"
_NAME: Final = 100
_SENTENCES: Final = 2000
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_TRACE: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_UNTRACED: Final = "0" * 32


class CallAudit:
    """Call audit: records calls, and counts them against the rate limit."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Ids,
        rates: RateLimiter | None = None,
        withheld: Collection[str] = (),
    ) -> None:
        """Record in that store. No entry ever contains one of the secrets in `withheld`."""
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
        """The principal with the context of this call.

        `known` are the names of the verb's arguments, None when every name is known. `client` is the name that the
        program gives itself. `traceparent` is a W3C Trace Context header; any other value is ignored.
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
        """Count the call against the rate limit, before anything else. Raises RateLimitedError."""
        await self._rates.count_call(principal)

    async def record_success(self, principal: Principal, outcome: str = ANSWERED) -> None:
        """Record that the call succeeded, unless its transaction has recorded a change already.

        Raises StoreFailedError: a call that is not recorded must not be answered.
        """
        entry = self._build_entry(principal, Decision.ALLOWED, outcome=outcome)

        def append(uow: UnitOfWork) -> None:
            if not uow.audit.has_call(entry.audit_id or ""):
                append_call_entry(uow, principal, entry)

        await self._store.transact(append, lasting=False)

    async def record_question(self, principal: Principal, question: str) -> None:
        """Record that the call ends with a question to a person, and the question. Raises StoreFailedError."""
        asked = {
            "how": "elicitation",
            "shown": {"question": redact_text(question, self._secrets, _SENTENCES)},
        }
        await self._append(principal, self._build_entry(principal, Decision.ASKED, data=asked))

    async def record_failure(self, principal: Principal, error: Exception) -> None:
        """Record that the call was refused or failed, and why; set the error's `audit_id`.

        Raises StoreFailedError, after which the caller still reports the error itself.
        """
        reported = error if isinstance(error, LifecycleError) else _internal_error(error)
        failed = isinstance(reported, FailureError | PlatformError)
        decision = Decision.FAILED if failed else Decision.REFUSED
        details = redact(reported.as_dict(), self._secrets, longest=_SENTENCES)
        entry = self._build_entry(principal, decision, error=details)
        await self._append(principal, entry)
        reported.audit_id = entry.audit_id

    async def record_disconnect(self, principal: Principal) -> None:
        """Record that the caller left before the answer; work in progress continues. Raises StoreFailedError."""
        await self._append(principal, self._build_entry(principal, Decision.FAILED, outcome=_LEFT))

    async def _append(self, principal: Principal, entry: AuditEntry) -> None:
        await self._store.transact(
            partial(append_call_entry, principal=principal, entry=entry), lasting=False
        )

    def _build_entry(self, principal: Principal, decision: Decision, **details: Any) -> AuditEntry:
        entry = call_entry(principal, decision, **details)
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
    """The id of what the call is about, from its error or else its arguments, where it has the form of an id."""
    for value in ((entry.error or {}).get(name), entry.arguments.get(name)):
        if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
            return value
    return None


def _parse_trace_id(traceparent: object) -> str | None:
    """The trace id, https://www.w3.org/TR/trace-context/#traceparent-header."""
    match = _TRACE.fullmatch(traceparent) if isinstance(traceparent, str) else None
    return match[1] if match and match[1] != _UNTRACED else None
