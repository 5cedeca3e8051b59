"""What the house promises about itself."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
GIT = ("git", "-c", f"safe.directory={CHECKOUT}")
PACKAGE_HOST = re.compile(r"pypi\.org|pythonhosted\.org")


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listed = subprocess.run(
        (*GIT, "ls-files", "-z"), cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True
    )
    return [CHECKOUT / name for name in listed.stdout.split("\0") if name]


def rule_exceptions() -> list[str]:
    """The lines of pyproject.toml, from ruff's table to mypy's, that name a rule."""
    text = (CHECKOUT / "pyproject.toml").read_text()
    ruff = text[text.index("[tool.ruff.lint]") : text.index("[tool.mypy]")]
    return [line.strip() for line in ruff.splitlines() if re.match(r'\s*"[A-Z]+\d+"', line)]


def dependency_closure(roots: list[str]) -> dict[str, str]:
    """Name and installed version of every distribution that `roots` lead to on this platform."""
    versions: dict[str, str] = {}
    pending = [Requirement(root) for root in roots]
    seen: set[tuple[str, str]] = set()
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            found = distribution(name)
            versions[name] = found.version
            needs = (Requirement(line) for line in found.requires or ())
            pending += [need for need in needs if not need.marker or need.marker.evaluate({"extra": extra})]
    return versions


def test_every_rule_that_is_not_followed_says_why() -> None:
    assert rule_exceptions()
    assert [line for line in rule_exceptions() if not re.fullmatch(r'"[A-Z]+\d+",? +# \S.{5,}', line)] == []


def test_every_version_of_the_closure_is_pinned_and_is_the_one_installed(pyproject: dict[str, Any]) -> None:
    pinned = dict(
        pin.partition(" ;")[0].split("==") for pin in pyproject["tool"]["uv"]["constraint-dependencies"]
    )
    installed = dependency_closure(
        pyproject["project"]["dependencies"] + pyproject["dependency-groups"]["dev"]
    )

    assert {name: pinned.get(name) for name in installed} == installed


def test_the_lock_file_is_not_tracked(tracked: list[Path]) -> None:
    assert CHECKOUT / "uv.lock" not in tracked


def test_no_file_names_a_package_host(tracked: list[Path]) -> None:
    texts = {path: path.read_text(errors="replace") for path in tracked if path.is_file()}

    assert {
        path.name: PACKAGE_HOST.findall(text) for path, text in texts.items() if PACKAGE_HOST.search(text)
    } == {}


def test_the_check_runs_the_second_command_of_the_readme() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    _first, second = re.findall(r"^```sh\n(.*?)\n```$", readme, re.DOTALL | re.MULTILINE)[:2]

    assert second in (CHECKOUT / ".ci" / "run").read_text().splitlines()


def test_every_decision_is_in_the_index() -> None:
    folder = CHECKOUT / "docs" / "adr"
    linked = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text())

    assert linked == sorted(path.name for path in folder.glob("0*.md"))


def builds_a_type(call: ast.Call) -> bool:
    """Whether msgspec builds what it knows of a type in this call, unless it is built already."""
    called = ast.unparse(call.func)
    typed = any(each.arg == "type" for each in call.keywords)
    return called in {"msgspec.convert", "msgspec.json.Decoder"} or (
        called == "msgspec.json.decode" and typed
    )


def test_types_are_built_where_one_thread_builds_at_a_time(tracked: list[Path]) -> None:
    found = {
        str(path.relative_to(CHECKOUT))
        for path in tracked
        if path.suffix == ".py" and path.relative_to(CHECKOUT).parts[0] in {"domain", "server", "tools"}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and builds_a_type(node)
    }
    assert found == {"domain/model/decoding.py"}
