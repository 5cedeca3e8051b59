"""Agreement of replicas on a shared store: on the Glean that they serve, and on the keys that seal request states.

Every replica that serves leaves a note in the store, which is valid as long as its lock in the database is held. A
process that disagrees with a living replica is refused, and so is one whose Glean is not that of the connectors.
"""

from __future__ import annotations

import hmac
import os
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from anyio import CancelScope, to_thread

from domain.errors import SettingsError, StoreFailedError
from domain.model import Fingerprint
from domain.ports import Setting, paginate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence

    from domain.model import Connector
    from domain.ports import Store, UnitOfWork

NOTES: Final = Setting("replicas", dict[str, dict[str, Any]])
"""The note of each replica, by its owner. Unknown fields in the notes of a newer release are kept."""
PLATFORM: Final = Setting("platform", Fingerprint, absent_if_unreadable=True)
"""The Glean that was agreed on last; if it cannot be read, replicas agree on it anew."""

_PAGE: Final = 500
_PRINT: Final = "seals what clients hold between a question and its answer"
_PRINT_CHARACTERS: Final = 32
_PRESENCE_S: Final = 15.0
_ROTATION: Final = (
    "Give every replica the same list in http.state_keys. To change a key, add the new one after the old one "
    "everywhere, then move it before the old one, then remove the old one."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaNote:
    """What one replica works with, as the store has it.

    Attributes:
        host: the host and process, for error messages.
        platform: the Glean that it serves.
        keys: the fingerprints of its state keys, the sealing key first; none where no other replica gets its answers.
    """

    host: str
    platform: Fingerprint
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A process that serves beside others.

    Attributes:
        owner: the name of its lock in the database.
        wait_until_present: waits, at most so many seconds, until the lock is held; whether it is.
        keys: its state keys; none for one that no answer to another replica's question can reach.
    """

    owner: str
    wait_until_present: Callable[[float], bool]
    keys: Sequence[str] = ()


@asynccontextmanager
async def join_replicas(
    store: Store, platform: Fingerprint, is_alive: Callable[[str], bool], replica: Replica | None = None
) -> AsyncIterator[None]:
    """Join the replicas on a store for as long as the context lasts.

    Args:
        store: the shared store.
        platform: the Glean that this process serves.
        is_alive: whether the lock of an owner is held; blocks.
        replica: this process as a replica; None for one that works only for a while and leaves no note.

    Raises SettingsError naming the setting that differs, and StoreFailedError when the locks cannot be checked.
    """
    installation = await store.read(lambda uow: uow.installation)
    ours = ReplicaNote(
        host=f"{socket.gethostname()} (process {os.getpid()})",
        platform=platform,
        keys=key_fingerprints(replica.keys, installation) if replica else (),
    )
    if replica and not await to_thread.run_sync(replica.wait_until_present, _PRESENCE_S):
        raise StoreFailedError("This process could not take its lock in the database in time.")
    own = replica.owner if replica else None
    try:
        # The note is written before the others are checked: of two replicas that start at once, the second sees the
        # first one's note.
        others = await store.transact(partial(_record_note, own, ours))
        living = [each for each in others if await to_thread.run_sync(is_alive, each)]
        for each in living:
            require_agreement(ours, others[each])
        await store.transact(partial(_record_agreement, platform, frozenset(others) - frozenset(living)))
        yield
    finally:
        if own:
            with (
                CancelScope(shield=True),
                suppress(StoreFailedError),
            ):  # a note that stays is harmless: without its lock it is not valid
                await store.transact(partial(_delete_notes, [own]))


async def count_agreeing_replicas(
    store: Store, platform: Fingerprint, keys: Sequence[str], is_alive: Callable[[str], bool]
) -> int:
    """Count the living replicas, after checking that a process with that Glean and those keys agrees with all of them.

    Changes nothing. Raises SettingsError like `join_replicas`.
    """
    installation, notes = await store.read(lambda uow: (uow.installation, _load_notes(uow)))
    living = [each for owner, each in notes.items() if await to_thread.run_sync(is_alive, owner)]
    for each in living:
        require_agreement(
            ReplicaNote(host="", platform=platform, keys=key_fingerprints(keys, installation)), each
        )
    await store.read(partial(_refuse_other_connectors, platform))
    return len(living)


def key_fingerprints(keys: Sequence[str], installation: str) -> tuple[str, ...]:
    """The fingerprint of each key: it distinguishes keys without revealing them."""
    message = f"{_PRINT}: {installation}".encode()
    return tuple(hmac.new(each.encode(), message, "sha256").hexdigest()[:_PRINT_CHARACTERS] for each in keys)


def require_agreement(ours: ReplicaNote, theirs: ReplicaNote) -> None:
    """Raise SettingsError when a replica with the note `ours` cannot serve beside one with the note `theirs`.

    Each must be able to open what the other seals; more is not required, so that keys can be changed one replica after
    another.
    """
    if field := _differing_setting(ours.platform, theirs.platform):
        raise SettingsError(
            f"This process serves {ours.platform.describe()}, and the replica on {theirs.host} serves "
            f"{theirs.platform.describe()}.",
            field=field,
            suggested_action="Configure the same Glean everywhere. To serve another one, take every dataset down, "
            "stop all replicas, and run `dataset-lifecycle platform move` before you start the first one with the new "
            "setting.",
        )
    if not ours.keys or not theirs.keys:
        return
    if ours.keys[0] not in theirs.keys:
        problem = f"the replica on {theirs.host} lacks the first key of this one"
    elif theirs.keys[0] not in ours.keys:
        problem = f"this one lacks the first key of the replica on {theirs.host}"
    else:
        return
    raise SettingsError(
        f"Replicas would not understand the answers to each other's questions: {problem}.",
        field="http.state_keys",
        suggested_action=_ROTATION,
    )


def _differing_setting(one: Fingerprint, other: Fingerprint) -> str | None:
    """The setting in which two Gleans differ, or None. An unknown tenant counts as the same as any tenant."""
    if one.dialect != other.dialect:
        return "glean.dialect"
    if one.url != other.url:
        return "glean.base_url"
    return "glean.api_key" if None not in (one.tenant, other.tenant) and one.tenant != other.tenant else None


def _record_note(owner: str | None, ours: ReplicaNote, uow: UnitOfWork) -> dict[str, ReplicaNote]:
    others = _load_notes(uow)
    if owner:
        uow.settings.put(NOTES, {**_load_raw_notes(uow), owner: asdict(ours)})
    return others


def _record_agreement(platform: Fingerprint, dead: Collection[str], uow: UnitOfWork) -> None:
    if dead:
        _delete_notes(dead, uow)
    agreed = uow.settings.get(PLATFORM)
    # A process that does not know its tenant must not erase the tenant that was agreed on.
    comparable = replace(agreed, tenant=None) if agreed and platform.tenant is None else agreed
    if comparable != platform:
        _refuse_other_connectors(platform, uow)
        uow.settings.put(PLATFORM, platform)


def _refuse_other_connectors(platform: Fingerprint, uow: UnitOfWork) -> None:
    """Raise SettingsError while a connector is in another Glean, where this process could not manage it."""
    for each in _iterate_connectors(uow):
        if field := _differing_setting(platform, each.fingerprint):
            raise SettingsError(
                f"This process serves {platform.describe()}, but the connector {each.name} is in "
                f"{each.fingerprint.describe()}.",
                field=field,
                suggested_action="Configure that Glean, and take its datasets down before you serve another one.",
            )


def _iterate_connectors(uow: UnitOfWork) -> Iterator[Connector]:
    return paginate(
        lambda after: uow.connectors.list_connected(after=after, limit=_PAGE),
        lambda last: last.connector_id,
    )


def _delete_notes(owners: Collection[str], uow: UnitOfWork) -> None:
    left = {owner: note for owner, note in _load_raw_notes(uow).items() if owner not in owners}
    uow.settings.put(NOTES, left)


def _load_raw_notes(uow: UnitOfWork) -> dict[str, dict[str, Any]]:
    return uow.settings.get(NOTES) or {}


def _load_notes(uow: UnitOfWork) -> dict[str, ReplicaNote]:
    """The notes of all replicas, as far as this release knows their fields."""
    return {
        owner: ReplicaNote(
            host=str(note["host"]),
            platform=Fingerprint(
                dialect=note["platform"]["dialect"],
                url=note["platform"]["url"],
                tenant=note["platform"]["tenant"],
            ),
            keys=tuple(note["keys"]),
        )
        for owner, note in _load_raw_notes(uow).items()
    }
