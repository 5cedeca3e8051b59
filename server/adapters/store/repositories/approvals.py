"""Repository of approval requests."""

from __future__ import annotations

from domain.model import Approval, ApprovalState
from server.adapters.store.codec import encode_document, to_micros
from server.adapters.store.repository import Repository, decode_row


class ApprovalRepository(Repository):
    """Implements `ports.ApprovalRepository`."""

    def get(self, approval_id: str) -> Approval | None:
        row = self._fetch_one("select document from approvals where approval_id = :id", id=approval_id)
        return decode_row(f"approval {approval_id!r}", row[0], Approval) if row else None

    def find(
        self,
        *,
        dataset_id: str | None = None,
        states: tuple[ApprovalState, ...] = (),
        after: str | None = None,
        limit: int = 100,
    ) -> list[Approval]:
        in_states, values = _state_condition(states)
        of_dataset = "" if dataset_id is None else "and dataset_id = :dataset_id"
        page = self._fetch_page(
            "approval",
            Approval,
            # Only constants are put into the statement; values are bound.
            f"""
            select approval_id, document from approvals
            where approval_id > :after {in_states} {of_dataset}
            order by approval_id
            """,  # noqa: S608
            {**values, "dataset_id": dataset_id, "after": after or ""},
            limit,
        )
        return [approval for _row, approval in page]

    def list_oldest(
        self, *, states: tuple[ApprovalState, ...] = (), after: str | None = None, limit: int = 100
    ) -> list[Approval]:
        in_states, values = _state_condition(states)
        last = after and self._fetch_one(
            "select filed_at, approval_id from approvals where approval_id = :id", id=after
        )
        filed_at, approval_id = last or (-1, "")
        page = self._fetch_page(
            "approval filed at",
            Approval,
            # Only constants are put into the statement; values are bound.
            f"""
            select filed_at, document, approval_id from approvals
            indexed by {"approvals_in_state" if states else "approvals_filed"}
            where (filed_at, approval_id) > (:after, :then) {in_states}
            order by filed_at, approval_id
            """,  # noqa: S608
            {**values, "after": filed_at, "then": approval_id},
            limit,
        )
        return [approval for _row, approval in page]

    def put(self, approval: Approval) -> None:
        row = {
            "approval_id": approval.approval_id,
            "dataset_id": approval.dataset_id,
            "state": approval.state.value,
            "filed_at": to_micros(approval.filed_at),
            "document": encode_document(approval),
        }
        self._upsert("approvals", ("approval_id",), row)


def _state_condition(states: tuple[ApprovalState, ...]) -> tuple[str, dict[str, object]]:
    """The condition that a row is in one of the states, and its values; no condition for no states."""
    values: dict[str, object] = {f"s{number}": each.value for number, each in enumerate(states)}
    return (f"and state in ({', '.join(f':{name}' for name in values)})" if states else ""), values
