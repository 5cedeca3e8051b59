"""The console command `dataset-lifecycle`.

The wheel installs this one file as the package `dataset_lifecycle` and keeps every other package below
`dataset_lifecycle/_app`, so that no name as common as `domain` or `tools` lands in site-packages. In a
checkout there is no `_app` folder and the packages are importable as they stand.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run the command line, from an installed wheel or from a checkout."""
    bundled = Path(__file__).parent / "_app"
    if bundled.is_dir():
        sys.path.insert(0, str(bundled))
    # It is found only once the path above is set.
    from server.cli import main as run  # noqa: PLC0415

    run()
