"""Findings: the faults of one check by field and problem, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.model import Finding, printable

if TYPE_CHECKING:
    from domain.content.documents import Fault

MAX_FINDINGS: Final = 12
"""How many fields and problems one check names."""
MAX_VALUE_LENGTH: Final = 60
"""How many characters of a value are shown."""

IMPLAUSIBLE: Final = "is before 1990, in the future, or created after it was changed"
NO_ADDRESS: Final = "is no e-mail address"
DANGLING: Final = "leads to no record of this file"
DOCUMENT_PROBLEMS: Final = frozenset({IMPLAUSIBLE, NO_ADDRESS, DANGLING})
"""The problems that documents show by themselves; any other only their source record shows."""

_ESCAPES: Final = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': "'"})
_CUT: Final = 4 * MAX_VALUE_LENGTH


class Findings:
    """The findings of one check, in the order in which they are met."""

    __slots__ = ("_counts", "_faults")

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._faults: dict[tuple[str, str], Fault] = {}

    def add(self, fault: Fault, count: int = 1) -> None:
        """Count a fault. A value of an earlier fault of the same field and problem stays the example."""
        key = (fault.field, fault.problem)
        if key in self._counts:
            self._counts[key] += count
        elif len(self._counts) < MAX_FINDINGS:
            self._counts[key] = count
            self._faults[key] = fault._replace(value=quote_value(fault.value))

    def result(self) -> tuple[Finding, ...]:
        """The findings so far, the most frequent first."""
        ranked = sorted(self._faults.items(), key=lambda each: -self._counts[each[0]])
        return tuple(
            Finding(
                field=each.field,
                problem=each.problem,
                count=self._counts[key],
                value=each.value,
                expected=each.expected,
            )
            for key, each in ranked
        )


# A value of a record may be any JSON.
def quote_value(value: Any) -> str | None:  # noqa: ANN401
    """A value of a record as data: in quotation marks, on one line, printable, and short. None for no value."""
    if value is None:
        return None
    if isinstance(value, str):
        return f'"{printable(value[:_CUT].translate(_ESCAPES), MAX_VALUE_LENGTH)}"'
    text = msgspec.json.encode(value)[:_CUT].decode(errors="replace")
    return printable(text.translate(_ESCAPES), MAX_VALUE_LENGTH)
