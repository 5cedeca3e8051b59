"""Normalised texts: what a reader sees of a text, with the place of every character in the original.

Entities, percent-encoding, escapes of JSON, look-alikes, accents and invisible characters are undone. The `flow` of a
text is also without its tags and emphasis, so that a name which markup divides is one again.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING, Final, NamedTuple
from unicodedata import category, normalize
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOK_ALIKES: Final = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухԁԛԝһΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυɑɡıȷɩӏⅼłøđðħŧŁØĐÐĦŦ‐‑‒–—―−’‘‛′“”„″／։∕⁄․",
    "ABESIJKMHOPCTYXaesijopcyxdqwhABEZHIKMNOPTYXaiknopuagijillloddhtLODDHT-------''''\"\"\"\"/://.",
)
"""Cyrillic, Greek and other letters that look like Latin ones, letters with a stroke, and typographic marks."""
_HEX: Final = r"[0-9a-fA-F]"
_ESCAPES: Final = (
    r"(?<=&)(?:(?:nbsp|#160|#[xX][aA]0);(?:\s|&nbsp;)*"
    r"|(?:amp;)*(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});)"
    rf"|(?<=%)(?:25){{0,2}}(?:[0-7]{_HEX}|[cdCD]{_HEX}%(?:25){{0,2}}[89abAB]{_HEX}"
    rf"|[eE]{_HEX}(?:%(?:25){{0,2}}[89abAB]{_HEX}){{2}})"
    rf"|(?<=\\)(?:u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}|u{_HEX}{{4}}|(?=[_*.~`-]))"
)
_JSON_SPACE: Final = r"|(?<=\\)[nrt](?:\\[nrt])*"
_TAG: Final = r"/?[A-Za-z!][^<>]*>"
_MARKUP: Final = (
    rf"|(?<=<){_TAG}(?:\s|&nbsp;|<{_TAG})*|(?<=[*~`])[*~`]*|(?<=_)_*"
    r"|(?<=\{)(?<!\{\{)/?[a-z*_]+(?::[^{}\n]{0,200})?\}"
)
_JOINT: Final = (
    r'|(?<=")\s*(?:,\s*"marks"\s*:\s*\[[^\[\]]*\]\s*)?\}\s*,\s*\{\s*(?:"type"\s*:\s*"text"\s*,\s*)?'
    r'(?:"marks"\s*:\s*\[[^\[\]]*\]\s*,\s*)?"text"\s*:\s*"'
)
"""What stands between two texts of one paragraph in Atlassian's document format."""


def _compile(begins: str, *parts: str) -> re.Pattern[str]:
    """A pattern whose first character is one of a set, which is searched ten times as fast as its alternatives."""
    tails = rf"(?<=\s)\s*|(?<=[^\x00-\x7f])[^\x00-\x7f]*|{_ESCAPES}{''.join(parts)}"
    return re.compile(rf"[{begins}&%\\\n\r\t\x80-\U0010ffff](?:{tails})")


_PATTERNS: Final = {
    (flow, is_json): _compile(
        "<*~`_{" * flow + '"' * (flow and is_json),
        _MARKUP * flow,
        _JSON_SPACE * is_json,
        _JOINT * (flow and is_json),
    )
    for flow in (False, True)
    for is_json in (False, True)
}
_GAPS: Final = re.compile(r"  \s*")
"""Apart from the others, for each space would be tried."""
_ONE_TAG: Final = re.compile(f"<{_TAG}")
_GAP: Final = re.compile(r"\s|&nbsp;")
_BLOCK: Final = re.compile(
    r"</?(?:address|article|blockquote|br|d[dlt]|div|h[1-6r]|li|ol|p|pre|section|t[dhr]|table|tbody|ul)[\s/>]",
    re.IGNORECASE,
)
_HAS_FLOW: Final = re.compile(r"<[A-Za-z/!]|[*~`]|\{[a-z/*]|_(?![^\W_])")
_FLOW_MARKS: Final = "<*~`_{"
_SEPARATORS: Final = str.maketrans("._-+'/\n\t\r", "         ")
_INVISIBLE: Final = frozenset({"Cf", "Mn", "Me", "Cc"})
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_JSON_BEGINS: Final = ("{", "[")
_MARKS_OF_CHANGE: Final = ("  ", "&", "%", "\\", "\n\n", "\n ", " \n", "\r", "\t")


class _Folds(dict[int, str]):
    """The character or characters that each character outside of ASCII stands for, found when first met."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _fold(chr(code))
        return found


def _fold(character: str) -> str:
    if category(character) in _INVISIBLE or character in _FILLERS:
        return ""
    apart = normalize("NFKD", character.translate(_LOOK_ALIKES)).translate(_LOOK_ALIKES)
    bare = normalize("NFC", "".join(each for each in apart if category(each) not in _INVISIBLE))
    if bare.isspace():
        return " "
    return bare if len(bare.lower()) == len(bare) else character


_folds: Final = _Folds()


class Piece(NamedTuple):
    """Piece of a text whose length changed: its place in the normalised text, and that in the original.

    `kept` is markup or a separator, which a replacement leaves where it is.
    """

    at: int
    length: int
    start: int
    end: int
    kept: bool


class NormalizedText:
    """Normalised text: `shown` keeps the case; `folded` has small letters, and spaces for `. _ - + ' /` and line ends.

    Both have the same length, and `span` leads from it to the original.
    """

    __slots__ = ("_ends", "_joints", "_pieces", "folded", "shown", "source")

    def __init__(self, source: str, shown: str, pieces: list[Piece]) -> None:
        self.source = source
        self.shown = shown
        self.folded = shown.lower().translate(_SEPARATORS)
        self._pieces = pieces
        self._ends = [each.at + each.length for each in pieces]
        self._joints = [each.at for each in pieces if each.kept]

    def has_joint(self, start: int, end: int) -> bool:
        """Whether markup or a separator that is kept stands within a range."""
        number = bisect_right(self._joints, start)
        return number < len(self._joints) and self._joints[number] < end

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original that a range of the normalised text stands for."""
        if not self._pieces:
            return start, end
        return self._locate(start)[0], self._locate(end - 1)[1]

    def edits(self, start: int, end: int, text: str) -> list[tuple[int, int, str]]:
        """The changes of the original that put `text` in place of a range, with the markup in it kept.

        Where there is markup in it, each word is put where the word was that it replaces.
        """
        first, last = self.span(start, end)
        low, high = bisect_right(self._ends, start), bisect_right(self._ends, end - 1)
        if not any(each.kept and each.start >= first and each.end <= last for each in self._pieces[low:high]):
            return [(first, last, text)]
        words = [(start + each.start(), start + each.end()) for each in _WORD.finditer(self.shown[start:end])]
        edits: list[tuple[int, int, str]] = []
        for (begin, stop), new in zip(words, _distribute(text.split(" "), len(words)), strict=True):
            self._edit_word(begin, stop, new, edits)
        return edits

    def _edit_word(self, start: int, end: int, text: str, edits: list[tuple[int, int, str]]) -> None:
        """Put a text where the word begins, and take away the rest of the word, part by part."""
        at = None
        for each in range(start, end):
            begin, stop = self._locate(each)
            if at is not None and begin < at:
                continue  # one character of the original that is shown as several
            if begin == at:
                before = edits.pop()
                edits.append((before[0], stop, before[2]))
            else:
                edits.append((begin, stop, text if at is None else ""))
            at = stop

    def _locate(self, at: int) -> tuple[int, int]:
        """The range of the original for one character, with the invisible ones behind it."""
        number = bisect_right(self._ends, at)
        if number < len(self._pieces):
            piece = self._pieces[number]
            if piece.at <= at:
                return piece.start, piece.end
        before = self._pieces[number - 1] if number else _NO_PIECE
        start = before.end + at - before.at - before.length
        return start, start + 1


_NO_PIECE: Final = Piece(0, 0, 0, 0, kept=False)
_WORD: Final = re.compile(r"\S+")


def _distribute(words: list[str], places: int) -> list[str]:
    """Words for so many places: one each, or the first and the last and nothing between them, or all in the first."""
    if len(words) == places:
        return words
    if len(words) < places:
        return [*words[:-1], *[""] * (places - len(words)), words[-1]]
    return [" ".join(words), *[""] * (places - 1)]


def has_flow(text: str) -> bool:
    """Whether a text has marks that may divide a word."""
    if not any(map(text.__contains__, _FLOW_MARKS)):
        return False
    return _HAS_FLOW.search(text) is not None or (text.startswith(_JSON_BEGINS) and '"text"' in text)


def normalize_text(text: str, *, flow: bool = False) -> NormalizedText:
    """Normalise a text; with `flow`, its tags and emphasis are taken out."""
    # Nearly every text is plain, and this is known at the speed of memory.
    if not flow and text.isascii() and not any(map(text.__contains__, _MARKS_OF_CHANGE)):
        return NormalizedText(text, text, [])
    return _normalize(text, _PATTERNS[flow, text.startswith(_JSON_BEGINS)])


def fold_spelling(text: str) -> str:
    """A name or handle as it is in `folded` texts."""
    return normalize_text(text.strip()).folded.strip()


def _normalize(text: str, pattern: re.Pattern[str]) -> NormalizedText:
    parts: list[str] = []
    pieces: list[Piece] = []
    at = length = 0
    last = ""
    for start, end, source in _find_changes(text, pattern):
        if start < at:
            continue
        last = text[start - 1] if start > at else last
        if source[0] > "\x7f" and not source.isspace():
            parts.append(text[at:start])
            length = _add_characters(source, start, length + start - at, parts, pieces)
            at, last = end, parts[-1]
            continue
        shown, kept = _undo(source)
        if shown.isspace() and last.isspace():
            shown = ""
        if shown == source or (source[0] == "_" and _is_within_word(text, start, end)):
            continue
        parts += (text[at:start], shown)
        length += start - at
        pieces.append(Piece(length, len(shown), start, end, kept))
        length += len(shown)
        at, last = end, shown[-1:] or last
    parts.append(text[at:])
    return NormalizedText(text, "".join(parts), _extend(pieces))


def _find_changes(text: str, pattern: re.Pattern[str]) -> Iterable[tuple[int, int, str]]:
    found = [(*each.span(), each[0]) for each in pattern.finditer(text)]
    if "  " in text:
        found += [(*each.span(), each[0]) for each in _GAPS.finditer(text)]
        found.sort()
    return found


def _is_within_word(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start].isalnum() and text[end : end + 1].isalnum()


def _add_characters(source: str, start: int, length: int, parts: list[str], pieces: list[Piece]) -> int:
    folded = [_folds[ord(each)] for each in source]
    parts += folded
    if all(len(each) == 1 for each in folded):
        return length + len(source)
    for number, each in enumerate(folded, start):
        if len(each) != 1:
            pieces.append(Piece(length, len(each), number, number + 1, kept=False))
        length += len(each)
    return length


def _extend(pieces: list[Piece]) -> list[Piece]:
    """The pieces, those that show nothing and are not kept behind what precedes them, so that they go with it."""
    found: list[Piece] = []
    for each in pieces:
        if each.length or each.kept:
            found.append(each)
        elif found and found[-1].end == each.start and found[-1].length:
            found[-1] = found[-1]._replace(end=each.end)
        elif each.start and each.at and not (found and found[-1].end == each.start):
            found.append(Piece(each.at - 1, 1, each.start - 1, each.end, kept=False))
        else:
            found.append(each)
    return found


@lru_cache(maxsize=4096)
def _undo(source: str) -> tuple[str, bool]:
    """What a piece shows, and whether a replacement keeps it."""
    first = source[0]
    if source.isspace():
        return "\n" if "\n" in source else " ", True
    if first == "<":
        return " " if _BLOCK.search(source) or _GAP.search(_ONE_TAG.sub("", source)) else "", True
    if first == "&":
        shown = unescape(source)
        while shown != source and shown.startswith("&"):
            source, shown = shown, unescape(shown)
        return (" ", True) if shown.isspace() else (_show(shown), False)
    if first == "%":
        while "%25" in source:
            source = source.replace("%25", "%")
        shown = _show(unquote(source, errors="replace"))
        return shown, shown.isspace()
    if first == "\\":
        return _undo_escape(source)
    return "", True


def _undo_escape(source: str) -> tuple[str, bool]:
    if source[1:2] == "u":
        units = b"".join(int(each, 16).to_bytes(2, "big") for each in source.split("\\u")[1:])
        return _show(units.decode("utf-16-be", "replace")), False
    return ("\n" if len(source) > 1 else "", True)


def _show(text: str) -> str:
    return "".join(each if " " <= each <= "~" else _folds[ord(each)] for each in text)
