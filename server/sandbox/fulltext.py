"""The full-text index: which documents hold the words of a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from server.sandbox import contents, tenants

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_HITS: Final = (
    " FROM fulltext JOIN served ON document_row = fulltext.rowid JOIN datasource ON datasource.row = datasource_row"
    " WHERE fulltext MATCH :words AND tenant_id = :tenant AND (:name IS NULL OR name_key = :name)"
)
_COUNT: Final = f"SELECT count(*){_HITS}"
_BEST: Final = f"SELECT document_row{_HITS} ORDER BY rank, name_key, served.key LIMIT :limit"
_SHOWN: Final = (
    "SELECT document_row, datasource.name, datasource.id, connector, document.raw,"
    " snippet(fulltext, -1, '', '', '…', 24) AS snippet"
    " FROM fulltext JOIN served ON document_row = fulltext.rowid JOIN datasource ON datasource.row = datasource_row"
    " JOIN document ON document.row = document_row WHERE fulltext MATCH :words AND fulltext.rowid = :row"
)


def add(connection: sqlite3.Connection, connector: str, rows: Iterable[tuple[int, bytes]]) -> None:
    """Index documents of a connector, given by row number and as stored; they are found once they are served."""
    dialect = contents.of(connector)
    connection.executemany(
        "INSERT INTO fulltext (rowid, title, id, body, container, author) VALUES (?, ?, ?, ?, ?, ?)",
        ((row, *dialect.searchable(raw)) for row, raw in rows),
    )


def search(
    connection: sqlite3.Connection, question: str, *, datasource: str | None = None, limit: int = 10
) -> dict[str, Any]:
    """What is served now and has every word of the question; a key such as `INC-2041` counts as one phrase.

    Answers:
        `results`, the best `limit` of them, and their `total`.
    """
    words = match_expression(question)
    if not words:
        return {"results": [], "total": 0}
    asked = {
        "words": words,
        "tenant": tenants.current(connection),
        "name": None if datasource is None else datasource.casefold(),
        "limit": limit,
    }
    (total,) = connection.execute(_COUNT, asked).fetchone()
    best = connection.execute(_BEST, asked).fetchall()
    hits = [connection.execute(_SHOWN, {**asked, "row": hit["document_row"]}).fetchone() for hit in best]
    return {"results": [_shown(hit) for hit in hits], "total": total}


def match_expression(question: str) -> str:
    """The question in the index's own language, each word quoted, so that nothing in it is an operator."""
    words = [word.replace('"', '""') for word in question.replace("\0", " ").split()]
    return " ".join(f'"{word}"' for word in words if any(letter.isalnum() for letter in word))


def _shown(hit: sqlite3.Row) -> dict[str, Any]:
    shown = contents.of(hit["connector"]).shown(hit["raw"])
    answer = {
        "datasource": hit["name"],
        "datasourceId": hit["id"],
        **shown,
        "snippet": hit["snippet"],
    }
    return {name: value for name, value in answer.items() if value is not None}
