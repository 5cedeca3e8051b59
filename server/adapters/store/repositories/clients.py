"""Repositories of clients and journeys. Ids are compared exactly, but are unique without regard to case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from domain.errors import InvalidArgumentError
from domain.model import Client, Journey, JourneyState, Stage, UnreadableRow
from server.adapters.store.codec import from_micros, to_micros
from server.adapters.store.repository import Repository

if TYPE_CHECKING:
    from domain.ports import JourneyKey

_CLIENT: Final = "select client_id, name, industry, use_case from clients"
_JOURNEY: Final = "select client_id, journey_id, stage, state, lease_expires_at, lapsed from journeys"


class ClientRepository(Repository):
    """Implements `ports.ClientRepository`."""

    def get(self, client_id: str) -> Client | None:
        return _client_from_row(
            self._fetch_one(f"{_CLIENT} where client_id = :client_id", client_id=client_id)
        )

    def get_spelt_like(self, client_id: str) -> Client | None:
        return _client_from_row(
            self._fetch_one(f"{_CLIENT} where client_id = :client_id collate nocase", client_id=client_id)
        )

    def all(self) -> list[Client]:
        rows = self._execute(f"{_CLIENT} order by client_id", {})
        return [client for row in rows if (client := _client_from_row(row))]

    def find(self, *, after: str | None = None, limit: int = 100) -> list[Client]:
        rows = self._execute(
            f"{_CLIENT} where client_id > :after order by client_id limit :limit",
            {"after": after or "", "limit": limit},
        )
        return [client for row in rows if (client := _client_from_row(row))]

    def put(self, client: Client) -> None:
        """Insert or replace. Raises InvalidArgumentError when an existing id differs in case only."""
        taken = self.get_spelt_like(client.client_id)
        if taken and taken.client_id != client.client_id:
            raise _spelling_conflict_error("client_id", client.client_id, taken.client_id)
        row = {
            "client_id": client.client_id,
            "name": client.name,
            "industry": client.industry,
            "use_case": client.use_case,
        }
        self._upsert("clients", ("client_id",), row)


class JourneyRepository(Repository):
    """Implements `ports.JourneyRepository`."""

    def get(self, client_id: str, journey_id: str) -> Journey | UnreadableRow | None:
        row = self._fetch_one(
            f"{_JOURNEY} where client_id = :client_id and journey_id = :journey_id",
            client_id=client_id,
            journey_id=journey_id,
        )
        return journey_from_row(*row) if row else None

    def get_spelt_like(self, client_id: str, journey_id: str) -> Journey | UnreadableRow | None:
        row = self._find_journey_row_spelt_like(client_id, journey_id)
        return journey_from_row(*row) if row else None

    def find(
        self, *, client_id: str | None = None, journey_id: str | None = None
    ) -> list[Journey | UnreadableRow]:
        filters = {"client_id": client_id, "journey_id": journey_id}
        where = " and ".join(
            ["true", *(f"{name} = :{name}" for name, value in filters.items() if value is not None)]
        )
        rows = self._execute(f"{_JOURNEY} where {where} order by client_id, journey_id", filters)
        return [journey_from_row(*row) for row in rows]

    def list_keyed(
        self, *, client_id: str | None = None, after: JourneyKey | None = None, limit: int = 100
    ) -> list[tuple[JourneyKey, Journey | UnreadableRow]]:
        behind_client, behind_journey = after or ("", "")
        where = (
            "(client_id, journey_id) > (:behind_client, :behind_journey)"
            if client_id is None
            else "client_id = :client_id and journey_id > :behind_journey"
        )
        rows = self._execute(
            f"{_JOURNEY} where {where} order by client_id, journey_id limit :limit",
            {
                "client_id": client_id,
                "behind_client": behind_client,
                "behind_journey": behind_journey,
                "limit": limit,
            },
        )
        return [((row[0], row[1]), journey_from_row(*row)) for row in rows]

    def put(self, journey: Journey) -> None:
        """Insert or replace. Raises InvalidArgumentError when an existing id differs in case only."""
        taken = self._find_journey_row_spelt_like(journey.client_id, journey.journey_id)
        if taken and taken[0] != journey.client_id:
            raise _spelling_conflict_error("client_id", journey.client_id, taken[0])
        if taken and taken[1] != journey.journey_id:
            raise _spelling_conflict_error("journey_id", journey.journey_id, taken[1])
        lease = journey.lease_expires_at
        row = {
            "client_id": journey.client_id,
            "journey_id": journey.journey_id,
            "stage": journey.stage.value,
            "state": journey.state.value,
            "lease_expires_at": None if lease is None else to_micros(lease),
            "lapsed": int(journey.lapsed),
        }
        self._upsert("journeys", ("client_id", "journey_id"), row)

    def _find_journey_row_spelt_like(self, client_id: str, journey_id: str) -> tuple[Any, ...] | None:
        return self._fetch_one(
            f"{_JOURNEY} where client_id = :client_id collate nocase and journey_id = :journey_id collate nocase",
            client_id=client_id,
            journey_id=journey_id,
        )


def journey_from_row(
    client_id: str, journey_id: str, stage: str, state: str, lease: int | None, lapsed: int
) -> Journey | UnreadableRow:
    """The journey of a row; UnreadableRow when the row is not a valid journey."""
    try:
        return Journey(
            client_id=client_id,
            journey_id=journey_id,
            stage=Stage(stage),
            state=JourneyState(state),
            lease_expires_at=None if lease is None else from_micros(lease),
            lapsed=bool(lapsed),
        )
    except (ValueError, OverflowError) as error:
        return UnreadableRow(what=f"journey {journey_id!r} of client {client_id!r}", why=str(error))


def _client_from_row(row: tuple[str, str, str, str] | None) -> Client | None:
    if row is None:
        return None
    client_id, name, industry, use_case = row
    return Client(client_id=client_id, name=name, industry=industry, use_case=use_case)


def _spelling_conflict_error(field: str, wanted: str, existing: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{field} {wanted!r} differs only in case from the existing {existing!r}.",
        field=field,
        candidates=(existing,),
    )
