"""Exit codes of the commands.

- 0: done.
- 1: failed. The platform, the disk or the work itself (every PlatformError and FailureError, and work that was
  cancelled), a finding of `doctor`, an invalid template, an archive that does not verify.
- 2: wrong usage. An unknown option or value, or a wrong configuration (SettingsError).
- 3: refused, with the error object printed. A rule forbids it (RefusalError), or an argument is malformed or names
  something that does not exist (every other InputError).
- 4: still running when the wait ended; with --no-wait, that is immediately.
- 130: interrupted. Sagas that were started continue when they are resumed.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.errors import LifecycleError


class ExitCode(IntEnum):
    """The codes, by name."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    RUNNING = 4
    INTERRUPTED = 130


def exit_code_for(error: LifecycleError) -> ExitCode:
    """The exit code for an error."""
    from domain.errors import CancelledError, InputError, RefusalError, SettingsError

    if isinstance(error, SettingsError):
        return ExitCode.USAGE
    if isinstance(error, InputError | RefusalError) and not isinstance(error, CancelledError):
        return ExitCode.REFUSED
    return ExitCode.FAILED
