"""Repository of datasets: each row is a document, with the columns that queries need beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from domain.errors import DatasetConflictError
from domain.model import Dataset, DatasetStatus, DatasetType, Journey, Progress, Stage, UnreadableRow
from domain.ports import DatasetQuery
from server.adapters.store.codec import encode_document, to_micros
from server.adapters.store.repositories.clients import journey_from_row
from server.adapters.store.repository import Repository, decode_readable_rows, decode_row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from domain.ports import DatasetWithJourney

_LIVE: Final = "d.status <> 'archived'"
_PAGE: Final = """
select d.dataset_id, d.document from datasets d {index}
where {where} order by d.dataset_id
"""
_OWNED: Final = """
select d.dataset_id, d.document, j.client_id, j.journey_id, j.stage, j.state, j.lease_expires_at, j.lapsed
from datasets d {index}
left join journeys j indexed by journeys_whole on j.client_id = d.client_id and j.journey_id = d.journey_id
where {where}
"""
_IN_ORDER: Final = "order by d.dataset_id"
_UPDATE_MARK: Final = (
    "update datasets set marked = :marked, document = :document where dataset_id = :dataset_id"
)
# The journey's own state decides, as `Journey.at` and `Journey.protects` do: only an ACTIVE one's lease can lapse.
_UNPROTECTED: Final = """(
  j.stage is not d.stage
  or j.state not in ('active', 'paused')
  or (j.state = 'active' and j.lease_expires_at <= :now)
)"""


class DatasetRepository(Repository):
    """Implements `ports.DatasetRepository`."""

    def get(self, dataset_id: str) -> Dataset | None:
        row = self._fetch_one("select document from datasets where dataset_id = :id", id=dataset_id)
        return decode_row(f"dataset {dataset_id!r}", row[0], Dataset) if row else None

    def get_live(self, client_id: str, stage: Stage, dataset_type: DatasetType) -> Dataset | None:
        row = self._find_slot_holder(client_id, stage, dataset_type)
        return decode_row(f"dataset {row[0]!r}", row[1], Dataset) if row else None

    def find(self, query: DatasetQuery) -> list[Dataset]:
        index, where, values = _query_conditions(query)
        page = self._fetch_page(
            "dataset", Dataset, _PAGE.format(index=index, where=where), values, query.limit
        )
        return [dataset for _row, dataset in page]

    def list_with_journeys(self, dataset_ids: Collection[str]) -> list[DatasetWithJourney]:
        condition = "d.dataset_id in (select value from json_each(:ids))"
        sql = _OWNED.format(index="", where=f"{condition} {_IN_ORDER}")
        return list(_owned_datasets(self._execute(sql, {"ids": encode_document(list(dataset_ids))})))

    def list_unprotected(self, query: DatasetQuery, now: datetime) -> list[DatasetWithJourney]:
        index, where, values = _query_conditions(query)
        sql = _OWNED.format(index=index, where=f"{where} and {_UNPROTECTED} {_IN_ORDER}")
        page = self._fetch_page("dataset", Dataset, sql, values | {"now": to_micros(now)}, query.limit)
        return [(dataset, _owning_journey(row)) for row, dataset in page]

    def stream_for_scan(
        self, statuses: tuple[DatasetStatus, ...], now: datetime
    ) -> Iterator[DatasetWithJourney]:
        index, where, values = _query_conditions(DatasetQuery(statuses=statuses))
        values["now"] = to_micros(now)
        orphaned = f"{where} and {_UNPROTECTED} {_IN_ORDER}"
        wrongly_marked = f"d.marked = 1 and {where} and {_UNPROTECTED} is not true {_IN_ORDER}"
        yield from _owned_datasets(self._stream(_OWNED.format(index=index, where=orphaned), values))
        yield from _owned_datasets(
            self._stream(_OWNED.format(index="indexed by datasets_marked", where=wrongly_marked), values)
        )

    def count_live(self, client_id: str | None = None) -> int:
        of_client = "" if client_id is None else "and client_id = :client_id"
        return self._fetch_count(
            # What is put into the statement is constant; values are bound.
            f"select count(*) from datasets d where {_LIVE} {of_client}",  # noqa: S608
            client_id=client_id,
        )

    def list_running(self) -> list[Dataset]:
        rows = self._execute(
            "select dataset_id, document from datasets where running = 1 order by dataset_id", {}
        )
        return [dataset for _row, dataset in decode_readable_rows("dataset", rows, Dataset)]

    def put_orphan_marks(self, datasets: Iterable[Dataset]) -> None:
        self._execute_many(
            _UPDATE_MARK,
            [
                {
                    "dataset_id": each.dataset_id,
                    "marked": int(each.orphan is not None),
                    "document": encode_document(each),
                }
                for each in datasets
            ],
        )

    def put(self, dataset: Dataset) -> None:
        holder = (
            self._find_slot_holder(dataset.client_id, dataset.stage, dataset.dataset_type)
            if dataset.live
            else None
        )
        if holder and holder[0] != dataset.dataset_id:
            raise DatasetConflictError(
                f"{dataset.client_id} has the live dataset {holder[0]} of {dataset.dataset_type} at {dataset.stage}.",
                dataset_id=holder[0],
            )
        row = {
            "dataset_id": dataset.dataset_id,
            "client_id": dataset.client_id,
            "journey_id": dataset.journey_id,
            "stage": dataset.stage.value,
            "dataset_type": dataset.dataset_type.value,
            "status": dataset.status.value,
            "created_at": to_micros(dataset.created_at),
            "running": int(dataset.run is not None),
            "marked": int(dataset.orphan is not None),
            "document": encode_document(dataset),
        }
        self._upsert("datasets", ("dataset_id",), row)

    def get_progress(self, dataset_id: str) -> Progress | None:
        row = self._fetch_one("select document from progress where dataset_id = :id", id=dataset_id)
        return decode_row(f"the progress of {dataset_id!r}", row[0], Progress) if row else None

    def put_progress(self, dataset_id: str, progress: Progress | None) -> None:
        """Insert or replace the progress; None deletes it."""
        if progress is None:
            self._execute("delete from progress where dataset_id = :id", {"id": dataset_id})
        else:
            self._upsert(
                "progress", ("dataset_id",), {"dataset_id": dataset_id, "document": encode_document(progress)}
            )

    def _find_slot_holder(
        self, client_id: str, stage: Stage, dataset_type: DatasetType
    ) -> tuple[Any, ...] | None:
        return self._fetch_one(
            # What is put into the statement is constant; values are bound.
            f"""
            select d.dataset_id, d.document from datasets d
            where d.client_id = :client_id and d.stage = :stage and d.dataset_type = :dataset_type and {_LIVE}
            """,  # noqa: S608
            client_id=client_id,
            stage=stage.value,
            dataset_type=dataset_type.value,
        )


def _owned_datasets(rows: Iterable[Any]) -> Iterator[DatasetWithJourney]:
    for row, dataset in decode_readable_rows("dataset", rows, Dataset):
        yield dataset, _owning_journey(row)


def _owning_journey(row: tuple[Any, ...]) -> Journey | UnreadableRow | None:
    return None if row[2] is None else journey_from_row(*row[2:])


def _query_conditions(query: DatasetQuery) -> tuple[str, str, dict[str, object]]:
    """The index that a query uses, its conditions, and their values."""
    where = ["d.dataset_id > :after"]
    values: dict[str, object] = {"after": query.after or ""}
    for name in ("client_id", "journey_id", "stage", "dataset_type"):
        value = getattr(query, name)
        if value is not None:
            where.append(f"d.{name} = :{name}")
            values[name] = str(value)
    if query.created_before is not None:
        where.append("d.created_at < :created_before")
        values["created_before"] = to_micros(query.created_before)
    if query.statuses:
        names = {f"status_{at}": status.value for at, status in enumerate(query.statuses)}
        where.append(f"d.status in ({', '.join(f':{name}' for name in names)})")
        values |= names
    live = bool(query.statuses) and DatasetStatus.ARCHIVED not in query.statuses
    if live:
        where.append(_LIVE)
    return _index_clause(query, live=live), " and ".join(where), values


def _index_clause(query: DatasetQuery, *, live: bool) -> str:
    if query.client_id is not None:
        return "indexed by datasets_live_of_client" if live else "indexed by datasets_of_client"
    return "indexed by datasets_live" if live else ""
