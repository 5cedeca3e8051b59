"""`python -m mock_data.story [--out DIR]` writes the bundled catalogue anew."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mock_data.story.write import write

_BUNDLED = Path(__file__).parent.parent / "templates"


def main(arguments: list[str] | None = None) -> None:
    """Write the catalogue to the folder that was asked for, and say on stderr what was written."""
    parser = argparse.ArgumentParser(prog="python -m mock_data.story", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=_BUNDLED, metavar="DIR", help="where to (default: the bundled catalogue)"
    )
    folder = parser.parse_args(arguments).out
    for path in write(folder):
        sys.stderr.write(f"{path.relative_to(folder)}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
