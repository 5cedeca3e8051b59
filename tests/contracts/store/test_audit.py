"""What a store promises of the audit log and the chain beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.errors import StoreFailedError
from domain.ports import AuditQuery, ChainLink, SealedEntry, StoredEntry, UnsealedTail

if TYPE_CHECKING:
    from domain.ports import Store, UnitOfWork
    from tests.support.stores.store_adapters import StoreLocation


async def put(store: Store, *documents: str) -> None:
    def work(uow: UnitOfWork) -> None:
        for each in documents:
            uow.audit.append(each)

    await store.transact(work)


def entry(**given: str) -> str:
    inside = ",".join(f'"{name}":"{value}"' for name, value in given.items())
    return f"{{{inside}}}"


async def test_what_waits_for_its_link_comes_in_order_and_not_twice(store: Store) -> None:
    await put(store, "{}", '{"é":1}', "{}")
    waiting = await store.read(lambda uow: uow.audit.list_unsealed(2))
    assert waiting == [(1, b"{}"), (2, '{"é":1}'.encode())]
    assert await store.read(lambda uow: uow.audit.unsealed_tail()) == UnsealedTail(count=3, oldest=b"{}")

    await store.transact(lambda uow: uow.audit.append_links([ChainLink(1, 1, "aa"), ChainLink(2, 2, "bb")]))

    assert await store.read(lambda uow: uow.audit.list_unsealed(2)) == [(3, b"{}")]
    assert await store.read(lambda uow: uow.audit.unsealed_tail()) == UnsealedTail(count=1, oldest=b"{}")
    assert await store.read(lambda uow: uow.audit.chain_head()) == ChainLink(2, 2, "bb")
    await store.transact(lambda uow: uow.audit.append_links([ChainLink(3, 3, "cc")]))
    assert await store.read(lambda uow: uow.audit.unsealed_tail()) == UnsealedTail()
    assert await store.read(lambda uow: uow.audit.first_passed_over()) is None


async def test_the_chain_comes_in_pages_with_the_entries_as_they_are(store: Store) -> None:
    await put(store, '{"n":1}', '{"n":2}', '{"n":3}')
    await store.transact(lambda uow: uow.audit.lock_chain())
    await store.transact(lambda uow: uow.audit.append_links([ChainLink(n, n, "aa") for n in (1, 2, 3)]))
    page = await store.read(lambda uow: uow.audit.list_sealed(after=0, limit=2))
    assert page == [SealedEntry(1, 1, "aa", b'{"n":1}'), SealedEntry(2, 2, "aa", b'{"n":2}')]
    assert await store.read(lambda uow: uow.audit.list_sealed(after=2, limit=2)) == [
        SealedEntry(3, 3, "aa", b'{"n":3}')
    ]
    assert await store.read(lambda uow: uow.audit.list_sealed(after=3, limit=2)) == []


async def test_an_empty_log_has_no_head(store: Store) -> None:
    assert await store.read(lambda uow: (uow.audit.chain_head(), uow.audit.list_unsealed(1))) == (None, [])


async def test_long_documents_make_short_pages(store: Store) -> None:
    document = entry(text="x" * 3_000_000)
    await put(store, *[document] * 3)
    assert [seq for seq, _ in await store.read(lambda uow: uow.audit.list_unsealed(3))] == [1, 2]
    assert len(await store.read(lambda uow: uow.audit.find(AuditQuery()))) == 2


async def test_entries_come_newest_first_by_what_they_say(store: Store) -> None:
    one = entry(client_id="acme", dataset_id="d1", decision="refused", principal="agent:kim")
    two = entry(client_id="beta", dataset_id="d2", decision="allowed", principal="agent:kim")
    three = entry(decision="allowed", principal="person:lee")
    await put(store, one, two, three)
    await store.transact(lambda uow: uow.audit.append_links([ChainLink(1, 1, "aa")]))

    async def find_entries(**asked: object) -> list[StoredEntry]:
        query = AuditQuery(**asked)  # type: ignore[arg-type]
        return await store.read(lambda uow: uow.audit.find(query))

    first, second, third = (
        StoredEntry(1, 1, one.encode()),
        StoredEntry(2, None, two.encode()),
        StoredEntry(3, None, three.encode()),
    )
    assert await find_entries() == [third, second, first]
    assert await find_entries(limit=1) == [third]
    assert await find_entries(before=3, limit=1) == [second]
    assert await find_entries(dataset_id="d1") == [first]
    assert await find_entries(client_id="beta") == [second]
    assert await find_entries(principal="agent:kim") == [second, first]
    assert await find_entries(decision="allowed", principal="agent:kim") == [second]
    assert await find_entries(clients=frozenset({"acme", "gone"})) == [first]
    assert await find_entries(clients=frozenset()) == []


async def test_an_entry_that_no_sealer_takes_any_more_is_found(store: Store) -> None:
    await put(store, "{}", "{}", "{}")
    await store.transact(lambda uow: uow.audit.append_links([ChainLink(1, 1, "aa"), ChainLink(2, 3, "bb")]))
    assert await store.read(lambda uow: uow.audit.first_passed_over()) == 2


@pytest.mark.parametrize("link", [ChainLink(1, 2, "bb"), ChainLink(2, 1, "bb")])
async def test_neither_a_position_nor_an_entry_gets_two_links(store: Store, link: ChainLink) -> None:
    await put(store, "{}", "{}")
    await store.transact(lambda uow: uow.audit.append_links([ChainLink(1, 1, "aa")]))
    with pytest.raises(StoreFailedError):
        await store.transact(lambda uow: uow.audit.append_links([link]))


@pytest.mark.parametrize(
    "change",
    [
        "update audit set document = '{}'",
        "delete from audit",
        "update audit_chain set hash = 'bb'",
        "delete from audit_chain",
    ],
)
async def test_what_is_on_record_and_its_links_cannot_be_changed(
    location: StoreLocation, store: Store, change: str
) -> None:
    await put(store, entry(a="b"))
    await store.transact(lambda uow: uow.audit.append_links([ChainLink(1, 1, "aa")]))
    with pytest.raises(Exception, match="append-only"):
        location.execute_sql(change)


async def test_who_has_acted_for_somebody_is_remembered_once_and_told_by_the_exact_name(store: Store) -> None:
    assert not await store.read(lambda uow: uow.audit.is_actor("bot"))
    await store.transact(lambda uow: uow.audit.add_actors("bot", "planner"))
    await store.transact(lambda uow: uow.audit.add_actors("bot"))
    for subject, known in (("bot", True), ("planner", True), ("Bot", False), ("bo", False), ("", False)):
        assert await store.read(lambda uow, subject=subject: uow.audit.is_actor(subject)) is known  # type: ignore[misc]
