"""Hash chain of the audit log: each link hashes the link before it and one entry's canonical document.

To hide the change, removal or move of a sealed entry, every later link has to be made anew. The chain then no longer
leads to a head that was exported and stored elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

# A head is read back by these annotations.
from datetime import datetime  # noqa: TC003
from hashlib import sha256
from typing import TYPE_CHECKING

from domain.ports import AuditRepository, ChainLink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """Head of a chain: the last position (0: no link yet) and its hash. Stored elsewhere, it proves all links before.

    `installation` and `exported_at` are None when only position and hash were stored.
    """

    position: int
    hash: str
    installation: str | None = None
    exported_at: datetime | None = None


def genesis_hash(installation: str) -> str:
    """The hash before the first link. It differs by installation, so that one chain cannot pass for another."""
    return sha256(f"dataset-lifecycle audit {installation}".encode()).hexdigest()


def link_hash(previous: str, document: bytes) -> str:
    """The hash of the link that seals that document, after the link with the hash `previous`."""
    return sha256(previous.encode() + document).hexdigest()


def chain_links(head: ChainHead, entries: Iterable[tuple[int, bytes]]) -> Iterator[ChainLink]:
    """The links that continue a head over entries, each a sequence number and a document."""
    position, previous = head.position, head.hash
    for seq, document in entries:
        position, previous = position + 1, link_hash(previous, document)
        yield ChainLink(position, seq, previous)


def load_chain_head(audit: AuditRepository, installation: str) -> ChainHead:
    """Load the current head of the chain."""
    last = audit.chain_head()
    if last is None:
        return ChainHead(position=0, hash=genesis_hash(installation), installation=installation)
    return ChainHead(position=last.position, hash=last.hash, installation=installation)
