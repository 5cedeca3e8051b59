"""Our SQL is written as SQLite reads it; here is all that PostgreSQL wants otherwise.

What both understand is passed as it stands. It is a rewriting of our own sentences, not of any SQL.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_FOLDED: Final = (
    (re.compile(r"([\w.]+) = (:\w+) collate nocase"), r"lower(\1) = lower(\2)"),
    (re.compile(r"([\w.]+) collate nocase"), r"lower(\1)"),
)
_REWRITTEN: Final = (
    *_FOLDED,
    # PostgreSQL chooses its indexes itself.
    (re.compile(r"\sindexed by \w+"), ""),
    (re.compile(r"\bis not (\w\.\w+)"), r"is distinct from \1"),
    (re.compile(r"cast\(([\w.]+) as blob\)"), r"convert_to(\1, 'UTF8')"),
    # No text of PostgreSQL holds the character NUL, though JSON may write it.
    (re.compile(r"\b([\w.]+) ->> '\$\.(\w+)'"), r"replace(\1, '\\u0000', '\\ufffd')::jsonb ->> '\2'"),
    (re.compile(r"\bjson_each\((:\w+)\)"), r"json_array_elements_text(\1::json)"),
    (re.compile(r"%"), "%%"),
    (re.compile(r"(?<![:\w]):([a-z]\w*)"), r"%(\1)s"),
)


@lru_cache(512)
def translate_statement(sql: str) -> str:
    """A statement with values named `:name`, as psycopg takes it."""
    for pattern, replacement in _REWRITTEN:
        sql = pattern.sub(replacement, sql)
    return sql


def translate_definition(sql: str) -> str:
    """Statements that define something and take no values."""
    for pattern, replacement in _FOLDED:
        sql = pattern.sub(replacement, sql)
    return sql
