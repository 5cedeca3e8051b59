"""Break the safety rules on purpose, one at a time, and see that a test fails for each.

First every rule of `rules.toml` is taken out, and the test that is named for it has to fail. Then mutmut makes its
small changes (`[tool.mutmut]` in pyproject.toml says to which files), and every one that no test notices has to stand
in `mutants.toml` with the reason why it may live. All of it happens in a copy of the checkout, removed at the end.
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
"""pytest's exit code when a test failed; any other says that it was not run as it was meant to be."""


class Rule(NamedTuple):
    """A rule, the text that makes it so in one file, what stands there when it is taken out, and its test."""

    rule: str
    file: str
    old: str
    new: str
    test: str


class Survivor(NamedTuple):
    """A change that no test noticed: in which function, and the lines before and after."""

    function: str
    removed: str
    added: str


def copy(checkout: Path, to: Path) -> None:
    """Copy what git knows or would know, so that no changed file is ever in the checkout itself."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listing, cwd=checkout, check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in filter(None, names.split("\0")):
        source, target = checkout / name, to / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of this environment in that folder."""
    command = (sys.executable, "-m", *arguments)
    return subprocess.run(
        command, cwd=folder, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def unguarded(folder: Path, rules: list[Rule]) -> list[str]:
    """What is wrong with the tests of `rules`: those that pass without their rule, and those that cannot be run."""
    whole = run(folder, "pytest", *QUIET, *dict.fromkeys(each.test for each in rules))
    if whole.returncode:
        return [f"The tests of the rules do not pass as things are:\n{whole.stdout}"]
    return [wrong for each in rules if (wrong := _without(folder, each))]


def _without(folder: Path, rule: Rule) -> str | None:
    file = folder / rule.file
    text = file.read_text(encoding="utf-8")
    if text.count(rule.old) != 1:
        return f"{rule.rule}: its text stands {text.count(rule.old)} times in {rule.file}."
    file.write_text(text.replace(rule.old, rule.new), encoding="utf-8")
    try:
        outcome = run(folder, "pytest", *QUIET, rule.test)
    finally:
        file.write_text(text, encoding="utf-8")
    if outcome.returncode == FAILED:
        return None
    if outcome.returncode == 0:
        return f"{rule.rule}: {rule.test} passes without it."
    return f"{rule.rule}: {rule.test} could not be run without it.\n{outcome.stdout}"


def mutate(folder: Path) -> list[Survivor]:
    """Let mutmut make its changes; those that no test noticed.

    Raises:
        SystemExit: mutmut could not do its work; what it printed is the reason.
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
    found, known = Counter(survivors), Counter(accepted)
    shown = "{0}: {1}\n  - {2}\n  + {3}"
    return [
        *(shown.format("No test notices", *each) for each in (found - known).elements()),
        *(shown.format("No longer needed", *each) for each in (known - found).elements()),
    ]


def main() -> None:
    """Do both, or the one that the argument names, say what is unguarded, and end with 1 when anything is."""
    os.nice(10)
    parts, wrong = sys.argv[1:] or ["--rules", "--changes"], list[str]()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        copy(CHECKOUT, folder := Path(name))
        if "--rules" in parts:
            rules = [Rule(**each) for each in _table("rules.toml", "rule")]
            wrong += unguarded(folder, rules)
            print(f"{len(rules)} rules were taken out in turn.", flush=True)
        if "--changes" in parts:
            reasons = _table("mutants.toml", "survivor")
            survivors = mutate(folder)
            print(f"No test notices {len(survivors)} of them; {len(reasons)} have a reason to live.")
            accepted = [Survivor(each["function"], each["removed"], each["added"]) for each in reasons]
            wrong += unexplained(survivors, accepted)
    if wrong:
        raise SystemExit("\n".join(wrong))


def _table(file: str, name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = tomllib.loads((HERE / file).read_text(encoding="utf-8")).get(name, [])
    return found


if __name__ == "__main__":
    main()
