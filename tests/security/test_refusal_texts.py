"""No word of a refusal names something that a caller could pass to get past it.

All texts that the program can say are read in its sources: what stands between a caller and a deletion may name the
human step, and never an argument, a flag or a magic word.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from domain import errors
from domain.errors import ERRORS_BY_CODE, InputError, RefusalError
from domain.policy.orphans import HUMAN_DECISION_REASONS
from tools.toolsets import TOOLSETS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = sorted([*(ROOT / "domain").rglob("*.py"), *(ROOT / "tools").rglob("*.py")])
SAID: Final = ("clears", "suggested_action", "what", "action")
"""Under these names a refusal's texts are written, beside its message."""

GUARDS: Final = frozenset(
    {
        "changed_meanwhile",
        "confirmation_required",
        "connector_syncing",
        "dataset_protected",
        "declined",
        "forbidden",
        "journey_active",
        "precondition_unknown",
        "provision_running",
        "quality_checks_pending",
        "quota_exceeded",
        "rate_limited",
        "read_only",
        "reason_not_true",
    }
)
"""What stands between a call and a deletion."""

MAGIC: Final = re.compile(
    r"\b(force|override|bypass|confirm=|confirm:|confirmed:|set .* to true|: true|=true|skip the check|acknowledge)\b",
    re.IGNORECASE,
)
FLAG: Final = re.compile(r"(?<![\w-])--[a-z]")
ASSIGNED: Final = re.compile(r"\b(\w+)\s*(?:=|: ?)(?:true|yes|\{|\"|')", re.IGNORECASE)


def tool_arguments() -> set[str]:
    """The names of all arguments of all tools."""
    return {name for tools in TOOLSETS.values() for tool in tools for name in tool.parameters["properties"]}


def refusal_texts() -> Iterator[tuple[str, str]]:
    """Every text of a refusal, with where it stands: messages, what was found, what clears it, what to do."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for text in _message_texts(node):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", text
    for reason, text in HUMAN_DECISION_REASONS.items():
        yield f"orphans, {reason}", text


def _message_texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, RefusalError) and node.args:
            yield _literal_text(node.args[0])
        for each in node.keywords:
            if each.arg in SAID:
                yield _literal_text(each.value)


def _literal_text(node: ast.AST) -> str:
    """What is written of a text; what is put in at run time is left open."""
    parts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
    return " ".join(each for each in parts if isinstance(each, str))


def test_there_are_texts_to_read() -> None:
    assert len(list(refusal_texts())) > 60


@pytest.mark.parametrize("pattern", [MAGIC, FLAG, ASSIGNED], ids=["magic words", "flags", "assignments"])
def test_no_refusal_names_a_way_past_itself(pattern: re.Pattern[str]) -> None:
    assert [(where, text) for where, text in refusal_texts() if pattern.search(text)] == []


def test_no_refusal_that_guards_a_dataset_names_an_argument_in_its_advice() -> None:
    named = re.compile(rf"`({'|'.join(sorted(tool_arguments()))})`")
    assert [(where, text) for where, text in refusal_texts() if named.search(text)] == []


def test_what_a_guard_advises_names_no_argument_and_no_reason() -> None:
    known = {each for each in tool_arguments() if "_" in each}
    reasons = {"stage_completed", "journey_completed", "provision_failed"}
    for code in sorted(GUARDS):
        advice = ERRORS_BY_CODE[code].action
        words = set(re.findall(r"[a-z_]+", advice))
        assert not words & (known | reasons), (code, advice)
        assert not issubclass(ERRORS_BY_CODE[code], InputError)


def test_an_orphan_that_a_person_decides_on_comes_with_no_reason_to_give() -> None:
    for advice in HUMAN_DECISION_REASONS.values():
        assert "_" not in advice, advice
