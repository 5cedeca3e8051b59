"""What a process says of its Glean when it starts: which one it is, and whether the data folder belongs to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import LifecycleError
from domain.model import EMBEDDED_SANDBOX, Fingerprint

if TYPE_CHECKING:
    from domain.ports import UnitOfWork
    from server.settings import Settings


def configured_platform(settings: Settings) -> Fingerprint:
    """The configured Glean, without its tenant."""
    glean = settings.glean
    return Fingerprint(dialect=glean.dialect, url=glean.base_url or EMBEDDED_SANDBOX)


def _load_home(uow: UnitOfWork) -> Fingerprint | None:
    from domain.connectors import load_home_platform

    return load_home_platform(uow)


def describe_home(settings: Settings) -> str:
    """What a person and a model must know when the data folder belongs to another Glean; empty when it does not.

    Cheap: nothing is opened but a SQLite store, to read one row. Replicas on a shared store compare their Glean as soon
    as they open it.
    """
    if settings.store.shared:
        return ""
    # Imported here, so that whoever only builds a server imports nothing that opens a store.
    from server.composition.stores import read_existing_store

    try:
        home = read_existing_store(settings, _load_home)
    except LifecycleError:
        return ""  # the services say what is wrong as soon as they are opened
    if home is None or home.is_same(configured_platform(settings)):
        return ""
    from domain.connectors import HomeStatus

    status = HomeStatus(home=home, here=configured_platform(settings))
    if home.embedded:
        return (
            f"The datasets of this data folder were made in {home.describe()} so far. Once none lives there any more, "
            "the next one is made in the configured Glean; until then nothing is begun."
        )
    return f"{status.refusal} {status.refusal.suggested_action}" if status.refusal else ""
