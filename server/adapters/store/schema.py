"""The tables, as an ordered list of migrations that every process applies at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from sqlite_utils import Database, Migrations

from domain.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MIGRATIONS: Final = Migrations("dataset_lifecycle")

# Indexes that sqlite-utils has no words for: partial, folding case, or shared by several purposes.
_SPELLINGS: Final = """
create unique index clients_spelling on clients (client_id collate nocase);
create unique index journeys_spelling on journeys (client_id collate nocase, journey_id collate nocase);
"""
# Whether a journey protects is answered from this index alone.
_PROTECTION: Final = """
create index journeys_whole on journeys (client_id, journey_id, stage, state, lease_expires_at);
"""
# One live dataset a (client, stage, type): admission stands on this.
_SLOT: Final = """
create unique index datasets_slot on datasets (client_id, stage, dataset_type) where status <> 'archived';
"""
# Pages are found in these alone; a document is fetched only for a row that is shown.
_PAGES: Final = """
create index datasets_live on datasets
  (dataset_id, client_id, journey_id, stage, dataset_type, status, created_at) where status <> 'archived';
create index datasets_live_of_client on datasets
  (client_id, dataset_id, journey_id, stage, dataset_type, status, created_at) where status <> 'archived';
create index datasets_of_client on datasets (client_id, dataset_id);
create index datasets_running on datasets (dataset_id) where running = 1;
create index datasets_marked on datasets (dataset_id) where marked = 1;
create index connectors_connected on connectors (connector_id) where status <> 'disconnected';
create index connectors_connected_of_client on connectors (client_id, connector_id) where status <> 'disconnected';
"""
# A sequence number is given once, and what has happened stays.
_EVENTS: Final = """
create table events (
  seq integer primary key autoincrement, dataset_id text not null, kind text not null, document text not null
) strict;
create index events_of_dataset on events (dataset_id, seq);
create trigger events_stand before update on events begin select raise(abort, 'events are append-only'); end;
create trigger events_stay before delete on events begin select raise(abort, 'events are append-only'); end;
"""
_ERRORS: Final = """
create index connector_errors_of on connector_errors (connector_id, at);
create index connector_errors_at on connector_errors (at);
"""
# The document is what the chain seals, so what is looked up stands in it and nowhere else.
_AUDIT: Final = """
create table audit (
  seq integer primary key autoincrement,
  document text not null,
  audit_id text generated always as (document ->> '$.audit_id') virtual,
  principal text generated always as (document ->> '$.principal') virtual,
  dataset_id text generated always as (document ->> '$.dataset_id') virtual,
  client_id text generated always as (document ->> '$.client_id') virtual
) strict;
create index audit_of_call on audit (audit_id, seq);
create index audit_of_dataset on audit (dataset_id, seq);
create index audit_of_principal on audit (principal, seq);
create trigger audit_stands before update on audit begin select raise(abort, 'the audit log is append-only'); end;
create trigger audit_stays before delete on audit begin select raise(abort, 'the audit log is append-only'); end;
"""
# A link is made once. What is about a client is found without reading the others'.
_AUDIT_CHAIN: Final = """
create table audit_chain (
  position integer primary key, seq integer not null unique, hash text not null
) strict;
create trigger audit_chain_stands before update on audit_chain
  begin select raise(abort, 'the audit chain is append-only'); end;
create trigger audit_chain_stays before delete on audit_chain
  begin select raise(abort, 'the audit chain is append-only'); end;
create index audit_of_client on audit (client_id, seq);
"""
# A number is never given twice, so nobody can give back another's use.
_USES: Final = """
create table uses (
  number integer primary key autoincrement, kind text not null, principal text not null, at integer not null
) strict;
create index uses_of_principal on uses (kind, principal, at);
create index uses_at on uses (kind, at);
"""
# What a dataset was asked about; and what waits for an answer, which is little whatever has been answered.
_APPROVALS: Final = """
create index approvals_of_dataset on approvals (dataset_id, approval_id);
create index approvals_in_state on approvals (state, approval_id);
"""


@MIGRATIONS()
def first_tables(db: Database) -> None:
    """Make every table, and mint the installation's id."""
    _table(db, "installation", {"installation_id": str}, "installation_id")
    db.execute("insert into installation values (?)", [uuid4().hex])
    _table(db, "clients", {"client_id": str, "name": str, "industry": str, "use_case": str}, "client_id")
    _table(
        db,
        "journeys",
        {"client_id": str, "journey_id": str, "stage": str, "state": str, "lease_expires_at": int},
        ("client_id", "journey_id"),
        nullable="lease_expires_at",
    )
    _table(
        db,
        "datasets",
        {
            "dataset_id": str,
            "client_id": str,
            "journey_id": str,
            "stage": str,
            "dataset_type": str,
            "status": str,
            "created_at": int,
            "running": int,
            "marked": int,
            "document": str,
        },
        "dataset_id",
    )
    connector = {"connector_id": str, "client_id": str, "status": str, "document": str}
    _table(db, "connectors", connector, "connector_id")
    _table(db, "connector_errors", {"id": int, "connector_id": str, "at": int, "code": str}, "id")
    undo = {"dataset_id": str, "attempt": int, "what": str, "document": str}
    _table(db, "undos", undo, ("dataset_id", "attempt", "what"))
    _table(db, "progress", {"dataset_id": str, "document": str}, "dataset_id")
    _table(db, "facts", {"name": str, "document": str}, "name")
    _table(db, "archives", {"dataset_id": str, "document": str}, "dataset_id")
    for statements in (_SPELLINGS, _PROTECTION, _SLOT, _PAGES, _EVENTS, _ERRORS):
        db.executescript(statements)


@MIGRATIONS()
def approval_tables(db: Database) -> None:
    """Make the table of approval requests."""
    approval = {"approval_id": str, "dataset_id": str, "state": str, "document": str}
    _table(db, "approvals", approval, "approval_id")
    db.executescript(_APPROVALS)


@MIGRATIONS()
def audit_tables(db: Database) -> None:
    """Make the audit log."""
    db.executescript(_AUDIT)


@MIGRATIONS()
def audit_chain_tables(db: Database) -> None:
    """Make the chain beside the audit log."""
    db.executescript(_AUDIT_CHAIN)


@MIGRATIONS()
def use_tables(db: Database) -> None:
    """Make the table of what principals have used lately."""
    db.executescript(_USES)


def migrate(db: Database, path: Path) -> None:
    """Bring the file to this version's schema in one write transaction; a file that is there already is only read.

    Raises SettingsError for a file that a newer version has migrated further.
    """
    ours = {each.name for each in MIGRATIONS.pending(Database(memory=True))}
    newer = {each.name for each in MIGRATIONS.applied(db)} - ours
    if newer:
        raise SettingsError(
            f"The store {path} was made by a newer version of dataset-lifecycle (it has {', '.join(sorted(newer))}).",
            field="store.url",
            suggested_action="Run the version that made it, or another data folder.",
        )
    if not MIGRATIONS.pending(db):
        return
    db.execute("begin immediate")
    try:
        MIGRATIONS.apply(db)
    except BaseException:
        db.rollback()
        raise
    db.commit()


def _table(
    db: Database,
    name: str,
    columns: Mapping[str, object],
    pk: str | tuple[str, ...],
    nullable: str | None = None,
) -> None:
    db.table(name).create(dict(columns), pk=pk, not_null=set(columns) - {nullable}, strict=True)
