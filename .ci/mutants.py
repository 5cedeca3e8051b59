"""Mutation testing: break the safety rules, one at a time, and check that a test fails for each.

First every rule of `rules.toml` is removed, and its test has to fail. Then mutmut makes small changes (to the files in
`[tool.mutmut]` of pyproject.toml), and every change that no test notices has to be listed in `mutants.toml` with a
reason. All of it happens in a copy of the checkout, which is deleted at the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
CHECKOUT = HERE.parent
QUIET = ("-q", "-x", "--no-header", "-p", "no:cacheprovider", "--hypothesis-seed=0")
FAILED = 1
"""pytest's exit code when a test failed. Any other but 0 means that the test could not be run."""


class Rule(NamedTuple):
    """A rule: its text in one file, the replacement that removes the rule, and its test."""

    rule: str
    file: str
    old: str
    new: str
    test: str


class Survivor(NamedTuple):
    """A change that no test noticed: its function, and the lines before and after."""

    function: str
    removed: str
    added: str


def copy(checkout: Path, to: Path) -> None:
    """Copy all files that git tracks or would track, so that the checkout itself is never changed."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listing, cwd=checkout, check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in filter(None, names.split("\0")):
        source, target = checkout / name, to / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module of this environment in a folder."""
    command = (sys.executable, "-m", *arguments)
    return subprocess.run(
        command, cwd=folder, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def unguarded(folder: Path, rules: list[Rule]) -> list[str]:
    """The problems of `rules`: tests that pass without their rule, and tests that cannot be run."""
    whole = run(folder, "pytest", *QUIET, *dict.fromkeys(each.test for each in rules))
    if whole.returncode:
        return [f"The tests of the rules do not pass on the unchanged code:\n{whole.stdout}"]
    return [problem for each in rules if (problem := _without(folder, each))]


def _without(folder: Path, rule: Rule) -> str | None:
    file = folder / rule.file
    text = file.read_text(encoding="utf-8")
    if text.count(rule.old) != 1:
        return f"{rule.rule}: its text occurs {text.count(rule.old)} times in {rule.file}, not once."
    file.write_text(text.replace(rule.old, rule.new), encoding="utf-8")
    try:
        outcome = run(folder, "pytest", *QUIET, rule.test)
    finally:
        file.write_text(text, encoding="utf-8")
    if outcome.returncode == FAILED:
        return None
    if outcome.returncode == 0:
        return f"{rule.rule}: {rule.test} passes without the rule."
    return f"{rule.rule}: {rule.test} could not be run without the rule.\n{outcome.stdout}"


def mutate(folder: Path) -> list[Survivor]:
    """Run mutmut; the changes that no test noticed.

    Raises:
        SystemExit: mutmut failed; the message is its output.
    """
    outcome = run(folder, "mutmut", "run")
    if outcome.returncode:
        raise SystemExit(outcome.stdout.replace("\r", "\n"))
    print(outcome.stdout.replace("\r", "\n").rstrip().splitlines()[-2])
    listed = run(folder, "mutmut", "results").stdout.split("\n")
    named = [line.strip().rpartition(": ") for line in listed if ": " in line]
    living = [name for name, _, status in named if status != "timeout"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda name: _survivor(folder, name), living))


def _survivor(folder: Path, name: str) -> Survivor:
    diff = run(folder, "mutmut", "show", name).stdout.splitlines()
    changed = [line for line in diff if line[:1] in {"-", "+"} and line[:3] not in {"---", "+++"}]
    function = name.rpartition("__mutmut_")[0].replace("xǁ", "").replace("ǁ", ".").replace(".x_", ".")
    return Survivor(function, _side(changed, "-"), _side(changed, "+"))


def _side(lines: list[str], sign: str) -> str:
    return "\n".join(line[1:].strip() for line in lines if line.startswith(sign))


def unexplained(survivors: list[Survivor], accepted: list[Survivor]) -> list[str]:
    """Survivors without a reason, and reasons without a survivor."""
    actual, listed = Counter(survivors), Counter(accepted)
    line = "{0}: {1}\n  - {2}\n  + {3}"
    return [
        *(line.format("No test notices", *each) for each in (actual - listed).elements()),
        *(line.format("No longer needed", *each) for each in (listed - actual).elements()),
    ]


def main() -> None:
    """Check the rules and the changes, or only the one that the argument names; exit with 1 on a problem."""
    os.nice(10)
    parts, problems = sys.argv[1:] or ["--rules", "--changes"], list[str]()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        copy(CHECKOUT, folder := Path(name))
        if "--rules" in parts:
            rules = [Rule(**each) for each in _table("rules.toml", "rule")]
            problems += unguarded(folder, rules)
            print(f"{len(rules)} rules were removed in turn.", flush=True)
        if "--changes" in parts:
            reasons = _table("mutants.toml", "survivor")
            survivors = mutate(folder)
            print(
                f"No test notices {len(survivors)} of the changes; {len(reasons)} are listed with a reason."
            )
            accepted = [Survivor(each["function"], each["removed"], each["added"]) for each in reasons]
            problems += unexplained(survivors, accepted)
    if problems:
        raise SystemExit("\n".join(problems))


def _table(file: str, name: str) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = tomllib.loads((HERE / file).read_text(encoding="utf-8")).get(name, [])
    return entries


if __name__ == "__main__":
    main()
