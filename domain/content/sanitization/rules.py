"""Sanitization rules: what an installation adds to what is replaced, and what it takes out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import re2

from domain.content.sanitization.normalization import fold_spelling
from domain.errors import SettingsError
from domain.model import quote_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST_PATTERN: Final = 2000
_MOST_MEMORY: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class OwnPattern:
    """Regular expression (RE2) for something of the installation's own, such as numbers of customers."""

    name: str
    pattern: str


@dataclass(frozen=True, slots=True)
class OwnDictionary:
    """Words that are always replaced, whatever their case, such as names of projects."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SanitizationRules:
    """Rules of an installation.

    `allowed` are texts that are never replaced. `allowed_fields` are fields beside those of the types that are kept;
    all others are kept out.
    """

    patterns: tuple[OwnPattern, ...] = ()
    dictionaries: tuple[OwnDictionary, ...] = ()
    allowed: frozenset[str] = frozenset()
    allowed_fields: frozenset[str] = frozenset()


class CompiledRules:
    """Rules ready for use. Patterns run in an engine whose time is in proportion to the text (RE2).

    Raises SettingsError for a name, pattern or dictionary that cannot be used, naming it.
    """

    def __init__(self, rules: SanitizationRules) -> None:
        self.patterns = [
            (f"pattern:{_check_name('patterns', each.name)}", _compile(each)) for each in rules.patterns
        ]
        self.words = {
            folded: f"dictionary:{_check_name('dictionaries', each.name)}"
            for each in rules.dictionaries
            for folded in _fold_words(each)
        }
        self._allowed = frozenset(map(fold_spelling, rules.allowed))
        self.allowed_fields = rules.allowed_fields

    def is_allowed(self, text: str) -> bool:
        """Whether a text is never replaced."""
        return bool(self._allowed) and fold_spelling(text) in self._allowed

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """What the patterns find in a text: where, and the kind."""
        for kind, pattern in self.patterns:
            for found in pattern.finditer(text):
                if found.end() > found.start():
                    yield found.start(), found.end(), kind


def _check_name(setting: str, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"sanitization.{setting} has the name {quote_foreign(name)}; a name is small letters, digits and '_'.",
            field=f"sanitization.{setting}",
        )
    return name


def _compile(own: OwnPattern) -> Any:  # noqa: ANN401 - RE2 has no types
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    try:
        pattern = re2.compile(own.pattern[: _LONGEST_PATTERN + 1], options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not known"
        shown = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise _invalid(own, f"is no regular expression that RE2 knows: {quote_foreign(shown)}") from None
    if len(own.pattern) > _LONGEST_PATTERN:
        raise _invalid(own, f"has {len(own.pattern)} characters; {_LONGEST_PATTERN} are the most")
    if pattern.search("") is not None:
        raise _invalid(own, "matches an empty text, and so stands everywhere")
    return pattern


def _invalid(own: OwnPattern, problem: str) -> SettingsError:
    return SettingsError(
        f"The pattern {own.name} of the sanitizer {problem}.", field=f"sanitization.patterns.{own.name}"
    )


def _fold_words(own: OwnDictionary) -> list[str]:
    folded = [fold_spelling(each) for each in own.words]
    if not all(folded):
        raise SettingsError(
            f"The dictionary {quote_foreign(own.name)} of the sanitizer has an empty word.",
            field=f"sanitization.dictionaries.{own.name}",
        )
    return folded
