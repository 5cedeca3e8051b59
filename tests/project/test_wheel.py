"""The wheel, built and installed into an empty environment, as a person who has no checkout gets it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

# A build and an installation take longer than a change should wait for.
pytestmark = pytest.mark.resilience

CHECKOUT = Path(__file__).parents[2]
UV = os.environ.get("UV") or shutil.which("uv") or "uv"
OURS = ("COVERAGE_", "DATASET_LIFECYCLE_", "GLEAN_", "MOCK_DATA_", "PYTHONPATH", "VIRTUAL_ENV")


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that knows nothing of this checkout; fails with all that it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and with nothing but the pinned versions of what it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    pinned = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["uv"]["constraint-dependencies"]
    (folder / "constraints.txt").write_text("\n".join(pinned))
    run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, CHECKOUT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    run(UV, "venv", "--quiet", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    run(
        UV,
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "-c",
        folder / "constraints.txt",
        wheel,
        cwd=folder,
    )
    return folder / "venv"


def test_only_our_own_name_lands_in_site_packages(installed: Path) -> None:
    (record,) = installed.glob("lib/*/site-packages/dataset_lifecycle-*.dist-info/RECORD")
    written = {line.split("/")[0] for line in record.read_text().splitlines() if not line.startswith("..")}

    assert written == {"dataset_lifecycle", record.parent.name}


def test_every_file_that_is_installed_is_below_app_but_the_launcher(installed: Path) -> None:
    (bundled,) = installed.glob("lib/*/site-packages/dataset_lifecycle/_app")
    packages = ("domain", "mock_data", "prompts", "server", "tools")

    def files(root: Path) -> set[Path]:
        found = (path for package in packages for path in (root / package).rglob("*") if path.is_file())
        return {path.relative_to(root) for path in found if "__pycache__" not in path.parts}

    assert files(bundled) == files(CHECKOUT) - {Path("server", "launcher.py")}


def test_help_answers_from_any_folder(installed: Path, tmp_path: Path) -> None:
    assert "provision" in run(installed / "bin" / "dataset-lifecycle", "--help", cwd=tmp_path)


def test_the_demo_tells_its_whole_story_from_any_folder(installed: Path, tmp_path: Path) -> None:
    story = json.loads(run(installed / "bin" / "dataset-lifecycle", "demo", "--json", cwd=tmp_path))

    assert story["steps"]
    assert list(tmp_path.iterdir()) == []
