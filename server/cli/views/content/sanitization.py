"""Reports on sanitized records, and previews of exports, as JSON and as text. No value of an export is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.text import Text

from domain.model import printable
from server.cli.output import render_facts, render_section, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from domain.model import SanitizationReport
    from server.composition.templates.sanitized import ExportPreview, TypePreview

_SHOWN: Final = 20
"""How many places a person is shown; --json has all that the report has."""
_LONGEST: Final = 300
_WHY: Final = {
    "name_like": "two words like a name",
    "person_in_id": "a name in an id, which was kept",
}


def serialize_sanitization(report: SanitizationReport) -> dict[str, Any]:
    """The report as a JSON object."""
    plain: dict[str, Any] = msgspec.to_builtins(report)
    return plain


def render_sanitization(report: SanitizationReport, title: str = "Sanitized") -> Iterator[RenderableType]:
    """The report for a person: what was replaced, what was kept out, and what has to be looked at."""
    yield render_section(
        title,
        render_facts(
            (
                ("records", report.records),
                ("people", report.people),
                ("to look at", report.suspect_count or None),
            )
        ),
        render_table(
            ("field", "kind", "replaced"),
            [(each.field, each.kind, each.count) for each in report.replaced],
            empty="Nothing was replaced.",
        ),
    )
    if report.dropped:
        rows = [(each.field, each.count) for each in report.dropped]
        yield render_section("Fields kept out", render_table(("field", "records"), rows, empty=""))
    if report.suspects:
        places = [
            (each.record, each.field, each.position, _WHY.get(each.why, each.why))
            for each in report.suspects[:_SHOWN]
        ]
        yield render_section(
            "To be looked at by a person",
            render_table(("record", "field", "position", "why"), places, empty=""),
        )


def serialize_preview(preview: ExportPreview, *, is_key_made_up: bool) -> dict[str, Any]:
    """The preview as a JSON object."""
    return {
        "leak_count": preview.leak_count,
        "key": "made up for this preview" if is_key_made_up else "given",
        "types": [
            {
                "dataset_type": each.dataset_type.value,
                "file": each.file,
                "leak_count": each.leak_count,
                "leaks": list(each.leaks),
                "report": serialize_sanitization(each.report),
                "samples": list(each.samples),
            }
            for each in preview.types
        ],
    }


def render_preview(preview: ExportPreview) -> Iterator[RenderableType]:
    """The preview for a person."""
    for each in preview.types:
        yield from render_sanitization(each.report, each.dataset_type.value)
        if each.leaks:
            yield render_section("Left in it: a provision would be refused", _render_leaks(each))
        if each.samples:
            lines = [printable(msgspec.json.encode(record).decode(), _LONGEST) for record in each.samples]
            yield render_section("First records, sanitized", *map(Text, lines))


def _render_leaks(preview: TypePreview) -> RenderableType:
    rows = [tuple(each[name] for name in ("record", "field", "position", "kind")) for each in preview.leaks]
    return render_table(("record", "field", "position", "kind"), rows, empty="")
