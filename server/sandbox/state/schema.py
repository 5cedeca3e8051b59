"""The sandbox's tables.

A document is stored once, as the bytes that were sent, with the run (`upload`) that brought it. A run is indexed and
served in the order of its rows, up to a row that the run has: so each is done in batches of any size, a process that
dies leaves whole batches, and a full sync replaces the content of a datasource in one instant, whatever its size. What
is not served any more is `garbage`, and leaves the file in batches, too.

The shipped sandbox never writes `fault` and `request`, nor `hangs`, `loses` and `failure` of a job. Tests script faults
through them. They are in every file, so that tests and the product can open the same one.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = 5
_ADMIN: Final = """
CREATE TABLE tenant (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    current INTEGER NOT NULL                  -- 1 for the one that answers
);
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL                       -- JSON
);
CREATE TABLE datasource (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,                   -- the name without case
    connector TEXT NOT NULL,
    config TEXT NOT NULL,                     -- JSON, as sent
    auth_type TEXT,
    auth_sha256 TEXT,
    document_count INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    last_success_at REAL,
    UNIQUE (tenant_id, name_key)
);
CREATE TABLE upload (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    datasource_row INTEGER NOT NULL,
    run TEXT NOT NULL,
    total INTEGER NOT NULL DEFAULT 0,
    served INTEGER NOT NULL DEFAULT 0,        -- 1 once a sync of it has finished
    UNIQUE (datasource_row, run)
);
CREATE TABLE document (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    upload_row INTEGER NOT NULL,
    key TEXT NOT NULL,                        -- the document's id without case
    raw BLOB NOT NULL,
    UNIQUE (upload_row, key)
);
CREATE TABLE served (
    document_row INTEGER PRIMARY KEY,
    datasource_row INTEGER NOT NULL,
    key TEXT NOT NULL,
    UNIQUE (datasource_row, key)
);
CREATE TABLE job (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    datasource_row INTEGER NOT NULL,
    upload_row INTEGER,                       -- NULL once the run was discarded
    run TEXT NOT NULL,
    incremental INTEGER NOT NULL,
    status TEXT NOT NULL,
    total INTEGER NOT NULL,
    indexed INTEGER NOT NULL DEFAULT 0,       -- final, once the job is over
    indexed_to TEXT NOT NULL DEFAULT '',      -- the last key that is in the full-text index
    started_at REAL NOT NULL,
    duration REAL NOT NULL,                   -- seconds that it takes
    finished_at REAL,
    hangs INTEGER NOT NULL DEFAULT 0,
    loses INTEGER NOT NULL DEFAULT 0,
    failure TEXT,                             -- what it will fail with
    error TEXT
);
CREATE INDEX job_of_datasource ON job (datasource_row, status);
CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    operation TEXT NOT NULL,
    datasource TEXT,
    run TEXT,
    detail TEXT NOT NULL                      -- JSON
);
CREATE TABLE fault (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    plan TEXT NOT NULL,                       -- JSON
    skip_left INTEGER NOT NULL,
    times_left INTEGER,                       -- NULL for ever
    fired INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE request (
    operation TEXT NOT NULL,
    status INTEGER NOT NULL,                  -- 0 when no answer was sent
    count INTEGER NOT NULL,
    PRIMARY KEY (operation, status)
) WITHOUT ROWID;
"""
_INDEXING: Final = """
CREATE TABLE bulk (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    datasource_row INTEGER NOT NULL,
    entity TEXT NOT NULL,                     -- documents, users
    upload_id TEXT NOT NULL,
    state TEXT NOT NULL,                      -- active, complete, given up
    started_at REAL NOT NULL,
    ended_at REAL,
    unchecked INTEGER NOT NULL DEFAULT 0,     -- 1: what it lacks is deleted however much that is
    upload_row INTEGER,                       -- the run that has its documents
    job_row INTEGER,                          -- the job that indexes them
    old_total INTEGER NOT NULL DEFAULT 0,     -- documents served when it ended
    settled INTEGER NOT NULL DEFAULT 0,       -- 1 once it is known what it lacks
    paused_until REAL,
    UNIQUE (datasource_row, entity, upload_id)
);
CREATE TABLE stale (
    document_row INTEGER PRIMARY KEY,
    datasource_row INTEGER NOT NULL,
    due_at REAL NOT NULL                      -- when it is gone
);
CREATE TABLE identity (
    datasource_row INTEGER NOT NULL,
    email TEXT NOT NULL,                      -- without case
    user_id TEXT,
    name TEXT NOT NULL,
    active INTEGER NOT NULL,
    bulk_row INTEGER,                         -- the upload that brought it last
    PRIMARY KEY (datasource_row, email)
) WITHOUT ROWID;
"""


# The index compares stems of words; a word in a title counts twice as much as one in the text.
_FULLTEXT: Final = """
CREATE VIRTUAL TABLE fulltext USING fts5 (
    title, id, body, container, author, tokenize = 'porter unicode61 remove_diacritics 2'
);
INSERT INTO fulltext (fulltext, rank) VALUES ('rank', 'bm25(2.0, 1.0, 1.0, 1.0, 1.0)');
"""


# What batches need, added to the tables of version 3. The rows of a run are `first_row` to `last_row`, mixed with those
# of runs that were uploaded at the same time.
_BATCHES: Final = """
ALTER TABLE upload ADD COLUMN first_row INTEGER NOT NULL DEFAULT 0;
ALTER TABLE upload ADD COLUMN last_row INTEGER NOT NULL DEFAULT 0;
ALTER TABLE upload ADD COLUMN held INTEGER NOT NULL DEFAULT 0;        -- documents that it has now
ALTER TABLE upload ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;     -- documents in the full-text index
ALTER TABLE upload ADD COLUMN indexed_row INTEGER NOT NULL DEFAULT 0; -- the last of them
ALTER TABLE upload ADD COLUMN served_row INTEGER NOT NULL DEFAULT 0;  -- the last that searches find
ALTER TABLE bulk ADD COLUMN due_at REAL;                              -- when what it lacks is deleted, once known
ALTER TABLE bulk ADD COLUMN missing INTEGER NOT NULL DEFAULT 0;       -- how much that is, as far as it was counted
ALTER TABLE bulk ADD COLUMN seen_upload INTEGER NOT NULL DEFAULT 0;   -- up to where served documents were looked at
ALTER TABLE bulk ADD COLUMN seen_row INTEGER NOT NULL DEFAULT 0;
CREATE INDEX document_place ON document (row, upload_row, key); -- so that a search reads no texts to find out whose
CREATE INDEX job_running ON job (row) WHERE status = 'RUNNING';
CREATE INDEX upload_waiting ON upload (row) WHERE NOT served;
CREATE INDEX stale_due ON stale (datasource_row, due_at);
CREATE TABLE garbage (
    upload_row INTEGER PRIMARY KEY,           -- the run whose documents are to be deleted
    datasource_row INTEGER NOT NULL,
    next_row INTEGER NOT NULL,
    last_row INTEGER NOT NULL
);
CREATE TABLE tally (                          -- documents of the Indexing dialect, by their type in lower case
    datasource_row INTEGER NOT NULL,
    type TEXT NOT NULL,
    uploaded INTEGER NOT NULL DEFAULT 0,      -- different ones, also those that are not yet indexed
    indexed INTEGER NOT NULL DEFAULT 0,       -- those that are served
    PRIMARY KEY (datasource_row, type)
) WITHOUT ROWID;
DELETE FROM fulltext WHERE rowid IN (SELECT document.row FROM document
    JOIN job ON job.upload_row = document.upload_row WHERE status = 'RUNNING' AND document.key <= indexed_to);
DELETE FROM document WHERE row NOT IN (SELECT document_row FROM served)
    AND upload_row IN (SELECT row FROM upload WHERE served);
UPDATE upload SET
    first_row = ifnull((SELECT min(row) FROM document WHERE upload_row = upload.row), 0),
    last_row = ifnull((SELECT max(row) FROM document WHERE upload_row = upload.row), 0),
    held = (SELECT count(*) FROM document WHERE upload_row = upload.row);
UPDATE upload SET indexed = held, indexed_row = last_row, served_row = last_row WHERE served;
INSERT INTO tally (datasource_row, type, uploaded, indexed)
    SELECT datasource_row, substr(key, 1, instr(key, char(31)) - 1), count(DISTINCT key), sum(upload.served)
    FROM document JOIN upload ON upload.row = upload_row WHERE instr(key, char(31)) GROUP BY 1, 2;
DROP TABLE served;
CREATE VIEW served AS
    SELECT document.row AS document_row, upload_row, datasource_row, key
    FROM document JOIN upload ON upload.row = upload_row WHERE document.row <= served_row;
ALTER TABLE job DROP COLUMN indexed_to;
"""
SCHEMA: Final = f"{_ADMIN}{_INDEXING}{_FULLTEXT}{_BATCHES}"
_REFILLED: Final = """
INSERT INTO fulltext (rowid, title, id, body, container, author)
    SELECT rowid, title, id, body, container, author FROM former;
DROP TABLE former;
"""
_BY_STEMS: Final = f"ALTER TABLE fulltext RENAME TO former; {_FULLTEXT} {_REFILLED}"


# Since version 5 the index has the words of a body as a reader sees them.
_AS_SHOWN: Final = """
UPDATE fulltext SET body = (
    SELECT body_to_text(
        ifnull(json_extract(CAST(raw AS TEXT), '$.body.mimeType'), ''),
        ifnull(json_extract(CAST(raw AS TEXT), '$.body.textContent'), '')
    ) FROM document WHERE document.row = fulltext.rowid
) WHERE rowid IN (SELECT row FROM document);
"""
UPGRADES: Final = {
    1: f"{_INDEXING}{_BY_STEMS}{_BATCHES}{_AS_SHOWN}",
    2: f"{_BY_STEMS}{_BATCHES}{_AS_SHOWN}",
    3: f"{_BATCHES}{_AS_SHOWN}",
    4: _AS_SHOWN,
}
"""The scripts that bring a file of an earlier version to this one, by that version.

They call `body_to_text` of `domain.content` as a function of SQL.
"""
