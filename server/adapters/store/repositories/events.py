"""Repositories of events, and of their deliveries to webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.model import Delivery, DeliveryState, Event, WebhookCursor
from server.adapters.store.codec import encode_document, to_micros
from server.adapters.store.repository import Repository, decode_row

if TYPE_CHECKING:
    from datetime import datetime

_BEYOND: Final = 2**63 - 1
"""Greater than every sequence number."""
_CURSOR: Final = "select webhook, cursor, owner, fence, beats from posts"
_HEADS: Final = """
select d.seq, d.document from (
  select min(seq) as seq from deliveries indexed by deliveries_waiting
  where webhook = :webhook and state = 'waiting' group by dataset_id
) as first
join deliveries d on d.webhook = :webhook and d.seq = first.seq
where first.seq > :after and (d.due_at <= :due_until or d.due_at > :due_from)
order by first.seq
"""


class EventRepository(Repository):
    """Implements `ports.EventRepository`."""

    def append(self, *events: Event) -> None:
        rows = [
            {"dataset_id": each.dataset_id, "kind": each.kind.value, "document": encode_document(each)}
            for each in events
        ]
        self._append_rows("events", ("dataset_id", "kind", "document"), rows)

    def find(
        self, *, dataset_id: str | None = None, after: int = 0, limit: int = 100
    ) -> list[tuple[int, Event]]:
        of_dataset = "" if dataset_id is None else "and dataset_id = :id"
        page = self._fetch_page(
            "event",
            Event,
            # What is put into the statement is constant; values are bound.
            f"select seq, document from events where seq > :after {of_dataset} order by seq",  # noqa: S608
            {"after": after, "id": dataset_id},
            limit,
        )
        return [(row[0], event) for row, event in page]

    def get(self, seq: int) -> Event:
        row = self._fetch_one("select document from events where seq = :seq", seq=seq)
        return decode_row(f"event {seq}", row[0] if row else "", Event)

    def last_number(self) -> int:
        return self._fetch_count("select coalesce(max(seq), 0) from events")

    def list_latest(self, before: int | None, dataset_id: str | None, limit: int) -> list[tuple[int, Event]]:
        of_dataset = "" if dataset_id is None else "and dataset_id = :id"
        page = self._fetch_page(
            "event",
            Event,
            # What is put into the statement is constant; values are bound.
            f"select seq, document from events where seq < :after {of_dataset} order by seq desc",  # noqa: S608
            {"after": _BEYOND if before is None else before, "id": dataset_id},
            limit,
        )
        return [(row[0], event) for row, event in page]


class DeliveryRepository(Repository):
    """Implements `ports.DeliveryRepository`."""

    def get_cursor(self, webhook: str) -> WebhookCursor | None:
        row = self._fetch_one(f"{_CURSOR} where webhook = :webhook", webhook=webhook)
        return _webhook_cursor_from_row(*row) if row else None

    def list_cursors(self) -> list[WebhookCursor]:
        return [_webhook_cursor_from_row(*row) for row in self._execute(f"{_CURSOR} order by webhook", {})]

    def put_cursor(self, cursor: WebhookCursor) -> None:
        row = {
            "webhook": cursor.webhook,
            "cursor": cursor.cursor,
            "owner": cursor.owner,
            "fence": cursor.fence,
            "beats": cursor.beats,
        }
        self._upsert("posts", ("webhook",), row)

    def find(
        self,
        *,
        webhook: str | None = None,
        seq: int | None = None,
        states: tuple[DeliveryState, ...] = (),
        after: int = 0,
        limit: int = 100,
    ) -> list[Delivery]:
        # The states are put into the statement as constants: with parameters no partial index is used.
        any_state = " or ".join(f"state = '{each.value}'" for each in states)
        in_states = f"and ({any_state})" if states else ""
        of_webhook = "" if webhook is None else "and webhook = :webhook"
        of_event = "" if seq is None else "and seq = :seq"
        page = self._fetch_page(
            "delivery of event",
            Delivery,
            # What is put into the statement is constant; values are bound.
            f"""
            select seq, document, webhook from deliveries
            where (seq, webhook) > (:after, :then) and seq > :seen {of_event} {of_webhook} {in_states}
            order by seq, webhook
            """,  # noqa: S608
            {"webhook": webhook, "seq": seq, "seen": after, "after": after, "then": ""},
            limit,
        )
        return [delivery for _row, delivery in page]

    def put(self, delivery: Delivery) -> None:
        row = {
            "webhook": delivery.webhook,
            "seq": delivery.seq,
            "dataset_id": delivery.dataset_id,
            "state": delivery.state.value,
            "due_at": to_micros(delivery.due_at),
            "document": encode_document(delivery),
        }
        self._upsert("deliveries", ("webhook", "seq"), row)

    def count_waiting(self, webhook: str) -> int:
        return self._fetch_count(
            "select count(*) from deliveries where webhook = :webhook and state = 'waiting'", webhook=webhook
        )

    def list_due(
        self, webhook: str, *, due_until: datetime, due_from: datetime, limit: int
    ) -> list[Delivery]:
        values = {"webhook": webhook, "due_until": to_micros(due_until), "due_from": to_micros(due_from)}
        page = self._fetch_page("delivery of event", Delivery, _HEADS, {**values, "after": 0}, limit)
        return [delivery for _row, delivery in page]


def _webhook_cursor_from_row(webhook: str, cursor: int, owner: str, fence: int, beats: int) -> WebhookCursor:
    return WebhookCursor(webhook=webhook, cursor=cursor, owner=owner, fence=fence, beats=beats)
