"""Audit: the log of every call and event, and the hash chain that proves it unchanged."""

from __future__ import annotations

from domain.audit.calls import ANONYMOUS, ANSWERED, CallAudit
from domain.audit.entry import (
    AuditEntry,
    Decision,
    call_entry,
    canonical_json,
    publish_events,
    record_audit_entry,
)
from domain.audit.hash_chain import ChainHead, genesis_hash
from domain.audit.log import AuditLog, AuditLogItem, AuditVerification
from domain.audit.redaction import redact, redact_arguments, redact_text
from domain.audit.sealer import AuditSealer
from domain.audit.timeline import TimelineEntry
from domain.audit.verification import ChainBreak, verify_chain

__all__ = [
    "ANONYMOUS",
    "ANSWERED",
    "AuditEntry",
    "AuditLog",
    "AuditLogItem",
    "AuditSealer",
    "AuditVerification",
    "CallAudit",
    "ChainBreak",
    "ChainHead",
    "Decision",
    "TimelineEntry",
    "call_entry",
    "canonical_json",
    "genesis_hash",
    "publish_events",
    "record_audit_entry",
    "redact",
    "redact_arguments",
    "redact_text",
    "verify_chain",
]
