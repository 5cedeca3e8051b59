"""What the threat model claims is shown by tests that are there, and its rules are those that are taken out in turn."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache

import pytest

from tests.support.content.docs_pages import CHECKOUT, Page, load_page, load_pages

RULES = tomllib.loads((CHECKOUT / ".ci" / "rules.toml").read_text(encoding="utf-8"))["rule"]
_NAMED = re.compile(r"`(tests/[\w/]+\.py::\w+)`")


@cache
def functions(file: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions of a file, which need not be there."""
    path = CHECKOUT / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    return [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]


def has_test(test: str) -> bool:
    """Whether a file has a test of that name."""
    file, _, name = test.partition("::")
    return any(each.name == name for each in functions(file))


def decorators(test: str) -> str:
    """The decorators of a test, as they are written."""
    file, _, name = test.partition("::")
    found = [
        ast.unparse(mark) for each in functions(file) if each.name == name for mark in each.decorator_list
    ]
    return " ".join(found)


@pytest.mark.parametrize("each", load_pages(), ids=lambda each: each.name)
def test_every_test_that_a_page_names_is_there(each: Page) -> None:
    assert [test for test in _NAMED.findall(each.text) if not has_test(test)] == []


def test_every_claim_of_the_threat_model_names_the_test_that_shows_it() -> None:
    rows = [line for line in load_page("docs/threat-model.md").text.splitlines() if line.startswith("| ")]
    heads = {"| what holds | shown by |", "| rule | fails without it |"}
    assert heads <= set(rows)
    assert [row for row in rows if row not in heads and not _NAMED.search(row)] == []


def test_the_rules_and_their_tests_are_those_that_are_taken_out_in_turn() -> None:
    table = load_page("docs/threat-model.md").text.partition("| rule | fails without it |\n|---|---|\n")[2]
    rows = re.findall(r"^\| (.+) \| `(.+)` \|$", table.partition("\n\n")[0], re.MULTILINE)
    assert rows == [(each["rule"], each["test"]) for each in RULES]


def test_every_test_that_the_threat_model_names_runs_with_every_change() -> None:
    """Those in a folder for `just resilience` are kept by their marker, in one case at least."""
    slow = [test for test in _NAMED.findall(load_page("docs/threat-model.md").text) if "/resilience/" in test]
    kept = [test for test in slow if "every_change" in decorators(test)]
    assert kept == slow


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["rule"])
def test_a_rule_stands_where_it_is_taken_out(rule: dict[str, str]) -> None:
    assert (CHECKOUT / rule["file"]).read_text(encoding="utf-8").count(rule["old"]) == 1
    assert has_test(rule["test"])
