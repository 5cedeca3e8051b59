"""DBOS runtime: the workflow engine behind our own terms. Only this module imports DBOS.

DBOS is one per process: a second `DbosRuntime` cannot be launched before the first is closed.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread
import psycopg
from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy import URL, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from domain.errors import InternalError, StoreFailedError, StoreUnavailableError
from server.adapters.engine.reconnecting import ReconnectingConnector
from server.infra.postgres.errors import interpret_error
from server.infra.sqlite import interpret_sqlite_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence

    from dbos import DBOSConfig
    from sqlalchemy import Engine

    from domain.ports import Json
    from server.infra.postgres.dsn import PostgresAddress

    Body = Callable[[str, str], Awaitable[None]]

_NAME: Final = "dataset-lifecycle"
_VERSION: Final = "1"  # constant: a saga that was started under another version would never be resumed
_THREADS: Final = 16
_POLL_S: Final = 0.25
_CONNECTIONS: Final = 8
_A_DAY_S: Final = 86_400
_launched: list[DbosRuntime] = []


class DbosRuntime:
    """The launched DBOS of this process."""

    def __init__(self, database: Path | PostgresAddress, owner: str, bodies: Mapping[str, Body]) -> None:
        """Launch DBOS in the running loop, which is blocked for about a tenth of a second.

        `bodies` are the sagas by kind; each takes `dataset_id` and `saga_id`. Raises StoreFailedError, InternalError.
        """
        if _launched:
            raise RuntimeError("This process runs a saga engine already: close that one first.")
        config: DBOSConfig = {
            "name": _NAME,
            "executor_id": owner,
            "application_version": _VERSION,
            "serializer": DBOSPortableJSONSerializer(),  # plain JSON: reading it executes nothing, unlike a pickle
            "log_level": "WARNING",
            "max_executor_threads": _THREADS,
            "notification_listener_polling_interval_sec": _POLL_S,
        }
        self._destroying = threading.Lock()
        self._waiting: list[asyncio.Future[None]] = []
        self._engine: Engine | None = None
        self._connections: ReconnectingConnector | None = None
        if isinstance(database, Path):
            config["system_database_url"] = URL.create("sqlite", database=str(database)).render_as_string()
        else:
            self._connections = ReconnectingConnector(database)
            config["system_database_engine"] = self._engine = _create_sqlalchemy_engine(self._connections)
        with _translate_errors("open its database"), self._destroy_on_failure():
            DBOS(config=config)
            # One queue for each kind, so that a process of another release never takes a saga that it does not know.
            DBOS.listen_queues(sorted(bodies))
            self._workflows = {kind: _register_workflow(kind, body) for kind, body in bodies.items()}
            DBOS.launch()
        if self._connections:
            self._connections.enable_waiting()
        _launched.append(self)

    @contextmanager
    def _destroy_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            DBOS.destroy(destroy_registry=True)  # or the next launch would reuse the broken instance
            self._close_connections()
            raise

    def _close_connections(self) -> None:
        """Close every connection."""
        if self._engine and self._connections:
            self._engine.dispose()
            self._connections.close()

    async def register_queues(self) -> None:
        """Create the queues through which sagas are adopted."""
        with _translate_errors("open its database"):
            for kind in self._workflows:
                await DBOS.register_queue_async(kind, polling_interval_sec=_POLL_S)

    @staticmethod
    async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        """Run one step of the calling saga, or return the recorded result of a step that is done.

        Raises StoreFailedError when the step cannot be recorded.
        """

        async def run() -> Json:
            return await effect()

        with _translate_errors(f"record the step {step}"):
            return await DBOS.run_step_async({"name": step}, run)

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Start a saga here, unless its id was started before. Must not be cancelled. Raises StoreFailedError."""
        with _translate_errors(f"start saga {saga_id}"), SetWorkflowID(saga_id):
            await DBOS.start_workflow_async(self._workflows[kind], dataset_id, saga_id)

    async def adopt(self, kind: str, saga_id: str) -> None:
        """Queue a dead owner's saga, for this process or the first other that takes it. Raises StoreFailedError."""
        with _translate_errors(f"adopt saga {saga_id}"):
            await DBOS.resume_workflow_async(saga_id, queue_name=kind)

    async def discard_saga(self, saga_id: str) -> None:
        """Mark a saga that no process runs as ended. Raises StoreFailedError."""
        with _translate_errors(f"discard saga {saga_id}"):
            await DBOS.cancel_workflow_async(saga_id)

    async def delete(self, saga_ids: Sequence[str]) -> None:
        """Delete the records of sagas that have ended. Raises StoreFailedError."""
        with _translate_errors("purge ended sagas"):
            await DBOS.delete_workflows_async(list(saga_ids))

    def begin_shutdown(self) -> None:
        """Stop logging cancelled sagas as warnings, and stop waiting for a database that is unavailable."""
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        if self._connections:
            self._connections.stop_waiting()

    async def close(self, seconds: float) -> bool:
        """Stop every thread of DBOS, in at most `seconds`; True when all have stopped. May be called twice.

        Sagas that still run stay unfinished in the database.
        """

        def destroy() -> None:
            with self._destroying:
                if self in _launched:
                    DBOS.destroy(destroy_registry=True)
                    self._close_connections()
                    _launched.remove(self)  # here, since this thread may end after `close` has given up on it

        closed = False
        with anyio.move_on_after(seconds):
            await anyio.to_thread.run_sync(destroy, abandon_on_cancel=True)
            closed = True
        _restore_default_executor()
        return closed

    async def release_executor(self, seconds: float) -> bool:
        """Have others of this process use no thread of DBOS any more, before it is closed while they go on.

        DBOS sets its own executor as the loop's default, and cancels what still waits in it when it is closed. True
        when nothing waits there; False when that took longer than `seconds`.
        """
        # An executor begins its work in the order in which it came, so this is begun last.
        last = asyncio.get_running_loop().run_in_executor(None, _do_nothing)
        self._waiting = [last, *(each for each in self._waiting if not each.done())]
        _restore_default_executor()
        _, left = await asyncio.wait(self._waiting, timeout=seconds)
        return not left


def _do_nothing() -> None:
    """Do nothing."""


def _restore_default_executor() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))


def _create_sqlalchemy_engine(connections: ReconnectingConnector) -> Engine:
    """An SQLAlchemy engine on the store's database, whose waiting for a connection is done by `connections`."""
    return create_engine(
        "postgresql+psycopg://",
        creator=connections.connect,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        # The pool must not give up before `connections` does: DBOS would retry after ever longer pauses.
        pool_timeout=_A_DAY_S,
        pool_pre_ping=True,
    )


def _register_workflow(kind: str, body: Body) -> Callable[[str, str], Coroutine[Any, Any, None]]:
    async def run(dataset_id: str, saga_id: str) -> None:
        await body(dataset_id, saga_id)

    # We count attempts ourselves: adopting a saga resets the count of DBOS.
    return DBOS.workflow(name=kind, max_recovery_attempts=None)(run)


@contextmanager
def _translate_errors(what: str) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        cause = error.orig if isinstance(error, DBAPIError) else None
        if isinstance(cause, psycopg.Error | sqlite3.Error):
            meaning = (
                interpret_error(cause) if isinstance(cause, psycopg.Error) else interpret_sqlite_error(cause)
            )
            failure = StoreUnavailableError if meaning.unavailable else StoreFailedError
            raise failure(
                f"The saga engine could not {what}: {meaning.why}.", recovery=meaning.recovery
            ) from error
        raise InternalError(f"The saga engine could not {what}: {type(error).__name__}.") from error
