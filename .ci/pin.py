"""Resolve the closure anew and write it to `[tool.uv] constraint-dependencies` in pyproject.toml.

The resolution happens beside a copy of pyproject.toml without constraints, so that a lock file, which would
name package hosts, never comes into being in the checkout.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
TABLE = re.compile(r"^constraint-dependencies = \[.*?\]$", re.DOTALL | re.MULTILINE)
EXPORT = ("uv", "export", "--quiet", "--all-groups", "--all-extras", "--no-emit-project")
PLAIN = ("--no-header", "--no-hashes", "--no-annotate", "--format", "requirements.txt")


def table_of(pins: list[str]) -> str:
    """The TOML array of `pins`, one on a line."""
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


def main() -> None:
    """Rewrite the table in place."""
    pyproject = PYPROJECT.read_text(encoding="utf-8")
    if len(TABLE.findall(pyproject)) != 1:
        raise SystemExit("pyproject.toml has no single `constraint-dependencies = [...]` in [tool.uv].")
    pins = resolve(pyproject)
    PYPROJECT.write_text(TABLE.sub(lambda _: table_of(pins), pyproject), encoding="utf-8")
    print(f"Pinned {len(pins)} distributions.")


if __name__ == "__main__":
    main()
