"""SQL dialect: our statements are written for SQLite, and translated here for PostgreSQL.

What both understand is left unchanged. This translates our own statements only, not any SQL.
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
    # A text of PostgreSQL cannot contain the character NUL, but JSON may contain it escaped.
    (re.compile(r"\b([\w.]+) ->> '\$\.(\w+)'"), r"replace(\1, '\\u0000', '\\ufffd')::jsonb ->> '\2'"),
    (re.compile(r"\bjson_each\((:\w+)\)"), r"json_array_elements_text(\1::json)"),
    (re.compile(r"%"), "%%"),
    (re.compile(r"(?<![:\w]):([a-z]\w*)"), r"%(\1)s"),
)


@lru_cache(512)
def translate_statement(sql: str) -> str:
    """Translate a statement with parameters like `:name` into psycopg's form."""
    for pattern, replacement in _REWRITTEN:
        sql = pattern.sub(replacement, sql)
    return sql


def translate_definition(sql: str) -> str:
    """Translate statements that define tables or indexes and have no parameters."""
    for pattern, replacement in _FOLDED:
        sql = pattern.sub(replacement, sql)
    return sql
