"""PostgreSQL's errors, in the domain's words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from domain.errors import Recovery, SettingsError, StoreAwayError, StoreFailedError
from server.postgres.failures import Meaning, meaning_of, refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.postgres.address import Address

_ACTION: Final = "Check the database with `dataset-lifecycle doctor`, then call again."


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Raise StoreFailedError, naming the database and what is wrong with it, for an error of PostgreSQL.

    A StoreAwayError where the database would have refused anything else, too.
    """
    try:
        yield
    except (PoolTimeout, PoolClosed) as error:
        raise _failed(address, _why_none(address)) from error
    except psycopg.Error as error:
        raise _failed(address, meaning_of(error)) from error


@contextmanager
def reaching(address: Address) -> Iterator[None]:
    """For a first connection: SettingsError where only a person can help, StoreFailedError where waiting may."""
    try:
        yield
    except psycopg.Error as error:
        meaning = refusal_of(error, address)
        if meaning.recovery is Recovery.WAIT:
            raise _failed(address, meaning) from error
        raise SettingsError(
            f"The store {address.name} cannot be used: {meaning.why}.",
            field="store.url",
            suggested_action="Correct store.url (DATABASE_URL), or what it names at the server.",
        ) from error


def _failed(address: Address, meaning: Meaning) -> StoreFailedError:
    failure = StoreAwayError if meaning.away else StoreFailedError
    return failure(
        f"The store {address.name} failed: {meaning.why}.",
        recovery=meaning.recovery,
        suggested_action=_ACTION,
    )


def _why_none(address: Address) -> Meaning:
    """Why no connection was to be had: a pool does not tell, so it is asked once more."""
    try:
        address.connect().close()
    except psycopg.Error as error:
        return refusal_of(error, address)
    return Meaning("it had no connection to spare", Recovery.WAIT)
