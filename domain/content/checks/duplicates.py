"""Duplicate detector: finds repeated ids and dangling references, in memory that does not grow with the records.

An id (without case) is stored as a 64-bit hash, the latest ids in a set and the others in the spill. Once there are
more ids than the set holds, each id also sets one bit of a filter, which shows at once that most ids are new. (The
bits come from CRCs, which are the same in every process; hashes are not.) A record whose hash is in the set, or whose
bit is set already, is held back; at the end, the hashes show whether its id did come before. References are stored as
hashes too, and joined with the ids partition by partition, unless they lead to one of the latest ids.
"""

from __future__ import annotations

from array import array
from itertools import compress
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from domain.content.checks.spill import Spill

_FILTER_BYTES: Final = 1 << 23
_SHIFT: Final = 32 - 23
"""The upper bits of a mixed 32-bit hash select the byte of the filter, the three bits below them the bit."""
_MIX: Final = 0x9E3779B1
"""Consecutive ids differ in few bits, and a CRC is linear in them: a product spreads them (Knuth, TAOCP 6.4)."""
_PARTITIONS: Final = 64
_LATEST: Final = 1 << 16
"""How many hashes of ids stay in memory."""
_FLUSH: Final = 1 << 14
"""How many other hashes stay in memory."""
_TOGETHER: Final = 1 << 10
_HELD_BYTES: Final = 1 << 18
_SAMPLES: Final = 1000
_TEXT: Final = 100
"""How many characters of a reference are remembered, to name it."""
_MASKS: Final = tuple(1 << bit for bit in range(8))


class HeldRecord(NamedTuple):
    """Held record: its position, its line, and whether an earlier record has its id."""

    position: int
    line: bytes
    is_duplicate: bool


class DanglingReferences(NamedTuple):
    """Dangling references: their number, the first ones, and how many others lead to records left out.

    An example is the position of the record, and the reference.
    """

    total: int
    examples: list[tuple[int, str]]
    left_out: int


def _casefold(ids: Sequence[str]) -> Sequence[str]:
    """Each id without case. Many ids are folded in one call, which is faster."""
    given = "\n".join(ids)
    folded = given.casefold()
    if folded == given:
        return ids
    keys = folded.split("\n")
    return keys if len(keys) == len(ids) else [each.casefold() for each in ids]


def _join_texts(texts: Iterable[str]) -> bytes:
    return "\0".join([each.replace("\0", " ") for each in texts]).encode("utf-8", "replace")


def _split_texts(piece: bytes) -> list[str]:
    return piece.decode().split("\0")


class DuplicateDetector:
    """Duplicate detector: the ids and references of one pass."""

    def __init__(self, spill: Spill) -> None:
        self._spill = spill
        self._ids: set[int] = set()
        self._checksums = array("I")
        # Not bytearray(n), which takes its memory only when it is written: a pass must not run out of memory midway.
        self._filter = bytearray(1) * _FILTER_BYTES
        self._exact = True
        self._left_out = array("q")
        self._references = array("q")
        self._referrers = array("Q")
        self._texts: list[str] = []
        self._held_hashes = array("q")
        self._held_positions = array("Q")
        self._held_lines: list[bytes] = []
        self._held_bytes = 0
        self._unmet = 0
        self.references = 0

    def register_ids(self, ids: Sequence[str]) -> list[int]:
        """Register ids; return the indexes, in order, of those that may be duplicates and must be held back."""
        keys = _casefold(ids)
        hashes = list(map(hash, keys))
        checksums = map(crc32, map(str.encode, keys))
        if self._exact and len(self._checksums) + len(keys) <= _LATEST:
            self._checksums.extend(checksums)
            suspects = self._find_repeated(hashes)
        else:
            self._exact = False
            while self._checksums:
                self._claim_filter_bits(self._checksums[-_TOGETHER:])
                del self._checksums[-_TOGETHER:]
            suspects = self._claim_filter_bits(checksums)
        for at in reversed(suspects):
            del hashes[at]
        self._ids.update(hashes)
        if len(self._ids) >= _LATEST:
            self._spill_partitioned("ids", self._ids)
            self._ids.clear()
        return suspects

    def _find_repeated(self, hashes: list[int]) -> list[int]:
        """The indexes of the hashes that are known, or come earlier in the list."""
        if len(set(hashes)) == len(hashes) and self._ids.isdisjoint(hashes):
            return []
        first: dict[int, int] = {}
        for at, each in enumerate(hashes):
            first.setdefault(each, at)
        return [at for at, each in enumerate(hashes) if each in self._ids or first[each] != at]

    def _claim_filter_bits(self, checksums: Iterable[int]) -> list[int]:
        """Set the bits of these checksums; return the indexes of those whose bit was set already."""
        bits, shift = self._filter, _SHIFT
        taken = []
        for at, slot in enumerate([each * _MIX & 0xFFFFFFFF for each in checksums]):
            mask = _MASKS[slot >> 6 & 7]
            byte = bits[slot >> shift]
            if byte & mask:
                taken.append(at)
            else:
                bits[slot >> shift] = byte | mask
        return taken

    def hold_record(self, identity: str, position: int, line: bytes) -> None:
        """Hold a record back until all ids are registered."""
        self._held_hashes.extend(map(hash, _casefold([identity])))
        self._held_positions.append(position)
        self._held_lines.append(line)
        self._held_bytes += len(line)
        if self._held_bytes >= _HELD_BYTES:
            self._spill.add("held", b"\n".join(self._held_lines))
            self._held_lines.clear()
            self._held_bytes = 0

    def register_left_out(self, identity: str) -> None:
        """Register the id of a record that exists beyond the number asked for."""
        self._left_out.extend(map(hash, _casefold([identity])))
        if len(self._left_out) >= _FLUSH:
            self._spill_partitioned("left out", self._left_out)
            del self._left_out[:]

    def count_met(self, references: Sequence[str]) -> bool:
        """Count references if every one of them leads to one of the latest ids; whether they did."""
        met = self._ids.issuperset(map(hash, _casefold(references)))
        self.references += len(references) if met else 0
        return met

    def register_references(self, positions: Iterable[int], references: Sequence[str]) -> None:
        """Register the reference of each position to the id beside it, unless that is one of the latest ids."""
        self.references += len(references)
        hashes = list(map(hash, _casefold(references)))
        unmet = [each not in self._ids for each in hashes]
        self._references.extend(compress(hashes, unmet))
        self._referrers.extend(compress(positions, unmet))
        self._texts.extend([each[:_TEXT] for each in compress(references, unmet)])
        if len(self._references) >= _FLUSH:
            self._flush_references()

    def resolve_held(self) -> Iterator[HeldRecord]:
        """Every held record, in order, with the verdict. Call it once, when all ids are registered."""
        if not self._held_hashes:
            return
        # Among ten million ids, some 700,000 are held for a bit that another one has set: too many for one set.
        parts = [array("I") for _ in range(_PARTITIONS)]
        for at, each in enumerate(self._held_hashes):
            parts[each % _PARTITIONS].append(at)
        repeated = bytearray(len(self._held_hashes))
        for part, held in enumerate(parts):
            self._mark_repeated(part, held, repeated)
        for position, line, is_duplicate in zip(
            self._held_positions, self._read_held_lines(), repeated, strict=True
        ):
            yield HeldRecord(position, line, bool(is_duplicate))

    def _mark_repeated(self, part: int, held: array[int], repeated: bytearray) -> None:
        """Mark the held records of a partition whose id comes earlier, and register the ids of the others."""
        hashes = self._held_hashes
        suspects = {hashes[at] for at in held}
        known = suspects.intersection(self._ids)
        for piece in self._read_hashes("ids", part):
            known |= suspects.intersection(piece)
        fresh = array("q")
        for at in held:
            if hashes[at] in known:
                repeated[at] = True
            else:
                known.add(hashes[at])
                fresh.append(hashes[at])
        if fresh:
            self._spill.add(f"ids {part}", fresh.tobytes())

    def find_dangling(self, examples: int) -> DanglingReferences:
        """Find the references that lead to no id. Call it once, when all ids are registered."""
        self._flush_references()
        if not self._unmet:
            return DanglingReferences(0, [], 0)
        self._spill_partitioned("ids", self._ids)
        self._ids.clear()
        self._spill_partitioned("left out", self._left_out)
        del self._left_out[:]
        count = left_out = 0
        samples: set[int] = set()
        for part in range(_PARTITIONS):
            lost, beyond = self._find_lost(part)
            for piece in self._read_hashes("references", part) if lost or beyond else ():
                count += sum(each in lost for each in piece)
                left_out += sum(each in beyond for each in piece)
            samples.update(sorted(lost)[: _SAMPLES // _PARTITIONS])
        return DanglingReferences(count, self._find_referrers(samples, examples), left_out)

    def _read_held_lines(self) -> Iterator[bytes]:
        for piece in self._spill.read_pieces("held"):
            yield from piece.split(b"\n")
        yield from self._held_lines

    def _find_lost(self, part: int) -> tuple[set[int], set[int]]:
        lost: set[int] = set()
        for piece in self._read_hashes("references", part):
            lost.update(piece)
        for piece in self._read_hashes("ids", part) if lost else ():
            lost.difference_update(piece)
        beyond: set[int] = set()
        for piece in self._read_hashes("left out", part) if lost else ():
            beyond |= lost.intersection(piece)
        return lost - beyond, beyond

    def _find_referrers(self, samples: set[int], examples: int) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        if not samples:
            return found
        for hashes, referrers, texts in zip(
            *(self._spill.read_pieces(heap) for heap in ("referred", "referrers", "texts")), strict=True
        ):
            rows = zip(array("q", hashes), array("Q", referrers), _split_texts(texts), strict=True)
            found += [(position, text) for identity, position, text in rows if identity in samples]
            if len(found) >= examples:
                break
        return found[:examples]

    def _flush_references(self) -> None:
        """Spill the references that still lead to none of the latest ids."""
        unmet = [each not in self._ids for each in self._references]
        references = array("q", compress(self._references, unmet))
        if references:
            self._unmet += len(references)
            self._spill.add("referred", references.tobytes())
            self._spill.add("referrers", array("Q", compress(self._referrers, unmet)).tobytes())
            self._spill.add("texts", _join_texts(compress(self._texts, unmet)))
            self._spill_partitioned("references", references)
        del self._references[:], self._referrers[:], self._texts[:]

    def _spill_partitioned(self, kind: str, hashes: Iterable[int]) -> None:
        """Spill hashes in partitions, by their lowest bits."""
        parts: list[list[int]] = [[] for _ in range(_PARTITIONS)]
        puts = [part.append for part in parts]
        for each in hashes:
            puts[each % _PARTITIONS](each)
        for number, part in enumerate(parts):
            if part:
                self._spill.add(f"{kind} {number}", array("q", part).tobytes())

    def _read_hashes(self, kind: str, part: int) -> Iterator[array[int]]:
        for piece in self._spill.read_pieces(f"{kind} {part}"):
            yield array("q", piece)
