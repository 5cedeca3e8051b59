"""The search of the sandbox over generated records, without a sandbox: its index, its parsing and its ranking."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from domain.content import RECORD_KINDS, body_to_text
from domain.content.documents import ClientSite
from server.sandbox.state.content.search.question_parsing import parse_query

if TYPE_CHECKING:
    from domain.content.generation import Company
    from domain.model import DatasetType

FIRST = 3
_INDEX = """
CREATE VIRTUAL TABLE fulltext USING fts5 (
    title, id, body, container, author, tokenize = 'porter unicode61 remove_diacritics 2'
);
INSERT INTO fulltext (fulltext, rank) VALUES ('rank', 'bm25(2.0, 1.0, 1.0, 1.0, 1.0)');
"""
_QUESTION = """
SELECT id, title FROM fulltext CROSS JOIN (
    SELECT has.rowid AS found, count(*) AS matched FROM json_each(:terms) AS term
    CROSS JOIN fulltext AS has WHERE has.fulltext MATCH term.value GROUP BY has.rowid HAVING matched >= :least
) ON found = fulltext.rowid WHERE fulltext MATCH :match ORDER BY rank * matched LIMIT :limit
"""


class DemoSearch:
    """The records of one type of a company, as they are searched."""

    def __init__(self, company: Company, dataset_type: DatasetType) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.executescript(_INDEX)
        kind, site = RECORD_KINDS[dataset_type], ClientSite("https://x.example.com", "mock-org")
        for line in (line for batch in company.records(dataset_type) for line in batch):
            document = kind.document(kind.decode(line), site)
            text = body_to_text(document.body.mime, document.body.text)
            author = f"{document.author.name} {document.author.email}"
            self._connection.execute(
                "INSERT INTO fulltext VALUES (?, ?, ?, ?, ?)",
                (document.title, document.id, text, document.container, author),
            )

    def find_first(self, question: str) -> list[str]:
        """The ids of the first results of a question."""
        query = parse_query(question)
        assert query is not None
        named = {
            "match": query.match,
            "terms": json.dumps(query.terms),
            "least": query.least,
            "limit": FIRST,
        }
        return [found for found, _ in self._connection.execute(_QUESTION, named)]

    def close(self) -> None:
        """Forget the records."""
        self._connection.close()
