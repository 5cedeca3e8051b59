"""Logging to stderr and nowhere else: on stdio, stdout belongs to the protocol.

Configure it before anything else is created: the SDK's server and uvicorn configure logging if nobody has done so.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from domain.model import printable, printable_json
from server.infra.imports import absent_module

# structlog imports rich, with its lexers, for tracebacks that show the values of variables, and greenlet for contexts
# that we do not use. No log of ours may hold those values, and both imports are a tenth of the time of a start.
with absent_module("rich"), absent_module("greenlet"):
    import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from structlog.typing import EventDict, Processor, WrappedLogger

_OURS: Final = ("domain", "server", "tools")
"""Only these loggers log below INFO: others then log headers, statements and values, which may hold a secret."""
_CHATTY: Final = ("dbos", "httpcore", "httpx", "httpx2", "mcp", "uvicorn")
"""Loggers that log every request. Only their warnings and errors are logged."""
_LONGEST: Final = 100_000
"""How many characters of a traceback are logged."""


_DATABASE_MODULES: Final = frozenset({"psycopg", "sqlalchemy", "sqlite3"})
_REPEATED_S: Final = 60.0
_REMEMBERED: Final = 1000
_SANDBOX: Final = ("server.sandbox.background", "server.sandbox.http.pipeline")
_BY_MESSAGE: Final = ("asyncio", "dbos", *_SANDBOX)
_BY_ANYBODY: Final = (
    "mcp.server.transport_security",
    "server.infra.guarded_http",
    "server.web.own_site",
    "uvicorn.error",
)
"""Loggers of what anybody can cause who reaches the server, without a token and as often as they like."""
_OF_STORE_TROUBLE: Final = frozenset(
    {
        "dbos",
        "domain.lifecycle.sagas.store_retry",
        "server.adapters.engine.engine",
        "server.adapters.store.progress",
        "server.workers.saga_recovery",
        *_SANDBOX,
    }
)
"""Loggers of waits for a database; what they log with a traceback is a fault of the program."""
_silenced: Final[set[str]] = set()
_EXPECTED_BY_US: Final = "Workflow already exists in queue"
"""DBOS warns of a saga that was adopted through a queue when it is started by its id, as we do. It changes nothing."""


class RepetitionFilter(logging.Filter):
    """Lets what repeats itself through once a minute, then with how often it was `repeated` meanwhile.

    What anybody can cause repeats itself by the place in the code, except errors with a traceback. `asyncio` logs
    everything at one place, and the saga engine one trouble of its database at many: what they log repeats itself by
    the first line of the message, and only its first time has a traceback.
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        """Measure time by `timer`."""
        super().__init__()
        self._timer = timer
        self._last: dict[object, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        by_message = record.name in _BY_MESSAGE
        if not by_message and (record.name not in _BY_ANYBODY or record.exc_info):
            return True
        place = record.getMessage().partition("\n")[0] if by_message else record.lineno
        key, now = (record.name, place), self._timer()
        self._forget_old(now)
        last, repeated = self._last.get(key, (None, 0))
        if last is not None and now - last < _REPEATED_S:
            self._last[key] = (last, repeated + 1)
            return False
        if repeated:
            record.repeated = repeated
            record.exc_info = record.exc_text = None
        self._last[key] = (now, 0)
        return True

    def _forget_old(self, now: float) -> None:
        """Forget what has not come for a while, so that ever new messages take no memory."""
        if len(self._last) >= _REMEMBERED:
            self._last = {key: seen for key, seen in self._last.items() if now - seen[0] < _REPEATED_S}


def configure_logging(level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send the logs of this process to stderr or `stream`: as text to a terminal, else as JSON Lines."""
    sink = stream or sys.stderr
    shared: Sequence[Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    renderer: Processor = (
        # structlog's default is a rich traceback, which prints local variables: they hold keys and tokens.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if sink.isatty()
        else structlog.processors.JSONRenderer()
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
            foreign_pre_chain=(*shared, structlog.stdlib.ExtraAdder(allow=["cause", "repeated"])),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _make_printable,
                renderer,
            ],
        )
    )
    _silenced.clear()
    handler.addFilter(_summarize_database_error)
    handler.addFilter(_is_not_silenced)
    handler.addFilter(RepetitionFilter())
    handler.addFilter(_is_logged)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # DBOS gives its logger a handler of its own, with a format of its own, unless the logger has one.
    engine = logging.getLogger("dbos")
    engine.handlers, engine.propagate = [logging.NullHandler()], True
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # it warns at every try to reconnect


def silence_store_trouble() -> None:
    """Log no more what the sagas and the engine say of their database, but faults of the program.

    For a command on a terminal, which says in a sentence what its work waits for.
    """
    _silenced.update(_OF_STORE_TROUBLE)


def _is_not_silenced(record: logging.LogRecord) -> bool:
    event = record.msg if isinstance(record.msg, dict) else {}
    return record.name not in _silenced or bool(record.exc_info or event.get("exc_info"))


def _is_logged(record: logging.LogRecord) -> bool:
    if record.name == "dbos" and str(record.msg).startswith(_EXPECTED_BY_US):
        return False
    return record.levelno >= logging.INFO or record.name.partition(".")[0] in _OURS


def _summarize_database_error(record: logging.LogRecord) -> bool:
    """Put the cause in place of the traceback with which the saga engine logs trouble of its database."""
    error = record.exc_info[1] if record.exc_info and record.name == "dbos" else None
    if error and type(error).__module__.partition(".")[0] in _DATABASE_MODULES:
        record.cause = str(error).partition("\n")[0]
        record.exc_info = record.exc_text = None
    return True


def _make_printable(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Make every text of a log line printable; only a traceback has lines."""
    traceback = event.pop("exception", None)
    shown: dict[str, Any] = printable_json(event)
    return shown if traceback is None else {**shown, "exception": printable(traceback, _LONGEST, lines=True)}
