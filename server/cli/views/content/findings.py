"""Findings of quality checks, as text for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.cli.output import render_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType


def describe_finding(finding: Mapping[str, Any]) -> str:
    """Describe what is wrong with a field, how often, with one value and what is expected."""
    value = f", such as {finding['value']}" if "value" in finding else ""
    expected = f"; expected is {finding['expected']}" if "expected" in finding else ""
    count = "once" if finding["count"] == 1 else f"{finding['count']} times"
    return f"{finding['field']} {finding['problem']} ({count}{value}){expected}"


def render_findings(issues: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """Render the findings of some checks, `{check, findings?}` each, as one table; nothing when there are none."""
    rows = [
        (
            issue["check"],
            each["field"],
            each["count"],
            each["problem"],
            each.get("value", ""),
            each.get("expected", ""),
        )
        for issue in issues
        for each in issue.get("findings", ())
    ]
    if rows:
        yield render_table(("check", "field", "times", "what", "value", "expected"), rows, empty="")
