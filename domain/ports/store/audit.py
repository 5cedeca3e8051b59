"""The audit log and its chain, as the store has them: entries, links, and how far the chain has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class AuditRepository(Protocol):
    """The audit log and its chain, inside one transaction.

    What is read of a document is its bytes, whatever became of it. A list of them ends early before it grows too long.
    """

    def append(self, *documents: str) -> None:
        """Append canonical entries to the audit log; they are never changed."""
        ...

    def has_call(self, audit_id: str) -> bool:
        """Whether the call of that id has an entry."""
        ...

    def find(self, query: AuditQuery) -> list[StoredEntry]:
        """Entries, newest first."""
        ...

    def lock_chain(self) -> None:
        """Hold off every other sealer until the transaction ends."""
        ...

    def list_unsealed(self, limit: int) -> list[tuple[int, bytes]]:
        """Sequence number and document of entries that have no link and are still to get one, in order."""
        ...

    def append_links(self, links: Sequence[ChainLink]) -> None:
        """Append links; they are never changed."""
        ...

    def chain_head(self) -> ChainLink | None:
        """The last link."""
        ...

    def list_sealed(self, *, after: int, limit: int) -> list[SealedEntry]:
        """Links after that position, in order; empty only at the end."""
        ...

    def unsealed_tail(self) -> UnsealedTail:
        """The entries that are still to get a link."""
        ...

    def first_passed_over(self) -> int | None:
        """The first entry without a link that no sealer takes any more: put in behind its back. None: there is none."""
        ...
