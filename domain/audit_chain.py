"""The chain beside the audit log: each link's hash is made of the one before it and an entry's canonical document.

Whoever changes, removes or moves an entry that is sealed would have to make every later link anew, and then the chain
does not lead to a head that somebody kept elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  # a head is read back by these annotations
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class ChainLink(NamedTuple):
    """One link: its position from 1, the log's sequence number of its entry, and its SHA-256 in hex."""

    position: int
    seq: int
    hash: str


class SealedEntry(NamedTuple):
    """A link with the document of its entry as it is now, in UTF-8, None when that is gone."""

    position: int
    seq: int
    hash: str
    document: bytes | None


class StoredEntry(NamedTuple):
    """An entry with its sequence number, and its position in the chain once it is sealed."""

    seq: int
    position: int | None
    document: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """Where a chain ends: the last position (0: no link yet) and its hash. Kept elsewhere, it proves all before it.

    `installation` and `exported_at` are None when only position and hash were kept.
    """

    position: int
    hash: str
    installation: str | None = None
    exported_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsealedTail:
    """What is not sealed yet: how many entries, and the document of the oldest, None when there is none."""

    count: int = 0
    oldest: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which entries, newest first, before that sequence number. Empty filters match all.

    `clients` are those that the entries may be about, None for any; an entry that is about no client is then left out.
    """

    dataset_id: str | None = None
    client_id: str | None = None
    principal: str | None = None
    decision: str | None = None
    clients: frozenset[str] | None = None
    before: int | None = None
    limit: int = 100


class AuditRecords(Protocol):
    """The audit log and its chain, inside one transaction.

    What is read of a document is its bytes, whatever became of it. A list of them ends early before it grows too long.
    """

    def append_entry(self, *documents: str) -> None:
        """Append canonical entries to the audit log; they are never changed."""
        ...

    def audited(self, audit_id: str) -> bool:
        """Whether the call of that id has an entry."""
        ...

    def entries(self, query: AuditQuery) -> list[StoredEntry]:
        """Entries, newest first."""
        ...

    def lock_chain(self) -> None:
        """Hold off every other sealer until the transaction ends."""
        ...

    def unsealed(self, limit: int) -> list[tuple[int, bytes]]:
        """Sequence number and document of entries that have no link and are still to get one, in order."""
        ...

    def seal(self, links: Sequence[ChainLink]) -> None:
        """Append links; they are never changed."""
        ...

    def chain_head(self) -> ChainLink | None:
        """The last link."""
        ...

    def chain(self, *, after: int, limit: int) -> list[SealedEntry]:
        """Links after that position, in order; empty only at the end."""
        ...

    def tail(self) -> UnsealedTail:
        """The entries that are still to get a link."""
        ...

    def passed_over(self) -> int | None:
        """The first entry without a link that no sealer takes any more: put in behind its back. None: there is none."""
        ...


def genesis_hash(installation: str) -> str:
    """What stands for the hash before the first link: no installation's chain is another's."""
    return sha256(f"dataset-lifecycle audit {installation}".encode()).hexdigest()


def link_hash(previous: str, document: bytes) -> str:
    """The hash of the link that comes after the one of hash `previous` and seals that document."""
    return sha256(previous.encode() + document).hexdigest()


def chain_links(head: ChainHead, entries: Iterable[tuple[int, bytes]]) -> Iterator[ChainLink]:
    """The links that go on from a head over those entries, each a sequence number and a document."""
    position, held = head.position, head.hash
    for seq, document in entries:
        position, held = position + 1, link_hash(held, document)
        yield ChainLink(position, seq, held)


def load_chain_head(records: AuditRecords, installation: str) -> ChainHead:
    """Where the chain ends now."""
    last = records.chain_head()
    if last is None:
        return ChainHead(position=0, hash=genesis_hash(installation), installation=installation)
    return ChainHead(position=last.position, hash=last.hash, installation=installation)
