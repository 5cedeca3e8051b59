"""The figures of the chaos runs, shown at the end of whatever run they were in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

FIGURES = "chaos"


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Show what each run came to, whichever process it was in, and the seed that repeats it."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.getreports(kind)]
    told = [value for each in reports for name, value in each.user_properties if name == FIGURES]
    if told:
        terminalreporter.section("chaos")
        for each in dict.fromkeys(map(str, told)):
            terminalreporter.line(each)
