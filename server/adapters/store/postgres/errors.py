"""Errors of PostgreSQL, translated into errors of the domain."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from domain.errors import Recovery, SettingsError, StoreFailedError, StoreUnavailableError
from server.infra.postgres.errors import ErrorMeaning, interpret_connection_error, interpret_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.infra.postgres.dsn import PostgresAddress

_ACTION: Final = "Check the database with `dataset-lifecycle doctor`, then call again."


@contextmanager
def translate_postgres_errors(address: PostgresAddress) -> Iterator[None]:
    """Translate an error of PostgreSQL into StoreFailedError, naming the database and the cause.

    It is a StoreUnavailableError where the database would refuse any other statement, too.
    """
    try:
        yield
    except (PoolTimeout, PoolClosed) as error:
        raise _store_failed_error(address, _diagnose_missing_connection(address)) from error
    except psycopg.Error as error:
        raise _store_failed_error(address, interpret_error(error)) from error


@contextmanager
def translate_connection_errors(address: PostgresAddress) -> Iterator[None]:
    """For a first connection: SettingsError when only a person can help, StoreFailedError when waiting may."""
    try:
        yield
    except psycopg.Error as error:
        meaning = interpret_connection_error(error, address)
        if meaning.recovery is Recovery.WAIT:
            raise _store_failed_error(address, meaning) from error
        raise SettingsError(
            f"The store {address.name} cannot be used: {meaning.why}.",
            field="store.url",
            suggested_action="Correct store.url (DATABASE_URL), or the database and user that it names.",
        ) from error


def _store_failed_error(address: PostgresAddress, meaning: ErrorMeaning) -> StoreFailedError:
    failure = StoreUnavailableError if meaning.unavailable else StoreFailedError
    return failure(
        f"The store {address.name} failed: {meaning.why}.",
        recovery=meaning.recovery,
        suggested_action=_ACTION,
    )


def _diagnose_missing_connection(address: PostgresAddress) -> ErrorMeaning:
    """Why there was no connection. A pool does not say, so this connects once more without it."""
    try:
        address.connect().close()
    except psycopg.Error as error:
        return interpret_connection_error(error, address)
    return ErrorMeaning("all of its connections were in use", Recovery.WAIT)
