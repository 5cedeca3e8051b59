"""The tables, as an ordered list of migrations that every process applies at its start, whatever the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


class Tables(Protocol):
    """A database in the middle of a migration. Texts compare byte by byte, whatever the machine's language."""

    def create_table(
        self,
        name: str,
        columns: Mapping[str, type[str | int]],
        pk: str | tuple[str, ...],
        *,
        nullable: Collection[str] = (),
    ) -> None:
        """Make a table. A primary key that is one number is given by the database, unless it is given; never twice."""
        ...

    def create_log(
        self, name: str, columns: Mapping[str, type[str | int]], *, shown: Collection[str] = ()
    ) -> None:
        """Make a table that is only ever appended to, its rows numbered by `seq`.

        The `shown` fields of its JSON `document` are columns, too.
        """
        ...

    def make_append_only(self, name: str) -> None:
        """Refuse every change and deletion of that table's rows."""
        ...

    def run_statements(self, statements: str) -> None:
        """Run statements that need no values, parted by semicolons."""
        ...


# Indexes that are partial, fold case, or are shared by several purposes.
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


# What is about a client is found without reading the others'.
_AUDIT_CHAIN: Final = """
create unique index audit_chain_seq on audit_chain (seq);
create index audit_of_client on audit (client_id, seq);
"""
_USES: Final = """
create index uses_of_principal on uses (kind, principal, at);
create index uses_at on uses (kind, at);
"""


# What a dataset was asked about; and what waits for an answer, which is little whatever has been answered.
_APPROVALS: Final = """
create index approvals_of_dataset on approvals (dataset_id, approval_id);
create index approvals_in_state on approvals (state, approval_id);
"""


# What waits is little, whatever was delivered; the first of each dataset is found in the index alone.
_DELIVERIES: Final = """
create index deliveries_waiting on deliveries (webhook, dataset_id, seq, due_at) where state = 'waiting';
create index deliveries_parked on deliveries (seq, webhook) where state = 'parked';
create index deliveries_of_event on deliveries (seq, webhook);
"""


def first_tables(to: Tables) -> None:
    """Make every table, and mint the installation's id."""
    to.create_table("installation", {"installation_id": str}, "installation_id")
    # The digits are minted here.
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
    undo = {"dataset_id": str, "attempt": int, "what": str, "document": str}
    to.create_table("undos", undo, ("dataset_id", "attempt", "what"))
    to.create_table("progress", {"dataset_id": str, "document": str}, "dataset_id")
    to.create_table("facts", {"name": str, "document": str}, "name")
    to.create_table("archives", {"dataset_id": str, "document": str}, "dataset_id")
    to.create_log("events", {"dataset_id": str, "kind": str, "document": str})
    for statements in (_SPELLINGS, _PROTECTION, _SLOT, _PAGES, _EVENTS, _ERRORS):
        to.run_statements(statements)


def approval_tables(to: Tables) -> None:
    """Make the table of approval requests."""
    approval = {"approval_id": str, "dataset_id": str, "state": str, "document": str}
    to.create_table("approvals", approval, "approval_id")
    to.run_statements(_APPROVALS)


def audit_tables(to: Tables) -> None:
    """Make the audit log: the document is what the chain seals, so what is looked up stands nowhere else."""
    to.create_log("audit", {"document": str}, shown=("audit_id", "principal", "dataset_id", "client_id"))
    to.run_statements(_AUDIT)


def audit_chain_tables(to: Tables) -> None:
    """Make the chain beside the audit log: a link is made once."""
    to.create_table("audit_chain", {"position": int, "seq": int, "hash": str}, "position")
    to.make_append_only("audit_chain")
    to.run_statements(_AUDIT_CHAIN)


def use_tables(to: Tables) -> None:
    """Make the table of what principals have used lately."""
    to.create_table("uses", {"number": int, "kind": str, "principal": str, "at": int}, "number")
    to.run_statements(_USES)


def delivery_tables(to: Tables) -> None:
    """Make the tables of webhooks and of what they are told."""
    post = {"webhook": str, "cursor": int, "owner": str, "fence": int, "beats": int}
    to.create_table("posts", post, "webhook")
    delivery = {"webhook": str, "seq": int, "dataset_id": str, "state": str, "due_at": int, "document": str}
    to.create_table("deliveries", delivery, ("webhook", "seq"))
    to.run_statements(_DELIVERIES)


NOT_CREATED: Final = "it is made at the first start"
OUTDATED: Final = (
    "an older version made it; the next start brings it up to this one, and the older refuses from then on"
)
MIGRATIONS: Final[tuple[Callable[[Tables], None], ...]] = (
    first_tables,
    approval_tables,
    audit_tables,
    audit_chain_tables,
    use_tables,
    delivery_tables,
)
"""In order, and for good: a store remembers them by their names."""
