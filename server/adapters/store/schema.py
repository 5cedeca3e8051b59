"""Schema: the tables, as an ordered list of migrations that every process applies at its start, on any database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol
from uuid import uuid4

from domain.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


class Tables(Protocol):
    """A database during a migration. Texts compare byte by byte, whatever the locale of the machine."""

    def create_table(
        self,
        name: str,
        columns: Mapping[str, type[str | int]],
        pk: str | tuple[str, ...],
        *,
        nullable: Collection[str] = (),
    ) -> None:
        """Create a table. The database generates a primary key of one number, unless the row has one; never twice."""
        ...

    def create_log(
        self, name: str, columns: Mapping[str, type[str | int]], *, document_fields: Collection[str] = ()
    ) -> None:
        """Create an append-only table whose rows are numbered by `seq`.

        The `document_fields` are fields of its JSON `document` that are generated columns, too.
        """
        ...

    def make_append_only(self, name: str) -> None:
        """Refuse every change and deletion of that table's rows."""
        ...

    def add_number(self, name: str, column: str) -> None:
        """Add a column of numbers to a table; the rows that it has get 0."""
        ...

    def run_statements(self, statements: str) -> None:
        """Run statements without parameters, separated by semicolons."""
        ...


# Ids that differ only in case would be confused by people and by Glean.
_SPELLINGS: Final = """
create unique index clients_spelling on clients (client_id collate nocase);
create unique index journeys_spelling on journeys (client_id collate nocase, journey_id collate nocase);
"""


# A covering index: whether a journey protects its datasets is read from it without the table.
_PROTECTION: Final = """
create index journeys_whole on journeys (client_id, journey_id, stage, state, lease_expires_at);
"""


_LAPSES: Final = """
alter table journeys add column lapsed integer not null default 0;
drop index journeys_whole;
create index journeys_whole on journeys (client_id, journey_id, stage, state, lease_expires_at, lapsed);
"""


# At most one live dataset for each client, stage and type. Admission relies on this.
_SLOT: Final = """
create unique index datasets_slot on datasets (client_id, stage, dataset_type) where status <> 'archived';
"""


# Covering indexes of pages: a document is read only for a row that is returned.
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
_EVENTS: Final = "create index events_of_dataset on events (dataset_id, seq);"
_ERRORS: Final = """
create index connector_errors_of on connector_errors (connector_id, at);
create index connector_errors_at on connector_errors (at);
"""
_AUDIT: Final = """
create index audit_of_call on audit (audit_id, seq);
create index audit_of_dataset on audit (dataset_id, seq);
create index audit_of_principal on audit (principal, seq);
"""


# A tenant's entries are found without reading those of others.
_AUDIT_CHAIN: Final = """
create unique index audit_chain_seq on audit_chain (seq);
create index audit_of_client on audit (client_id, seq);
"""
_USES: Final = """
create index uses_of_principal on uses (kind, principal, at);
create index uses_at on uses (kind, at);
"""
_DATED_USES: Final = """
insert into dated_uses (kind, principal, at, boot, uptime) select kind, principal, at, '', 0 from uses;
drop table uses;
create index dated_uses_of_principal on dated_uses (kind, principal);
create index dated_uses_at on dated_uses (kind, at);
"""


# Uses are counted in the index alone.
_ORDERED_USES: Final = """
drop index dated_uses_of_principal;
create index dated_uses_in_order on dated_uses (kind, principal, boot, uptime, at);
"""


# The requests of a dataset; and the open requests, which stay few however many were decided.
_APPROVALS: Final = """
create index approvals_of_dataset on approvals (dataset_id, approval_id);
create index approvals_in_state on approvals (state, approval_id);
"""


# The order in which requests were filed. Those of earlier releases come first: their instant is only in the document.
_FILED: Final = "create index approvals_filed on approvals (filed_at, approval_id);"


# Partial indexes: the waiting deliveries stay few. The first of each dataset is read from the index alone.
_DELIVERIES: Final = """
create index deliveries_waiting on deliveries (webhook, dataset_id, seq, due_at) where state = 'waiting';
create index deliveries_parked on deliveries (seq, webhook) where state = 'parked';
create index deliveries_of_event on deliveries (seq, webhook);
"""


# A store that is older than the record of its home platform derives it from a connector, which is copied as it is: one
# that is connected before one that is not, and one of a real Glean before one of the embedded sandbox.
_HOME: Final = """
insert into facts (name, document)
select 'platform.before_home', document from connectors
order by case status when 'disconnected' then 1 else 0 end,
  case when document like '%"url":"embedded sandbox"%' then 1 else 0 end,
  connector_id
limit 1;
"""


def first_tables(to: Tables) -> None:
    """Create the first tables, and generate the installation's id."""
    to.create_table("installation", {"installation_id": str}, "installation_id")
    # The id is generated here, so nothing of a caller gets into the statement.
    to.run_statements(f"insert into installation values ('{uuid4().hex}');")  # noqa: S608
    to.create_table("clients", {"client_id": str, "name": str, "industry": str, "use_case": str}, "client_id")
    to.create_table(
        "journeys",
        {"client_id": str, "journey_id": str, "stage": str, "state": str, "lease_expires_at": int},
        ("client_id", "journey_id"),
        nullable=["lease_expires_at"],
    )
    to.create_table(
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
    to.create_table(
        "connectors", {"connector_id": str, "client_id": str, "status": str, "document": str}, "connector_id"
    )
    to.create_table("connector_errors", {"id": int, "connector_id": str, "at": int, "code": str}, "id")
    compensation = {"dataset_id": str, "attempt": int, "what": str, "document": str}
    to.create_table("undos", compensation, ("dataset_id", "attempt", "what"))
    to.create_table("progress", {"dataset_id": str, "document": str}, "dataset_id")
    to.create_table("facts", {"name": str, "document": str}, "name")
    to.create_table("archives", {"dataset_id": str, "document": str}, "dataset_id")
    to.create_log("events", {"dataset_id": str, "kind": str, "document": str})
    for statements in (_SPELLINGS, _PROTECTION, _SLOT, _PAGES, _EVENTS, _ERRORS):
        to.run_statements(statements)


def approval_tables(to: Tables) -> None:
    """Create the table of approval requests."""
    approval = {"approval_id": str, "dataset_id": str, "state": str, "document": str}
    to.create_table("approvals", approval, "approval_id")
    to.run_statements(_APPROVALS)


def audit_tables(to: Tables) -> None:
    """Create the audit log. The chain seals the document, so the columns of queries are generated from it."""
    to.create_log(
        "audit", {"document": str}, document_fields=("audit_id", "principal", "dataset_id", "client_id")
    )
    to.run_statements(_AUDIT)


def audit_chain_tables(to: Tables) -> None:
    """Create the hash chain beside the audit log; its links are append-only."""
    to.create_table("audit_chain", {"position": int, "seq": int, "hash": str}, "position")
    to.make_append_only("audit_chain")
    to.run_statements(_AUDIT_CHAIN)


def use_tables(to: Tables) -> None:
    """Create the table of the recent uses by principals."""
    to.create_table("uses", {"number": int, "kind": str, "principal": str, "at": int}, "number")
    to.run_statements(_USES)


def delivery_tables(to: Tables) -> None:
    """Create the tables of webhook cursors and deliveries."""
    cursor = {"webhook": str, "cursor": int, "owner": str, "fence": int, "beats": int}
    to.create_table("posts", cursor, "webhook")
    delivery = {"webhook": str, "seq": int, "dataset_id": str, "state": str, "due_at": int, "document": str}
    to.create_table("deliveries", delivery, ("webhook", "seq"))
    to.run_statements(_DELIVERIES)


def actor_tables(to: Tables) -> None:
    """Create the table of the agents that have acted for somebody."""
    to.create_table("actors", {"subject": str}, "subject")


def lapse_columns(to: Tables) -> None:
    """Add to journeys whether the lapse of their lease is on record, and to the index that scans read alone."""
    to.run_statements(_LAPSES)


def filed_columns(to: Tables) -> None:
    """Add to approval requests when they were filed, by which they are listed page by page."""
    to.add_number("approvals", "filed_at")
    to.run_statements(_FILED)


def dated_use_tables(to: Tables) -> None:
    """Move uses to a table with the uptime of the machine at each, which dates the uses of one boot."""
    use = {"number": int, "kind": str, "principal": str, "at": int, "boot": str, "uptime": int}
    to.create_table("dated_uses", use, "number")
    to.run_statements(_DATED_USES)


def ordered_use_index(to: Tables) -> None:
    """Replace the index of uses by one in which they are counted without reading them."""
    to.run_statements(_ORDERED_USES)


def home_platform(to: Tables) -> None:
    """Derive the home platform of a store that has connectors."""
    to.run_statements(_HOME)


class NewerStoreError(SettingsError):
    """A newer release has migrated the store."""


NOT_CREATED: Final = "it is created at the first start"
OUTDATED: Final = (
    "an older version created it; the next start migrates it, and the older version then refuses it"
)
MIGRATIONS: Final[tuple[Callable[[Tables], None], ...]] = (
    first_tables,
    approval_tables,
    audit_tables,
    audit_chain_tables,
    use_tables,
    delivery_tables,
    actor_tables,
    lapse_columns,
    filed_columns,
    dated_use_tables,
    home_platform,
    ordered_use_index,
)
"""In this order, under these names, for ever: a store records the applied migrations by name."""
