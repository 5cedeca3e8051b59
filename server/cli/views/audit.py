"""How `audit` shows what it found, to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.errors import format_timestamp
from server.cli.output import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from domain.audit import AuditLogItem, AuditVerification, ChainBreak, ChainHead, TimelineEntry


def serialize_verification(head: ChainHead, broken: ChainBreak | None) -> dict[str, Any]:
    """How far a chain holds, and what breaks it, for a program."""
    document: dict[str, Any] = {
        "intact": broken is None,
        "head": {"position": head.position, "hash": head.hash, "installation": head.installation},
    }
    if broken is not None:
        found = {
            "flaw": broken.flaw.value,
            "position": broken.position,
            "seq": broken.seq,
            "what": broken.what,
        }
        document["broken"] = {name: value for name, value in found.items() if value is not None}
    return document


def format_verdict(head: ChainHead, broken: ChainBreak | None) -> str:
    """The same in a sentence."""
    if broken is None:
        return f"All {head.position:,} sealed entries are as they were sealed, and in that order."
    return f"BROKEN ({broken.flaw}), after {head.position:,} entries that hold. {broken.what}"


def verification_facts(found: AuditVerification, anchor: ChainHead | None) -> Sequence[tuple[str, object]]:
    """What is to be known beside the verdict."""
    waiting = f"{found.unsealed:,}" + (
        f", since {format_value(found.unsealed_since)}" if found.unsealed_since else ""
    )
    kept = f"position {anchor.position:,}" if anchor and found.broken is None else None
    exported = found.exported and f"position {found.exported['position']:,}, {found.exported['at']}"
    return (
        ("holds up to" if found.broken else "head", f"{found.head.position}:{found.head.hash}"),
        ("leads through", kept and f"the head that was kept, {kept}"),
        ("not sealed yet", waiting),
        ("last exported", exported or "never: nothing outside of this store proves its end"),
    )


def serialize_entry(listed: AuditLogItem) -> dict[str, Any]:
    """An entry as JSON, as it is canonical."""
    import msgspec

    from domain.audit import canonical_json

    entry = {} if listed.entry is None else {"entry": msgspec.json.decode(canonical_json(listed.entry))}
    position = {} if listed.position is None else {"position": listed.position}
    return {"seq": listed.seq, **position, **entry}


def entry_row(listed: AuditLogItem) -> tuple[object, ...]:
    """An entry as a line of the table."""
    entry = listed.entry
    if entry is None:
        return (listed.seq, None, None, None, "cannot be understood", None, None, None)
    who = f"{entry.act} for {entry.principal}" if entry.act else entry.principal
    came = (entry.error or {}).get("code") or entry.outcome
    subject = entry.dataset_id or entry.client_id
    return (listed.seq, entry.at, who, entry.via, entry.event or entry.verb, subject, entry.decision, came)


def serialize_timeline_entry(chapter: TimelineEntry) -> dict[str, Any]:
    """A part of a dataset's life, for a program."""
    told = {
        "at": format_timestamp(chapter.at),
        "sentence": chapter.sentence,
        "evidence": list(chapter.evidence),
        "times": chapter.times if chapter.times > 1 else None,
        "until": format_timestamp(chapter.until),
    }
    return {name: value for name, value in told.items() if value not in (None, [])}


def render_timeline_entry(chapter: TimelineEntry) -> Text:
    """The same for a person: the sentence, and below it what shows it."""
    from rich.text import Text

    again = (
        f" ({chapter.times:,} times, until {format_timestamp(chapter.until)})" if chapter.times > 1 else ""
    )
    told = Text(f"{format_timestamp(chapter.at) or '-'}  ", style="dim")
    told.append(format_value(chapter.sentence) + again, style="default")
    for each in chapter.evidence:
        told.append(f"\n    {format_value(each)}", style="default")
    return told
