"""Repository of approval requests."""

from __future__ import annotations

from domain.model import Approval, ApprovalState
from server.adapters.store.codec import encode_document
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
        values: dict[str, object] = {f"s{number}": each.value for number, each in enumerate(states)}
        in_states = f"and state in ({', '.join(f':{name}' for name in values)})" if states else ""
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

    def put(self, approval: Approval) -> None:
        row = {
            "approval_id": approval.approval_id,
            "dataset_id": approval.dataset_id,
            "state": approval.state.value,
            "document": encode_document(approval),
        }
        self._upsert("approvals", ("approval_id",), row)
