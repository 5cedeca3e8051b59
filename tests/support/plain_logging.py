"""How tests log where the program has not set it up."""

from __future__ import annotations

import structlog


def log_plainly() -> None:
    """Set up logging as every test finds it, and as a test that set it up otherwise leaves it.

    An exception has its traceback only: to print every variable of every frame takes a second, and many of them on a
    busy machine, in which the event loop does nothing else.
    """
    structlog.reset_defaults()  # noqa: TID251 # here it is meant
    structlog.configure(
        processors=[
            *structlog.get_config()["processors"][:-1],
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )
