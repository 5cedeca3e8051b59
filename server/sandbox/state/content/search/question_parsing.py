"""Parses the text of a search into keywords, all of which must match, or a question in free words."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_WORD: Final = re.compile(r"[^\W_]+(?:[-'./][^\W_]+)*")
_KEY: Final = re.compile(r"(?=.*\d)(?=.*[^\W\d_])")
_ASKING: Final = frozenset(("how", "what", "when", "where", "which", "who", "whom", "whose", "why"))


# The closed word classes of English: they build a sentence, but say nothing of its subject.
_FUNCTION_WORDS: Final = _ASKING.union(
    *map(
        str.split,
        (
            "a an the this that these those such some any no each every either neither both all i me my mine myself",
            "we us our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it",
            "its itself they them their theirs themselves anybody anyone anything everybody everyone everything",
            "nobody nothing somebody someone something one ones am is are was were be been being do does did doing",
            "done have has had having can cannot could may might must shall should will would aren't can't couldn't",
            "didn't doesn't don't hadn't hasn't haven't isn't mustn't shouldn't wasn't weren't won't wouldn't about",
            "above across after against along among around as at before behind below beneath beside between beyond by",
            "down during except for from in inside into like near of off on onto out outside over past since through",
            "throughout till to toward towards under until unto up upon via with within without and but because if",
            "nor or so than though although unless whereas whether while yet again also else ever even here just more",
            "most much not now once only other otherwise own same still then there thus too very",
        ),
    )
)


class FulltextQuery(NamedTuple):
    """Query in the syntax of FTS5, with each word quoted so that none is read as an operator."""

    match: str
    """The expression that a document must match, and by which it is ranked."""

    terms: tuple[str, ...] = ()
    """The words of a question; empty for keywords."""

    least: int = 0
    """The number of `terms` that a document must have at least."""


def parse_query(text: str) -> FulltextQuery | None:
    """Parse the text of a search; None when it has no word to search for.

    A text that ends in a question mark or begins with a question word is a question. Its answer may use other words, so
    a third of its content words is enough, two at least. A key in it, such as `INC-2041`, has no other wording, so it
    must match. Any other text is keywords: all must match, and a key counts as one phrase.
    """
    words = _WORD.findall(text.casefold().replace("\u2019", "'"))
    if not (text.rstrip().endswith("?") or (words and words[0] in _ASKING)):
        return _keyword_query(text)
    content_words = (word.removesuffix("'s") for word in words if word not in _FUNCTION_WORDS)
    terms = tuple(dict.fromkeys(map(_quote, content_words)))
    if not terms:
        return _keyword_query(text)
    match = " OR ".join(terms)
    keys = [term for term in terms if _KEY.match(term)]
    if keys:
        return FulltextQuery(match=f"{' AND '.join(keys)} AND ({match})", terms=terms, least=len(keys))
    return FulltextQuery(match=match, terms=terms, least=min(len(terms), max(2, -(-len(terms) // 3))))


def _keyword_query(text: str) -> FulltextQuery | None:
    words = [word for word in text.replace("\0", " ").split() if any(letter.isalnum() for letter in word)]
    return FulltextQuery(match=" ".join(map(_quote, words))) if words else None


def _quote(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
