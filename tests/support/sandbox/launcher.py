"""`python -m tests.support.sandbox.launcher`: the product's command line, in whose sandboxes faults may be scripted."""

from __future__ import annotations

from typing import Final

from server.cli import main
from tests.support.sandbox.embedded import script_composed_sandboxes

LAUNCHER: Final = "tests.support.sandbox.launcher"
"""What `python -m` is given in place of `server`."""

if __name__ == "__main__":
    script_composed_sandboxes()
    main()
