"""Rules of an installation: compiled safely, or refused with the name of what is wrong."""

from __future__ import annotations

import pytest

from domain.content.sanitization import OwnDictionary, OwnPattern, SanitizationRules
from domain.content.sanitization.rules import CompiledRules
from domain.errors import SettingsError


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "no regular expression"),
        (r"(a)\1", "no regular expression"),
        ("(?<=a)b", "no regular expression"),
        ("x{5000}", "no regular expression"),
        ("a*", "empty text"),
        ("", "empty text"),
        ("a" * 2001, "2001 characters"),
        ("(" * 5000, "no regular expression"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_by_its_name(pattern: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as refused:
        CompiledRules(SanitizationRules(patterns=(OwnPattern("customer_number", pattern),)))
    assert refused.value.field == "sanitization.patterns.customer_number"
    assert "customer_number" in refused.value.message


@pytest.mark.parametrize("name", ["", "Customer", "a b", "9a", "x" * 41])
def test_a_name_is_checked(name: str) -> None:
    for rules in (
        SanitizationRules(patterns=(OwnPattern(name, "a"),)),
        SanitizationRules(dictionaries=(OwnDictionary(name, ("a",)),)),
    ):
        with pytest.raises(SettingsError, match="a name is small letters"):
            CompiledRules(rules)


def test_an_empty_word_is_refused() -> None:
    with pytest.raises(SettingsError, match="empty word") as refused:
        CompiledRules(SanitizationRules(dictionaries=(OwnDictionary("projects", ("a", " ")),)))
    assert refused.value.field == "sanitization.dictionaries.projects"


def test_a_pattern_that_backtracking_engines_never_finish_is_done_at_once() -> None:
    rules = CompiledRules(SanitizationRules(patterns=(OwnPattern("evil", r"(a+)+b"),)))
    assert list(rules.find("a" * 20_000)) == []
    assert list(rules.find("xaab")) == [(1, 4, "pattern:evil")]


def test_a_match_of_nothing_is_none() -> None:
    rules = CompiledRules(SanitizationRules(patterns=(OwnPattern("edge", r"\b"),)))
    assert list(rules.find("ab cd")) == []
    assert not rules.is_allowed("ab")
