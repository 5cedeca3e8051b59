"""Webhooks, and what each is told or still to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.deliveries import Delivery, WebhookCursor
from server.adapters.store.codec import encode_document, to_micros
from server.adapters.store.rows import Rows

if TYPE_CHECKING:
    from datetime import datetime

    from domain.deliveries import DeliveryState

_POST: Final = "select webhook, cursor, owner, fence, beats from posts"
_HEADS: Final = """
select d.seq, d.document from (
  select min(seq) as seq from deliveries indexed by deliveries_waiting
  where webhook = :webhook and state = 'waiting' group by dataset_id
) as first
join deliveries d on d.webhook = :webhook and d.seq = first.seq
where first.seq > :after and (d.due_at <= :due_until or d.due_at > :due_from)
order by first.seq
"""


class DeliveryRows(Rows):
    """The part of `domain.records.Records` that is about webhooks."""

    def post(self, webhook: str) -> WebhookCursor | None:
        row = self._fetch_one(f"{_POST} where webhook = :webhook", webhook=webhook)
        return _webhook_cursor_from_row(*row) if row else None

    def posts(self) -> list[WebhookCursor]:
        return [_webhook_cursor_from_row(*row) for row in self._execute(f"{_POST} order by webhook", {})]

    def put_post(self, post: WebhookCursor) -> None:
        row = {
            "webhook": post.webhook,
            "cursor": post.cursor,
            "owner": post.owner,
            "fence": post.fence,
            "beats": post.beats,
        }
        self._upsert("posts", ("webhook",), row)

    def deliveries(
        self,
        *,
        webhook: str | None = None,
        seq: int | None = None,
        states: tuple[DeliveryState, ...] = (),
        after: int = 0,
        limit: int = 100,
    ) -> list[Delivery]:
        # Constants in the statement, and no parameters, let a partial index serve.
        either = " or ".join(f"state = '{each.value}'" for each in states)
        in_states = f"and ({either})" if states else ""
        of_webhook = "" if webhook is None else "and webhook = :webhook"
        of_event = "" if seq is None else "and seq = :seq"
        page = self._fetch_page(
            "delivery of event",
            Delivery,
            f"""
            select seq, document, webhook from deliveries
            where (seq, webhook) > (:after, :then) and seq > :seen {of_event} {of_webhook} {in_states}
            order by seq, webhook
            """,  # noqa: S608  # names and constants of ours
            {"webhook": webhook, "seq": seq, "seen": after, "after": after, "then": ""},
            limit,
        )
        return [delivery for _row, delivery in page]

    def put_delivery(self, delivery: Delivery) -> None:
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

    def heads(self, webhook: str, *, due_until: datetime, due_from: datetime, limit: int) -> list[Delivery]:
        values = {"webhook": webhook, "due_until": to_micros(due_until), "due_from": to_micros(due_from)}
        page = self._fetch_page("delivery of event", Delivery, _HEADS, {**values, "after": 0}, limit)
        return [delivery for _row, delivery in page]


def _webhook_cursor_from_row(webhook: str, cursor: int, owner: str, fence: int, beats: int) -> WebhookCursor:
    return WebhookCursor(webhook=webhook, cursor=cursor, owner=owner, fence=fence, beats=beats)
