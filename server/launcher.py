"""The console command `dataset-lifecycle`.

The wheel installs this one file as the package `dataset_lifecycle` and has every other package below
`dataset_lifecycle/_app`, so that no name as common as `domain` or `tools` gets into site-packages. In a
checkout there is no `_app` folder, and the packages can be imported directly.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run the command line, from an installed wheel or from a checkout."""
    bundled = Path(__file__).parent / "_app"
    if bundled.is_dir():
        sys.path.insert(0, str(bundled))
    # Imported here: an installed package is found only after the path was set above.
    from server.cli import main as run  # noqa: PLC0415

    run()
