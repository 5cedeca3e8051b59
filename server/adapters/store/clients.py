"""Clients and journeys: rows of plain columns, compared as given and unique without regard to case."""

from __future__ import annotations

from typing import Any, Final

from domain.errors import InvalidArgumentError
from domain.model import Client, Journey, Unreadable
from domain.vocabulary import JourneyState, Stage
from server.adapters.store.codec import from_micros, to_micros
from server.adapters.store.rows import Rows

_CLIENT: Final = "select client_id, name, industry, use_case from clients"
_JOURNEY: Final = "select client_id, journey_id, stage, state, lease_expires_at from journeys"


class ClientRows(Rows):
    """The client and journey part of `domain.records.Records`."""

    def client(self, client_id: str) -> Client | None:
        return _client(self._row(f"{_CLIENT} where client_id = :client_id", client_id=client_id))

    def client_spelt_like(self, client_id: str) -> Client | None:
        return _client(
            self._row(f"{_CLIENT} where client_id = :client_id collate nocase", client_id=client_id)
        )

    def clients(self) -> list[Client]:
        rows = self._rows(f"{_CLIENT} order by client_id", {})
        return [client for row in rows if (client := _client(row))]

    def put_client(self, client: Client) -> None:
        """Insert or replace. Raises InvalidArgumentError when another one's id differs in case only."""
        taken = self.client_spelt_like(client.client_id)
        if taken and taken.client_id != client.client_id:
            raise _taken("client_id", client.client_id, taken.client_id)
        row = {
            "client_id": client.client_id,
            "name": client.name,
            "industry": client.industry,
            "use_case": client.use_case,
        }
        self._put("clients", ("client_id",), row)

    def journey(self, client_id: str, journey_id: str) -> Journey | Unreadable | None:
        row = self._row(
            f"{_JOURNEY} where client_id = :client_id and journey_id = :journey_id",
            client_id=client_id,
            journey_id=journey_id,
        )
        return journey_of(*row) if row else None

    def journey_spelt_like(self, client_id: str, journey_id: str) -> Journey | Unreadable | None:
        row = self._spelt_like(client_id, journey_id)
        return journey_of(*row) if row else None

    def journeys(
        self, *, client_id: str | None = None, journey_id: str | None = None
    ) -> list[Journey | Unreadable]:
        given = {"client_id": client_id, "journey_id": journey_id}
        where = " and ".join(
            ["true", *(f"{name} = :{name}" for name, value in given.items() if value is not None)]
        )
        rows = self._rows(f"{_JOURNEY} where {where} order by client_id, journey_id", given)
        return [journey_of(*row) for row in rows]

    def put_journey(self, journey: Journey) -> None:
        """Insert or replace. Raises InvalidArgumentError when another one's id differs in case only."""
        taken = self._spelt_like(journey.client_id, journey.journey_id)
        if taken and taken[0] != journey.client_id:
            raise _taken("client_id", journey.client_id, taken[0])
        if taken and taken[1] != journey.journey_id:
            raise _taken("journey_id", journey.journey_id, taken[1])
        lease = journey.lease_expires_at
        row = {
            "client_id": journey.client_id,
            "journey_id": journey.journey_id,
            "stage": journey.stage.value,
            "state": journey.state.value,
            "lease_expires_at": None if lease is None else to_micros(lease),
        }
        self._put("journeys", ("client_id", "journey_id"), row)

    def _spelt_like(self, client_id: str, journey_id: str) -> tuple[Any, ...] | None:
        return self._row(
            f"{_JOURNEY} where client_id = :client_id collate nocase and journey_id = :journey_id collate nocase",
            client_id=client_id,
            journey_id=journey_id,
        )


def journey_of(
    client_id: str, journey_id: str, stage: str, state: str, lease: int | None
) -> Journey | Unreadable:
    """The journey in a row, or that it cannot be understood."""
    try:
        return Journey(
            client_id=client_id,
            journey_id=journey_id,
            stage=Stage(stage),
            state=JourneyState(state),
            lease_expires_at=None if lease is None else from_micros(lease),
        )
    except (ValueError, OverflowError) as error:
        return Unreadable(what=f"journey {journey_id!r} of client {client_id!r}", why=str(error))


def _client(row: tuple[str, str, str, str] | None) -> Client | None:
    if row is None:
        return None
    client_id, name, industry, use_case = row
    return Client(client_id=client_id, name=name, industry=industry, use_case=use_case)


def _taken(field: str, wanted: str, existing: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{field} {wanted!r} differs only in case from the existing {existing!r}.",
        field=field,
        candidates=(existing,),
    )
