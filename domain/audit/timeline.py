"""Timeline: the history of a dataset in plain sentences, built from its audit entries."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from domain.audit.entry import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from domain.audit.entry import AuditEntry

_MAX_LENGTH: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """Timeline entry: when it happened, a sentence, and lines of evidence.

    Equal entries in a row are merged into one: `times` counts them, `until` is the last. `at` is None for an entry that
    cannot be decoded.
    """

    at: datetime | None
    sentence: str
    evidence: tuple[str, ...] = field(default=())
    times: int = 1
    until: datetime | None = None


class TimelineBuilder:
    """Timeline builder: takes audit entries newest first, and returns a timeline oldest first."""

    def __init__(self) -> None:
        self._entries: list[TimelineEntry] = []

    def prepend(self, seq: int, entry: AuditEntry | None) -> None:
        """Add an entry before those added so far; merge it with the next one when they are equal."""
        added = _timeline_entry(seq, entry)
        following = self._entries[-1] if self._entries else None
        if following and (following.sentence, following.evidence) == (added.sentence, added.evidence):
            until = following.until or following.at
            self._entries[-1] = replace(added, times=following.times + 1, until=until)
        else:
            self._entries.append(added)

    def build(self) -> Sequence[TimelineEntry]:
        """The timeline, oldest first. A call is placed at the time it came in, before its effects."""
        at: datetime | None = None
        timed: list[tuple[datetime, TimelineEntry]] = []
        undated: list[TimelineEntry] = []
        for each in reversed(self._entries):
            at = each.at or at
            if at is None:
                undated.append(each)
            else:
                timed.append((at, each))
        return [*undated, *(each for _, each in sorted(timed, key=itemgetter(0)))]


def _timeline_entry(seq: int, entry: AuditEntry | None) -> TimelineEntry:
    if entry is None:
        return TimelineEntry(
            at=None,
            sentence=f"Entry {seq} cannot be decoded. `dataset-lifecycle audit verify` shows whether it was changed "
            "after it was sealed.",
        )
    sentence, evidence = _describe_event(entry) if entry.event else _describe_call(entry)
    return TimelineEntry(at=entry.at, sentence=sentence, evidence=tuple(evidence))


def _describe_call(entry: AuditEntry) -> tuple[str, list[str]]:
    error, data = entry.error or {}, dict(entry.data)
    disclosed = data.pop("shown", None)
    sentence = f"{_actor_phrase(entry)} asked to {_request_phrase(entry)}: {_outcome_phrase(entry, error)}."
    evidence = [_check_line(each) for each in _only_dicts(error.get("blocking_checks"))]
    if not evidence and error.get("message"):
        evidence = [_one_line(error["message"])]
    evidence += _pending_approval_lines(error)
    if entry.confirmation:
        evidence += _confirmation_lines(entry.confirmation)
    is_decision = (entry.verb or "").startswith("approvals ")
    evidence += _disclosure_lines(disclosed, "They were shown" if is_decision else "A person will be shown")
    return sentence, evidence + _fact_lines(
        {name: value for name, value in data.items() if value != entry.arguments.get(name)}
    )


def _actor_phrase(entry: AuditEntry) -> str:
    principal = _one_line(entry.principal or "Somebody")
    agent = f" for {principal}" if entry.act else ""
    via = {
        "stdio": "over stdio",
        "http": "over HTTP",
        "cli": "at the command line",
        "schedule": "by schedule",
    }
    parts = [
        via.get(entry.via or "", _one_line(entry.via or "")),
        f"with {_one_line(entry.client)}" if entry.client else "",
    ]
    where = ", ".join(each for each in parts if each)
    return f"{_one_line(entry.act) if entry.act else principal}{agent}{f' ({where})' if where else ''}"


_REQUEST_PHRASES: Final = {
    "provision": "have it provisioned",
    "teardown": "take it down",
    "restore": "restore its archive",
    "cancel": "cancel the work on it",
    "datasets recheck": "have its quality checked again",
    "datasets refresh": "have it refreshed",
    "datasets protect": "protect it",
    "datasets unprotect": "end its protection",
    "datasets show": "see it",
    "archives snapshot": "archive a snapshot of it",
    "archives verify": "verify its archive",
    "archives show": "see its archive",
    "archives purge": "purge archives",
    "approvals approve": "approve a request",
    "approvals decline": "decline a request",
    "approvals show": "see a request",
    "health": "see its connector's health",
    "orphans": "see the orphans",
    "orphans scan": "scan for orphans",
    "orphans sweep": "sweep the orphans",
    "journeys set-state": "change the state of its journey",
    "journeys promote": "promote its journey",
}
_ARGUMENT_PHRASES: Final = (
    ("stage", "at {}"),
    ("dataset_type", "as {}"),
    ("journey_id", "for the journey {}"),
    ("reason", "for the reason {}"),
    ("until", "until {}"),
    ("approval_id", "({})"),
)


def _request_phrase(entry: AuditEntry) -> str:
    verb = entry.verb or "something"
    request = (
        _REQUEST_PHRASES.get(verb) or _REQUEST_PHRASES.get(verb.partition(" ")[0]) or f"`{_one_line(verb)}`"
    )
    arguments = entry.arguments
    if verb.startswith("journeys "):
        return f"{request} {_one_line(arguments.get('journey_id', ''))}".strip()
    details = [
        words.format(_one_line(arguments[name])) for name, words in _ARGUMENT_PHRASES if arguments.get(name)
    ]
    retry = ["once more"] if arguments.get("retry") else []
    return " ".join([request, *details, *retry])


def _outcome_phrase(entry: AuditEntry, error: Mapping[str, Any]) -> str:
    code = f" ({_one_line(error['code'])})" if error.get("code") else ""
    step = f" at the step {_one_line(error['step'])}" if error.get("step") else ""
    match entry.decision:
        case Decision.REFUSED:
            return f"refused{code}"
        case Decision.ASKED:
            return f"a person has to decide{code}"
        case Decision.FAILED:
            return f"it failed{step}{code}"
        case _:
            return _one_line(entry.outcome or "allowed")


def _check_line(check: Mapping[str, Any]) -> str:
    since = f" Since {_one_line(check['since'])}." if check.get("since") else ""
    clears = f" To clear it: {_one_line(check['clears'])}" if check.get("clears") else ""
    return f"{_one_line(check.get('check', 'check'))}: {_one_line(check.get('what', ''))}{since}{clears}"


def _pending_approval_lines(error: Mapping[str, Any]) -> list[str]:
    if not error.get("approval_id"):
        return []
    until = f", open until {_one_line(error['expires_at'])}" if error.get("expires_at") else ""
    return [f"The request is {_one_line(error['approval_id'])}{until}."]


_CONFIRMATION_PHRASES: Final = {
    "typed_name": "by typing its name",
    "elicitation": "by typing its name into the client's question",
    "approval": "by an approval",
}


def _confirmation_lines(confirmation: Mapping[str, Any]) -> list[str]:
    """Who confirmed, how, and which facts they saw; only the facts while the question is unanswered."""
    if not confirmation.get("by"):
        return _disclosure_lines(confirmation.get("shown"), "A person is shown")
    how, by = str(confirmation.get("how", "")), _one_line(confirmation["by"])
    at = f" on {_one_line(confirmation['at'])}" if confirmation.get("at") else ""
    request = f" ({_one_line(confirmation['approval_id'])})" if confirmation.get("approval_id") else ""
    self_approved = ", who had asked for it," if by == confirmation.get("requester") else ""
    return [
        f"Confirmed by {by}{self_approved} {_CONFIRMATION_PHRASES.get(how, _one_line(how))}{request}{at}.",
        *_disclosure_lines(confirmation.get("shown")),
    ]


def _disclosure_lines(disclosed: object, who: str = "They were shown") -> list[str]:
    """The facts, or the text, that a person saw before deciding."""
    if not disclosed:
        return []
    facts = disclosed.items() if isinstance(disclosed, dict) else ()
    text = "; ".join(f"{_humanize(name)} {_one_line(value)}" for name, value in facts) or _one_line(disclosed)
    return [f"{who}: {text}"]


_COMMON_FIELDS: Final = frozenset({"name", "journey_id", "stage", "dataset_type", "status"})
"""The fields of every event, shown only where a sentence uses them."""


def _describe_event(entry: AuditEntry) -> tuple[str, list[str]]:
    fields = _EventFields(entry.data)
    sentence = _EVENT_SENTENCES.get(entry.event or "", f"{entry.event} happened").format_map(fields)
    issues = [
        f"{_one_line(each.get('check', 'check'))}: {each.get('failed')} of {each.get('of')} failed"
        for each in _only_dicts(entry.data.get("issues"))
    ]
    used = fields.used | _COMMON_FIELDS | {"issues", "readiness"}
    return f"{sentence.rstrip('.')}.", issues + _readiness_lines(entry.data.get("readiness")) + _fact_lines(
        {name: value for name, value in entry.data.items() if name not in used}
    )


def _readiness_lines(readiness: object) -> list[str]:
    if not isinstance(readiness, dict):
        return []
    if readiness.get("unknown"):
        return [f"demo-readiness: not known. {_one_line(readiness['unknown'])}"]
    return [f"demo-readiness: {readiness.get('answered')} of {readiness.get('asked')} questions answered"]


_EVENT_SENTENCES: Final = {
    "dataset:provisioning_started": "Provisioning of {name} began for the journey {journey_id} at {stage}",
    "dataset:quality_evaluated": "Its quality was scored {score}",
    "dataset:provisioned": "It is ready: {record_count} records, connector {connector_id}",
    "dataset:provision_failed": "Provisioning failed at the step {step} ({code}): {message}",
    "dataset:restored": "It was restored from {restored_from}",
    "dataset:orphaned": "It was found to be an orphan ({reason})",
    "dataset:orphan_cleared": "It is no longer an orphan",
    "dataset:teardown_failed": "Its teardown stopped at the step {step} ({code}): {message}",
    "dataset:torn_down": "It was taken down for the reason {reason}, as {requester} had asked",
    "connector:health_changed": "The health of its connector changed",
    "archive:purged": "Its archive was purged from {path}",
}


class _EventFields(dict[str, Any]):
    """The fields of an event as text; it records in `used` which of them a sentence has used."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.used.add(name)
        return _one_line(self.get(name, "unknown"))


def _fact_lines(data: Mapping[str, Any]) -> list[str]:
    return [
        f"{_humanize(name)}: {_one_line(value)}"
        for name, value in data.items()
        if value not in (None, "", [], {})
    ]


def _only_dicts(value: object) -> Iterable[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _humanize(name: str) -> str:
    return name.replace("_", " ")


def _one_line(value: object) -> str:
    """A value as one line of bounded length; the entry itself has the whole value."""
    match value:
        case bool():
            text = "yes" if value else "no"
        case list() | tuple():
            text = ", ".join(map(_one_line, value))
        case dict():
            text = ", ".join(f"{_humanize(name)} {_one_line(each)}" for name, each in value.items())
        case _:
            text = str(value)
    text = " ".join(text.split())
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}…"
