"""Views of the audit log and its hash chain, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.errors import format_timestamp
from server.cli.output import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from domain.audit import AuditLogItem, AuditVerification, ChainBreak, ChainHead, TimelineEntry


def serialize_verification(head: ChainHead, broken: ChainBreak | None) -> dict[str, Any]:
    """Serialize how far a hash chain is verified, and what breaks it."""
    document: dict[str, Any] = {
        "intact": broken is None,
        "head": {"position": head.position, "hash": head.hash, "installation": head.installation},
    }
    if broken is not None:
        values = {
            "flaw": broken.flaw.value,
            "position": broken.position,
            "seq": broken.seq,
            "what": broken.what,
        }
        document["broken"] = {name: value for name, value in values.items() if value is not None}
    return document


def format_verdict(head: ChainHead, broken: ChainBreak | None) -> str:
    """Format the verdict on a hash chain as a sentence."""
    if broken is None:
        return f"All {head.position:,} sealed entries are unchanged and in their order."
    return f"BROKEN ({broken.flaw}) after {head.position:,} unchanged entries. {broken.what}"


def verification_facts(
    verification: AuditVerification, anchor: ChainHead | None
) -> Sequence[tuple[str, object]]:
    """The facts beside the verdict: the head, the anchor that was given, unsealed entries and the last export."""
    unsealed = f"{verification.unsealed:,}" + (
        f", since {format_value(verification.unsealed_since)}" if verification.unsealed_since else ""
    )
    position = f"position {anchor.position:,}" if anchor and verification.broken is None else None
    last = verification.exported
    exported = last and f"position {last['position']:,}, {last['at']}"
    return (
        (
            "unchanged up to" if verification.broken else "head",
            f"{verification.head.position}:{verification.head.hash}",
        ),
        ("contains", position and f"the head that you gave, {position}"),
        ("not sealed yet", unsealed),
        ("last exported", exported or "never: nothing outside of this store proves where the chain ends"),
    )


def serialize_entry(item: AuditLogItem) -> dict[str, Any]:
    """Serialize an audit entry in its canonical JSON form; without `entry` when the row cannot be read."""
    import msgspec

    from domain.audit import canonical_json

    entry = {} if item.entry is None else {"entry": msgspec.json.decode(canonical_json(item.entry))}
    position = {} if item.position is None else {"position": item.position}
    return {"seq": item.seq, **position, **entry}


def entry_row(item: AuditLogItem) -> tuple[object, ...]:
    """An audit entry as a row of the table."""
    entry = item.entry
    if entry is None:
        return (item.seq, None, None, None, "cannot be understood", None, None, None)
    who = f"{entry.act} for {entry.principal}" if entry.act else entry.principal
    outcome = (entry.error or {}).get("code") or entry.outcome
    subject = entry.dataset_id or entry.client_id
    return (item.seq, entry.at, who, entry.via, entry.event or entry.verb, subject, entry.decision, outcome)


def serialize_timeline_entry(entry: TimelineEntry) -> dict[str, Any]:
    """Serialize one entry of a dataset's timeline; what is None or empty is left out."""
    values = {
        "at": format_timestamp(entry.at),
        "sentence": entry.sentence,
        "evidence": list(entry.evidence),
        "times": entry.times if entry.times > 1 else None,
        "until": format_timestamp(entry.until),
    }
    return {name: value for name, value in values.items() if value not in (None, [])}


def render_timeline_entry(entry: TimelineEntry) -> Text:
    """Render one entry of a dataset's timeline: the sentence, with its evidence below."""
    from rich.text import Text

    again = f" ({entry.times:,} times, until {format_timestamp(entry.until)})" if entry.times > 1 else ""
    text = Text(f"{format_timestamp(entry.at) or '-'}  ", style="dim")
    text.append(format_value(entry.sentence) + again, style="default")
    for each in entry.evidence:
        text.append(f"\n    {format_value(each)}", style="default")
    return text
