"""Pin dependencies: resolve all of them again and write them to `[tool.uv] constraint-dependencies`.

The resolution uses a copy of pyproject.toml without constraints in another folder, so that no lock file, which would
contain package hosts, is ever written in the checkout. A tool that tests us from an environment of its own has its
dependencies in a file of requirements.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
TABLE = re.compile(r"^constraint-dependencies = \[.*?\]$", re.DOTALL | re.MULTILINE)
EXPORT = ("uv", "export", "--quiet", "--all-groups", "--all-extras", "--no-emit-project")
JUDGE = (
    "glean-indexing-sdk==1.2.1",
    Path(__file__).parent.parent / "tests" / "conformance" / "glean" / "connector_kit" / "glean_idx.txt",
)
COMPILE = ("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11")
PLAIN = ("--no-header", "--no-hashes", "--no-annotate", "--format", "requirements.txt")


def table_of(pins: list[str]) -> str:
    """The TOML array of `pins`, one a line."""
    lines = "".join(f'  "{pin}",\n' for pin in pins)
    return f"constraint-dependencies = [\n{lines}]" if pins else "constraint-dependencies = []"


def resolve(pyproject: str) -> list[str]:
    """The newest versions that satisfy `pyproject`: `name==version`, with a marker where it is conditional.

    Raises:
        subprocess.CalledProcessError: uv found no resolution; its reason is on stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_text(TABLE.sub(table_of([]), pyproject), encoding="utf-8")
        exported = subprocess.run(
            (*EXPORT, *PLAIN), cwd=folder, check=True, stdout=subprocess.PIPE, text=True
        )
    return [line.strip().replace('"', "'") for line in exported.stdout.splitlines() if line.strip()]


def compiled(requirement: str) -> str:
    """The exact versions of `requirement` and all of its dependencies, one a line.

    Raises:
        subprocess.CalledProcessError: as in `resolve`.
    """
    with tempfile.TemporaryDirectory() as folder:  # away from our own constraints
        process = subprocess.run(
            (*COMPILE, "--no-header", "--no-annotate", "-"),
            cwd=folder,
            input=requirement,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return process.stdout


def main() -> None:
    """Rewrite the table and the file of requirements in place."""
    pyproject = PYPROJECT.read_text(encoding="utf-8")
    if len(TABLE.findall(pyproject)) != 1:
        raise SystemExit("pyproject.toml has no single `constraint-dependencies = [...]` in [tool.uv].")
    pins = resolve(pyproject)
    PYPROJECT.write_text(TABLE.sub(lambda _: table_of(pins), pyproject), encoding="utf-8")
    judge, requirements = JUDGE
    requirements.write_text(compiled(judge), encoding="utf-8")
    print(f"Pinned {len(pins)} distributions.")


if __name__ == "__main__":
    main()
