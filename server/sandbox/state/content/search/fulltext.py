"""The full-text index: adds documents, and searches them, best match first."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from server.sandbox.state.content.contents import reader_for_connector
from server.sandbox.state.content.search.question_parsing import parse_query
from server.sandbox.state.tenants import current_tenant_id

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

_HITS: Final = (
    "SELECT document.row AS document_row, count(*) OVER () AS total FROM fulltext {}"
    "CROSS JOIN document INDEXED BY document_place ON document.row = fulltext.rowid"
    " CROSS JOIN upload ON upload.row = upload_row"
    " JOIN datasource ON datasource.row = datasource_row"
    " WHERE fulltext MATCH :match AND document.row <= served_row"
    " AND tenant_id = :tenant AND (:names IS NULL OR name_key IN (SELECT value FROM json_each(:names)))"
    " ORDER BY rank{}, name_key, document.key LIMIT :limit"
)
_KEYWORDS: Final = _HITS.format("", "")


# CROSS JOIN keeps the order of the tables: SQLite then reads the full-text index once, and not again for each document.
_QUESTION: Final = _HITS.format(
    "CROSS JOIN (SELECT has.rowid AS found, count(*) AS matched FROM json_each(:terms) AS term"
    " CROSS JOIN fulltext AS has WHERE has.fulltext MATCH term.value GROUP BY has.rowid HAVING matched >= :least)"
    " ON found = fulltext.rowid ",
    " * matched",
)
_HIT_DETAILS: Final = (
    "SELECT datasource.name, datasource.id, connector, document.raw,"
    " snippet(fulltext, -1, '', '', '…', 24) AS snippet"
    " FROM fulltext JOIN document ON document.row = fulltext.rowid JOIN upload ON upload.row = upload_row"
    " JOIN datasource ON datasource.row = datasource_row WHERE fulltext MATCH :match AND fulltext.rowid = :row"
)


def add_to_fulltext(
    connection: sqlite3.Connection, connector: str, rows: Iterable[tuple[int, bytes]]
) -> None:
    """Index documents, given as row numbers and stored bytes; searches find them once they are served."""
    dialect = reader_for_connector(connector)
    connection.executemany(
        "INSERT INTO fulltext (rowid, title, id, body, container, author) VALUES (?, ?, ?, ?, ?, ?)",
        ((row, *dialect.searchable(raw)) for row, raw in rows),
    )


def remove_from_fulltext(connection: sqlite3.Connection, rows: Iterable[int]) -> None:
    """Take documents out of the index, given by row numbers; those that are not in it do no harm."""
    connection.execute(
        "DELETE FROM fulltext WHERE rowid IN (SELECT value FROM json_each(?))", (json.dumps(list(rows)),)
    )


def search_fulltext(
    connection: sqlite3.Connection,
    question: str,
    *,
    datasources: Sequence[str] | None = None,
    limit: int = 10,
    may_see: Callable[[str, bytes], bool] | None = None,
) -> dict[str, Any]:
    """Search the served documents for a question or for keywords (`parse_query`).

    Args:
        connection: a transaction.
        question: the text of the search.
        datasources: the names of the datasources to search, None for all.
        limit: how many hits to return.
        may_see: whether the person may see a document, given its connector and its stored bytes.

    Returns:
        `results`, the best `limit` hits, and `total`, the number of all. Hits are ranked by BM25 over stems. For a
        question the rank is multiplied by the number of its words in the document (Lucene's coordination factor):
        otherwise two rare words in a short message would outrank all the words in a long page.
    """
    query = parse_query(question)
    if query is None:
        return {"results": [], "total": 0}
    named = {
        "match": query.match,
        "terms": json.dumps(query.terms),
        "least": query.least,
        "tenant": current_tenant_id(connection),
        "names": None if datasources is None else json.dumps([each.casefold() for each in datasources]),
        # With a filter every hit is fetched, for the first ones may all be hidden from this person.
        "limit": limit if may_see is None else -1,
    }
    best = connection.execute(_QUESTION if query.terms else _KEYWORDS, named).fetchall()
    total = best[0]["total"] if best else 0
    hits = (
        connection.execute(_HIT_DETAILS, {**named, "row": hit["document_row"]}).fetchone() for hit in best
    )
    if may_see is not None:
        hits = (hit for hit in hits if may_see(hit["connector"], hit["raw"]))
    return {"results": [_hit_payload(hit) for hit in islice(hits, limit)], "total": total}


def _hit_payload(hit: sqlite3.Row) -> dict[str, Any]:
    fields = reader_for_connector(hit["connector"]).hit_fields(hit["raw"])
    answer = {
        "datasource": hit["name"],
        "datasourceId": hit["id"],
        **fields,
        "snippet": " ".join(hit["snippet"].split()),
    }
    return {name: value for name, value in answer.items() if value is not None}
