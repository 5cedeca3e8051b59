"""What processes on a shared store have to agree on: the Glean that they serve, and the keys of what clients hold.

Every replica that serves leaves a note in the store, which counts as long as its lock in the database is held. One that
comes later and disagrees with a living one is refused, as is one whose Glean is not that of the connectors there.
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
"""The note of each replica, by its owner. Notes of a newer release are kept with what this one does not know of."""
PLATFORM: Final = Setting("platform", Fingerprint, absent_if_unreadable=True)
"""The Glean that was agreed on last; where it cannot be read, it is agreed on anew."""

_PAGE: Final = 500
_PRINT: Final = "seals what clients hold between a question and its answer"
_PRINT_CHARACTERS: Final = 32
_SHOWN_S: Final = 15.0
_ROTATION: Final = (
    "Give every replica the same list in http.state_keys. To change a key, put the new one behind the old one "
    "everywhere, then before it, then leave the old one out."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaNote:
    """What one replica goes by. `keys` are prints, the one that seals first; none where answers need not meet."""

    host: str
    platform: Fingerprint
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A process that serves beside others.

    `owner` names its lock, and `shown` waits, at most so many seconds, until that is held. `keys` are those of what its
    clients hold; none for one that no answer to another's question can reach.
    """

    owner: str
    wait_until_present: Callable[[float], bool]
    keys: Sequence[str] = ()


@asynccontextmanager
async def join_replicas(
    store: Store, platform: Fingerprint, is_alive: Callable[[str], bool], replica: Replica | None = None
) -> AsyncIterator[None]:
    """Be one of those who agree; `lives` tells, blocking, whether a lock is held.

    Without `replica` this process works beside them for a while and leaves no note. Raises SettingsError naming the
    setting that differs, and StoreFailedError when it cannot be found out who lives.
    """
    installation = await store.read(lambda uow: uow.installation)
    ours = ReplicaNote(
        host=f"{socket.gethostname()} (process {os.getpid()})",
        platform=platform,
        keys=key_fingerprints(replica.keys, installation) if replica else (),
    )
    if replica and not await to_thread.run_sync(replica.wait_until_present, _SHOWN_S):
        raise StoreFailedError("The store does not show this process as alive.")
    own = replica.owner if replica else None
    try:
        # Noted before the others are looked at: of two who come at once, the second sees the first.
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
            ):  # without its lock the note counts for nothing
                await store.transact(partial(_delete_notes, [own]))


async def count_agreeing_replicas(
    store: Store, platform: Fingerprint, keys: Sequence[str], is_alive: Callable[[str], bool]
) -> int:
    """How many replicas live there; a process with that Glean and those keys would agree with all of them.

    Changes nothing. Raises SettingsError like `agreeing`.
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
    """What stands for each key in the store: it tells keys apart, and says nothing about them."""
    message = f"{_PRINT}: {installation}".encode()
    return tuple(hmac.new(each.encode(), message, "sha256").hexdigest()[:_PRINT_CHARACTERS] for each in keys)


def require_agreement(ours: ReplicaNote, theirs: ReplicaNote) -> None:
    """Raises SettingsError when a replica that goes by `ours` cannot serve beside one that goes by `theirs`.

    Each has to open what the other seals, so that a key can be changed one replica after another.
    """
    if field := _differing_setting(ours.platform, theirs.platform):
        raise SettingsError(
            f"This process serves {_describe_platform(ours.platform)}, and the replica on {theirs.host} {_describe_platform(theirs.platform)}.",
            field=field,
            suggested_action="Configure the same Glean everywhere. To serve another one, take every dataset down, "
            "and stop all replicas before the first with the new setting starts.",
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
    """The setting by which two Gleans differ; a tenant that is not known differs from none."""
    if one.dialect != other.dialect:
        return "glean.dialect"
    if one.url != other.url:
        return "glean.base_url"
    return "glean.api_key" if None not in (one.tenant, other.tenant) and one.tenant != other.tenant else None


def _describe_platform(platform: Fingerprint) -> str:
    tenant = f", tenant {platform.tenant}" if platform.tenant else ""
    return f"{platform.url} ({platform.dialect} dialect{tenant})"


def _record_note(owner: str | None, ours: ReplicaNote, uow: UnitOfWork) -> dict[str, ReplicaNote]:
    others = _load_notes(uow)
    if owner:
        uow.settings.put(NOTES, {**_load_raw_notes(uow), owner: asdict(ours)})
    return others


def _record_agreement(platform: Fingerprint, dead: Collection[str], uow: UnitOfWork) -> None:
    if dead:
        _delete_notes(dead, uow)
    known = uow.settings.get(PLATFORM)
    # One whose tenant is not known changes nothing about what is.
    known_too = replace(known, tenant=None) if known and platform.tenant is None else known
    if known_too != platform:
        _refuse_other_connectors(platform, uow)
        uow.settings.put(PLATFORM, platform)


def _refuse_other_connectors(platform: Fingerprint, uow: UnitOfWork) -> None:
    """Raises SettingsError while a connector is at another Glean: nobody could look after it."""
    for each in _iterate_connectors(uow):
        if field := _differing_setting(platform, each.fingerprint):
            raise SettingsError(
                f"This process serves {_describe_platform(platform)}, and the connector {each.name} is at "
                f"{_describe_platform(each.fingerprint)}.",
                field=field,
                suggested_action="Configure that Glean, and take down what is there before another one is served.",
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
    """What others go by, as far as this release understands it."""
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
