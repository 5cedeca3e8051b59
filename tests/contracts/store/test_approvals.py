"""How a store keeps approval requests."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from domain.errors import StoreFailedError
from domain.model.approval import ApprovalItem, ApprovalOrigin, ApprovalState
from domain.model.enums import Waiver
from server.adapters.store.codec import encode_document
from tests.support.entities import NOW, approval
from tests.support.stores.store_adapters import replace_document

if TYPE_CHECKING:
    from domain.model.approval import Approval
    from domain.ports import Store, UnitOfWork
    from tests.support.stores.store_adapters import StoreLocation

FULL = approval(
    approval_id="ap-2",
    dataset_id="d2",
    origin=ApprovalOrigin.SWEEP,
    state=ApprovalState.APPROVED,
    expires_at=None,
    answered_by="person:kim",
    answered_at=NOW,
    grant_expires_at=NOW + timedelta(minutes=10),
)
OPEN = approval(approval_id="ap-1", dataset_id="d1", shown=MappingProxyType({"dataset": "A", "age_s": 3}))
LIST = approval(
    approval_id="ap-4",
    dataset_id="",
    client_id="",
    generation=0,
    origin=ApprovalOrigin.SWEEP,
    expires_at=None,
    shown={"dataset": "2 datasets", "datasets": [{"dataset": "A", "generation": 2}, {"dataset": "B"}]},
    listed=(
        ApprovalItem(dataset_id="d1", name="A", client_id="acme", generation=2, spent=True),
        ApprovalItem(dataset_id="d2", name="B", client_id="globex", generation=7),
    ),
)
ABANDON = approval(approval_id="ap-5", concession=Waiver.ABANDON_CONNECTOR)
USED = approval(approval_id="ap-3", dataset_id="d1", state=ApprovalState.USED)


async def put(store: Store, *approvals: Approval) -> None:
    def work(uow: UnitOfWork) -> None:
        for each in approvals:
            uow.approvals.put(each)

    await store.transact(work)


async def test_a_request_comes_back_as_it_was_put(store: Store) -> None:
    await put(store, FULL, OPEN)
    assert await store.read(lambda uow: uow.approvals.get("ap-2")) == FULL
    assert await store.read(lambda uow: uow.approvals.get("ap-1")) == OPEN
    assert await store.read(lambda uow: uow.approvals.get("AP-1")) is None


async def test_a_list_and_a_concession_come_back_as_they_were_put(store: Store) -> None:
    await put(store, LIST, ABANDON, OPEN)
    assert await store.read(lambda uow: uow.approvals.get("ap-4")) == LIST
    assert await store.read(lambda uow: uow.approvals.get("ap-5")) == ABANDON
    assert await store.read(lambda uow: uow.approvals.find(dataset_id="")) == [LIST]


async def test_a_request_of_an_earlier_version_concedes_nothing_and_lists_nothing(
    store: Store, location: StoreLocation
) -> None:
    await put(store, OPEN)
    document = json.loads(encode_document(OPEN))
    del document["concession"], document["listed"]
    replace_document(location, "approvals", "ap-1", json.dumps(document))
    assert await store.read(lambda uow: uow.approvals.get("ap-1")) == OPEN


async def test_requests_are_found_by_dataset_state_and_page(store: Store) -> None:
    await put(store, USED, FULL, OPEN)
    look = store.read
    assert await look(lambda uow: uow.approvals.find()) == [OPEN, FULL, USED]
    assert await look(lambda uow: uow.approvals.find(dataset_id="d1")) == [OPEN, USED]
    waiting = (ApprovalState.OPEN, ApprovalState.APPROVED)
    assert await look(lambda uow: uow.approvals.find(states=waiting)) == [OPEN, FULL]
    assert await look(lambda uow: uow.approvals.find(states=waiting, dataset_id="d1")) == [OPEN]
    assert await look(lambda uow: uow.approvals.find(after="ap-1", limit=1)) == [FULL]


async def test_requests_are_listed_in_the_order_in_which_they_were_filed(store: Store) -> None:
    late = replace(OPEN, approval_id="ap-0", filed_at=NOW + timedelta(seconds=0.5))
    await put(store, late, USED, FULL, OPEN)
    look = store.read
    assert await look(lambda uow: uow.approvals.list_oldest()) == [OPEN, FULL, USED, late]
    assert await look(lambda uow: uow.approvals.list_oldest(after="ap-2", limit=9)) == [USED, late]
    assert await look(lambda uow: uow.approvals.list_oldest(after="ap-1", limit=1)) == [FULL]
    waiting = (ApprovalState.OPEN, ApprovalState.APPROVED)
    assert await look(lambda uow: uow.approvals.list_oldest(states=waiting, after="ap-1")) == [FULL, late]


async def test_a_changed_state_is_found_under_the_new_one(store: Store) -> None:
    await put(store, OPEN)
    await put(store, approval(approval_id="ap-1", dataset_id="d1", state=ApprovalState.DECLINED))
    assert await store.read(lambda uow: uow.approvals.find(states=(ApprovalState.OPEN,))) == []


async def test_a_request_that_cannot_be_understood_refuses_by_name_and_hides_no_other(
    location: StoreLocation, store: Store
) -> None:
    await put(store, OPEN, FULL)
    replace_document(location, "approvals", "ap-1", "{}")
    with pytest.raises(StoreFailedError, match="approval 'ap-1'"):
        await store.read(lambda uow: uow.approvals.get("ap-1"))
    assert await store.read(lambda uow: uow.approvals.find()) == [FULL]
