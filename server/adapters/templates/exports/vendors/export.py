"""One export that is being imported, as every vendor's module gets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from server.adapters.templates.exports.report import ImportTally

if TYPE_CHECKING:
    from server.adapters.templates.exports.instants import DateOrder
    from server.adapters.templates.exports.sources.tree import SourceTree

Record: TypeAlias = dict[str, Any]
"""A record in the fields of its type; None where the export has no value."""


@dataclass(slots=True, kw_only=True)
class Export:
    """An export: its files, what the caller said about it, and what is counted.

    `dates` is the order of day and month, where the caller says it; `private` whether private channels and direct
    messages are taken; `hosts` are the hosts of the vendor's own site that the caller names.
    """

    tree: SourceTree
    dates: DateOrder | None = None
    private: bool = False
    hosts: frozenset[str] = frozenset()
    tally: ImportTally = field(default_factory=ImportTally)


# Any, because it reads what others wrote.
def as_mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:  # noqa: ANN401
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str | None:  # noqa: ANN401
    """The value if it is a text that is not blank, or a number as text; else None."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value.strip() else None
