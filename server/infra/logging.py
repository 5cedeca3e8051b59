"""Logs go to stderr and nowhere else: on stdio, stdout belongs to the protocol.

To be configured before anything else is made: the SDK's server and uvicorn configure logging when nobody has.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from structlog.typing import Processor

_CHATTY: Final = ("dbos", "httpx", "httpx2", "mcp", "uvicorn")
"""Their everyday messages tell of every request; from here on only warnings and worse are kept."""


def configure_logging(level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send this process's logs to stderr (or `stream`): for a person on a terminal, as JSON Lines elsewhere."""
    sink = stream or sys.stderr
    shared: Sequence[Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    rendering: Sequence[Processor] = (
        (structlog.dev.ConsoleRenderer(),)
        if sink.isatty()
        else (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # it tells of every try to connect again
