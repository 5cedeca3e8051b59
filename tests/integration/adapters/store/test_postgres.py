"""The PostgreSQL database: reached, migrated, and failing in every way that a server can."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import errors

from domain.errors import Recovery, SettingsError, StoreFailedError
from domain.model.run import Run
from domain.ports import DatasetQuery
from server.adapters.store import schema
from server.adapters.store.postgres import migrations
from server.adapters.store.postgres.store import PostgresStore, has_unfinished_work
from server.infra.postgres.dsn import parse_postgres_url
from tests.support.entities import DATASET, NOW, client, dataset
from tests.support.polling import wait_for
from tests.support.stores.postgres_server import database_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.ports import UnitOfWork
    from tests.support.stores.postgres_server import PostgresServer


@pytest.fixture(scope="module")
def database_url(postgres: PostgresServer) -> str:
    return postgres.create_database()


@pytest.fixture
def url(database_url: str, postgres: PostgresServer) -> Iterator[str]:
    """A database without tables; the same one each time, as to empty it takes far less than to make another."""
    yield database_url
    postgres.disconnect_clients(database_url)
    postgres.execute("drop schema if exists dataset_lifecycle cascade", database_url)


async def open_store(url: str) -> None:
    async with PostgresStore(parse_postgres_url(url)):
        pass


def setting(uow: UnitOfWork, name: str) -> str:
    (value,) = uow.settings._db.execute(f"select current_setting('{name}')", {}).fetchone()  # type: ignore[attr-defined]  # noqa: SLF001
    return str(value)


async def test_only_what_need_not_last_is_committed_without_a_flush(url: str) -> None:
    def read_setting(uow: UnitOfWork) -> str:
        return setting(uow, "synchronous_commit")

    async with PostgresStore(parse_postgres_url(url)) as store:
        assert await store.transact(read_setting) == "on"
        assert await store.transact(read_setting, lasting=False) == "off"
        assert await store.transact(read_setting) == "on"


async def test_a_newer_schema_is_refused_and_left_alone(url: str, postgres: PostgresServer) -> None:
    await open_store(url)
    postgres.execute("insert into dataset_lifecycle.migrations (name) values ('from_the_future')", url)

    with pytest.raises(SettingsError, match=r"newer version.*from_the_future") as refused:
        await open_store(url)

    assert refused.value.field == "store.url"


async def test_a_migration_that_fails_leaves_nothing_of_itself(
    url: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_store(url)

    def breaks(to: schema.Tables) -> None:
        to.create_table("half", {"x": str}, "x")
        to.run_statements("no sql;")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, breaks))
        with pytest.raises(StoreFailedError):
            await open_store(url)

    await open_store(url)
    assert postgres.execute("select 1 from pg_tables where tablename = 'half'", url) == []


async def test_opening_again_waits_for_no_writer(url: str) -> None:
    await open_store(url)
    with parse_postgres_url(url).connect() as writer, writer.transaction():
        writer.execute(f"select {migrations.WRITE_LOCK}".encode())
        async with PostgresStore(parse_postgres_url(url)) as store:
            assert await store.read(lambda uow: uow.clients.all()) == []


async def test_a_server_that_is_too_old_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "OLDEST_VERSION", 99)

    with pytest.raises(SettingsError, match=r"is on PostgreSQL \d+; 99 is the oldest"):
        await open_store(url)


async def test_a_database_of_another_encoding_is_refused(postgres: PostgresServer) -> None:
    url = postgres.create_database(options="encoding 'SQL_ASCII' locale 'C'")

    with pytest.raises(SettingsError, match="stores text as SQL_ASCII, but UTF8 is required"):
        await open_store(url)


@pytest.fixture
def limited(url: str, postgres: PostgresServer) -> Iterator[str]:
    """The same database, for a user who owns nothing there."""
    name = f"limited_{database_name(url)}"
    postgres.execute(f"create role {name} login password 'pa:s/s@w%rd'")
    yield postgres.url(database_name(url), user=name, password="pa:s/s@w%rd")
    postgres.execute(f"drop owned by {name} cascade", url)
    postgres.execute(f"drop role {name}")


async def test_a_user_who_may_not_create_tables_is_told_what_helps(
    url: str, limited: str, postgres: PostgresServer
) -> None:
    with pytest.raises(SettingsError, match="may not create tables") as refused:
        await open_store(limited)
    assert "CREATE SCHEMA dataset_lifecycle" in refused.value.suggested_action

    name = limited.partition("://")[2].partition(":")[0]
    postgres.execute(f"create schema dataset_lifecycle authorization {name}", url)
    await open_store(limited)


async def test_a_right_that_is_taken_away_later_is_named(
    url: str, limited: str, postgres: PostgresServer
) -> None:
    name = limited.partition("://")[2].partition(":")[0]
    postgres.execute(f"create schema dataset_lifecycle authorization {name}", url)
    async with PostgresStore(parse_postgres_url(limited)) as store:
        postgres.execute("alter table dataset_lifecycle.clients owner to tester", url)
        with pytest.raises(StoreFailedError, match="its user lacks a permission") as failed:
            await store.transact(lambda uow: uow.clients.put(client()))

    assert failed.value.recovery is Recovery.NEEDS_HUMAN


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": "wr0ng-s3cret"}, "refuses this user or password"),
        ({"user": "nobody_here", "password": "s3cret"}, "refuses this user or password"),
        ({"database": "nowhere"}, "there is no such database"),
    ],
)
async def test_who_is_refused_is_told_why_and_no_password_is_repeated(
    postgres: PostgresServer, change: dict[str, str], says: str
) -> None:
    address = parse_postgres_url(postgres.url(**{"database": "postgres", **change}))

    with pytest.raises(SettingsError, match=says) as refused:
        await PostgresStore(address).open()
    with pytest.raises(SettingsError, match=says):
        has_unfinished_work(address)

    assert (refused.value.field, refused.value.recovery) == ("store.url", Recovery.FIX_INPUT)
    assert "s3cret" not in f"{refused.value} {refused.value.as_dict()} {address}"


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
async def test_a_server_that_cannot_be_reached_is_named_and_waited_for(host: str) -> None:
    with pytest.raises(
        StoreFailedError, match=r"store postgresql://\S+/d failed: it cannot be reached"
    ) as failed:
        await open_store(f"postgresql://kim:s3cret@{host}/d")

    assert failed.value.recovery is Recovery.WAIT
    assert "s3cret" not in str(failed.value)


async def test_a_server_that_ended_every_connection_is_connected_to_again(
    url: str, postgres: PostgresServer
) -> None:
    async with PostgresStore(parse_postgres_url(url)) as store:
        await asyncio.gather(*(store.read(lambda uow: uow.clients.all()) for _ in range(8)))
        cut_off(postgres, url)

        await store.transact(lambda uow: uow.clients.put(client()))
        assert await store.read(lambda uow: uow.clients.all()) == [client()]


async def test_a_connection_lost_inside_a_transaction_takes_it_back(
    url: str, postgres: PostgresServer
) -> None:
    def work(uow: UnitOfWork) -> None:
        uow.datasets.put(DATASET)
        cut_off(postgres, url)
        uow.clients.put(client())

    async with PostgresStore(parse_postgres_url(url)) as store:
        with pytest.raises(StoreFailedError) as failed:
            await store.transact(work)
        assert failed.value.recovery is Recovery.WAIT
        assert await store.read(lambda uow: uow.datasets.find(DatasetQuery())) == []


def cut_off(postgres: PostgresServer, url: str) -> None:
    asked = f"select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{database_name(url)}'"  # noqa: S608
    assert postgres.execute(asked)


async def test_a_database_that_is_gone_is_said_to_be_none(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.adapters.store.postgres.store._SPARE_S", 0.2)
    url = postgres.create_database()
    async with PostgresStore(parse_postgres_url(url)) as store:
        postgres.drop_database(url)
        with pytest.raises(StoreFailedError, match="there is no such database") as failed:
            await store.read(lambda uow: uow.clients.all())

    assert failed.value.recovery is Recovery.NEEDS_HUMAN


async def test_a_writer_that_never_ends_is_waited_for_and_then_reported(url: str) -> None:
    async with PostgresStore(parse_postgres_url(url), patience_s=0.1) as store:
        with parse_postgres_url(url).connect() as writer, writer.transaction():
            writer.execute(f"select {migrations.WRITE_LOCK}".encode())
            with pytest.raises(StoreFailedError, match="another process") as failed:
                await store.transact(lambda uow: uow.clients.put(client()))
            assert await store.read(lambda uow: uow.clients.all()) == []
        await store.transact(lambda uow: uow.clients.put(client()))

    assert failed.value.recovery is Recovery.WAIT


async def test_a_process_that_stands_still_in_a_transaction_is_cut_off(
    url: str, postgres: PostgresServer
) -> None:
    still = threading.Event()

    def work(uow: UnitOfWork) -> None:
        uow.datasets.put(DATASET)
        assert still.wait(20)
        uow.clients.put(client())

    def over() -> bool:
        asked = (
            f"select 1 from pg_stat_activity where datname = '{database_name(url)}' and state like 'idle in%'"  # noqa: S608
        )
        return not postgres.execute(asked)

    async with (
        PostgresStore(parse_postgres_url(url), patience_s=0.5) as store,
        PostgresStore(parse_postgres_url(url)) as other,
    ):
        frozen = asyncio.create_task(store.transact(work))
        await wait_for(lambda: not over())
        await other.transact(lambda uow: uow.clients.put(client("other")))
        assert over()
        still.set()
        with pytest.raises(StoreFailedError, match="stopped inside a transaction") as failed:
            await frozen
        assert await store.read(lambda uow: uow.datasets.find(DatasetQuery())) == []

    assert failed.value.recovery is Recovery.WAIT


async def test_work_that_met_others_is_done_again_and_given_up_in_the_end(url: str) -> None:
    runs: list[str] = []

    def unlucky(times: int) -> None:
        runs.append("run")
        if len(runs) <= times:
            raise errors.SerializationFailure if len(runs) % 2 else errors.DeadlockDetected

    async with PostgresStore(parse_postgres_url(url)) as store:
        await store.transact(lambda _uow: unlucky(2))
        assert len(runs) == 3
        with pytest.raises(StoreFailedError):
            await store.transact(lambda _uow: unlucky(100))

    assert len(runs) == 8


async def test_a_full_disk_is_a_persons_business(url: str) -> None:
    def full(_uow: UnitOfWork) -> None:
        raise errors.DiskFull

    async with PostgresStore(parse_postgres_url(url)) as store:
        with pytest.raises(StoreFailedError, match="its disk is full") as failed:
            await store.transact(full)

    assert failed.value.recovery is Recovery.NEEDS_HUMAN


async def test_what_happened_cannot_be_changed_or_deleted(url: str, postgres: PostgresServer) -> None:
    await open_store(url)
    columns = {"events": "(seq, dataset_id, kind, document) values (1, 'd', 'k', '{}')"}
    columns["audit"] = "(seq, document) values (1, '{}')"
    for log, row in columns.items():
        postgres.execute(f"insert into dataset_lifecycle.{log} {row}", url)
        for change in ("update {} set document = ''", "delete from {}", "truncate {}"):
            with pytest.raises(psycopg.Error, match="append-only"):
                postgres.execute(change.format(f"dataset_lifecycle.{log}"), url)


async def test_a_store_that_is_closed_says_so_and_can_be_closed_again(url: str) -> None:
    store = PostgresStore(parse_postgres_url(url))
    await store.open()
    await store.close()
    await store.close()


async def test_work_that_is_left_is_seen_from_outside(url: str) -> None:
    assert not has_unfinished_work(parse_postgres_url(url))
    async with PostgresStore(parse_postgres_url(url)) as store:
        assert not has_unfinished_work(parse_postgres_url(url))
        running = dataset(run=Run(saga_id="s", started_at=NOW))
        await store.transact(lambda uow: uow.datasets.put(running))
        assert has_unfinished_work(parse_postgres_url(url))
