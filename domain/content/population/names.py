"""Names in records: how each set of names is read, and which names nothing reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.model import quote_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.content.documents import NamePlan, RecordKind

_MAX_PLANS: Final = 512
"""How many sets of names are remembered: records of one file have few."""
_MAX_UNREAD: Final = 200
_SHOWN: Final = 12


class RecordNames:
    """The names of a pass over records of one kind."""

    def __init__(self, kind: RecordKind) -> None:
        self._kind = kind
        self._fields = [each.name for each in kind.fields]
        self._plans: dict[tuple[str, ...], NamePlan] = {}
        self._unread: dict[str, str | None] = {}

    def plan(self, names: Sequence[str]) -> NamePlan:
        """The plan for a record with these names, which are noted."""
        key = tuple(names)
        found = self._plans.get(key)
        if found is None:
            found = self._kind.plan_names(key)
            self._note_unread(found)
            if len(self._plans) < _MAX_PLANS:
                self._plans[key] = found
        return found

    def warnings(self) -> Iterator[str]:
        """What a person should know of names that nothing reads; those first that are nearly the name of a field."""
        for name, meant in self._unread.items():
            if meant is not None:
                yield f"Nothing reads {quote_foreign(name)}: did you mean {meant}?"
        others = [quote_foreign(name) for name, meant in self._unread.items() if meant is None]
        if others:
            at_least = "at least " if len(self._unread) == _MAX_UNREAD else ""
            more = f" and {at_least}{len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
            yield f"Nothing reads {', '.join(others[:_SHOWN])}{more}."

    def _note_unread(self, plan: NamePlan) -> None:
        for name in plan.unread:
            # A name that begins with `_` is a remark of whoever wrote the file.
            if name.strip() and not name.startswith("_") and len(self._unread) < _MAX_UNREAD:
                self._unread.setdefault(name, plan.suggest(name, self._fields))
