"""The chain beside the audit log: each link's hash is made of the one before it and an entry's canonical document.

Whoever changes, removes or moves an entry that is sealed would have to make every later link anew, and then the chain
does not lead to a head that somebody kept elsewhere.
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
    """Where a chain ends: the last position (0: no link yet) and its hash. Kept elsewhere, it proves all before it.

    `installation` and `exported_at` are None when only position and hash were kept.
    """

    position: int
    hash: str
    installation: str | None = None
    exported_at: datetime | None = None


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


def load_chain_head(audit: AuditRepository, installation: str) -> ChainHead:
    """Where the chain ends now."""
    last = audit.chain_head()
    if last is None:
        return ChainHead(position=0, hash=genesis_hash(installation), installation=installation)
    return ChainHead(position=last.position, hash=last.hash, installation=installation)
