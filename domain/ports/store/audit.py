"""Repository of the audit log and its hash chain: entries, links, and the unsealed tail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class ChainLink(NamedTuple):
    """Chain link: its position from 1, the sequence number of its entry, and its SHA-256 in hexadecimal."""

    position: int
    seq: int
    hash: str


class SealedEntry(NamedTuple):
    """Sealed entry: a link with its entry's document as stored now, in UTF-8, None when the entry is gone."""

    position: int
    seq: int
    hash: str
    document: bytes | None


class StoredEntry(NamedTuple):
    """Stored entry: its sequence number, its document, and its position in the chain once it is sealed."""

    seq: int
    position: int | None
    document: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsealedTail:
    """Unsealed tail: how many entries have no link yet, and the document of the oldest, None when there is none."""

    count: int = 0
    oldest: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Query of audit entries, newest first, before the sequence number `before`. Empty filters match all.

    `clients` are the clients that entries may be about, None for any. When they are given, an entry that is about no
    client is left out.
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

    A document is read as bytes, even when it was damaged. A list of documents ends early before it takes too much
    memory.
    """

    def append(self, *documents: str) -> None:
        """Append canonical entries to the audit log; they are never changed."""
        ...

    def has_call(self, audit_id: str) -> bool:
        """Whether the call of that id has an entry."""
        ...

    def add_actors(self, *subjects: str) -> None:
        """Remember agents that have acted for somebody; those that are known already change nothing."""
        ...

    def is_actor(self, subject: str) -> bool:
        """Whether that subject has ever acted for somebody else in a call."""
        ...

    def find(self, query: AuditQuery) -> list[StoredEntry]:
        """Entries, newest first."""
        ...

    def lock_chain(self) -> None:
        """Lock the chain against other sealers until the transaction ends."""
        ...

    def list_unsealed(self, limit: int) -> list[tuple[int, bytes]]:
        """Sequence number and document of the entries that are still to be sealed, in order."""
        ...

    def append_links(self, links: Sequence[ChainLink]) -> None:
        """Append links; they are never changed."""
        ...

    def chain_head(self) -> ChainLink | None:
        """The last link; None when the chain is empty."""
        ...

    def list_sealed(self, *, after: int, limit: int) -> list[SealedEntry]:
        """Links after that position, in order; empty only at the end of the chain."""
        ...

    def unsealed_tail(self) -> UnsealedTail:
        """How many entries are still to be sealed, and the oldest of them."""
        ...

    def first_passed_over(self) -> int | None:
        """The first entry that was inserted behind sealed ones, and so gets no link; None: there is none."""
        ...
