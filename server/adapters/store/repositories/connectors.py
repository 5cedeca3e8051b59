"""Repository of connectors and of the errors of their calls."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.model import Connector
from server.adapters.store.codec import encode_document, to_micros
from server.adapters.store.repository import Repository, decode_row

if TYPE_CHECKING:
    from datetime import datetime

_ERRORS_KEPT: Final = timedelta(hours=48)


class ConnectorRepository(Repository):
    """Implements `ports.ConnectorRepository`."""

    def get(self, connector_id: str) -> Connector | None:
        row = self._fetch_one("select document from connectors where connector_id = :id", id=connector_id)
        return decode_row(f"connector {connector_id!r}", row[0], Connector) if row else None

    def list_connected(
        self, *, client_id: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[Connector]:
        index, of_client = "connectors_connected", ""
        if client_id is not None:
            index, of_client = "connectors_connected_of_client", "and client_id = :client_id"
        page = self._fetch_page(
            "connector",
            Connector,
            # Only constants are put into the statement; values are bound.
            f"""
            select connector_id, document from connectors indexed by {index}
            where status <> 'disconnected' and connector_id > :after {of_client}
            order by connector_id
            """,  # noqa: S608
            {"client_id": client_id, "after": after or ""},
            limit,
        )
        return [connector for _row, connector in page]

    def put(self, connector: Connector) -> None:
        row = {
            "connector_id": connector.connector_id,
            "client_id": connector.client_id,
            "status": connector.status.value,
            "document": encode_document(connector),
        }
        self._upsert("connectors", ("connector_id",), row)

    def record_error(self, connector_id: str, at: datetime, code: str) -> None:
        values = {"id": connector_id, "at": to_micros(at), "code": code}
        self._execute(
            "insert into connector_errors (connector_id, at, code) values (:id, :at, :code)", values
        )
        self._execute(
            "delete from connector_errors where at < :oldest", {"oldest": to_micros(at - _ERRORS_KEPT)}
        )

    def count_errors(self, connector_id: str, since: datetime, until: datetime) -> int:
        return self._fetch_count(
            "select count(*) from connector_errors where connector_id = :id and at between :since and :until",
            id=connector_id,
            since=to_micros(since),
            until=to_micros(until),
        )
