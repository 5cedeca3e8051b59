"""A store of an earlier release belongs to the Glean in which its connectors were made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from domain.connectors.home_platform import load_home_platform
from domain.model.connector import EMBEDDED_SANDBOX, Fingerprint
from domain.model.enums import ConnectorStatus
from tests.support.entities import connector

if TYPE_CHECKING:
    from domain.model.connector import Connector
    from domain.ports import UnitOfWork
    from tests.support.stores.store_adapters import StoreLocation

GLEAN = Fingerprint(dialect="indexing", url="https://acme-be.glean.com")
SANDBOX = Fingerprint(dialect="admin", url=EMBEDDED_SANDBOX, tenant="t1")
LIVE_HERE = connector("k1", fingerprint=SANDBOX)
GONE_HERE = replace(LIVE_HERE, connector_id="k2", status=ConnectorStatus.DISCONNECTED)
LIVE_THERE = connector("k3", fingerprint=GLEAN)
GONE_THERE = replace(LIVE_THERE, connector_id="k4", status=ConnectorStatus.DISCONNECTED)


@pytest.mark.parametrize(
    ("connectors", "home"),
    [
        ([], None),
        ([LIVE_HERE], SANDBOX),
        ([GONE_THERE], GLEAN),
        ([LIVE_HERE, LIVE_THERE], GLEAN),
        ([GONE_HERE, GONE_THERE], GLEAN),
        ([LIVE_HERE, GONE_THERE], SANDBOX),
        ([GONE_HERE, LIVE_THERE, GONE_THERE], GLEAN),
    ],
)
async def test_a_store_of_an_earlier_release_belongs_where_its_connectors_are(
    location: StoreLocation, adapter: str, connectors: list[Connector], home: Fingerprint | None
) -> None:
    def put(uow: UnitOfWork) -> None:
        for each in connectors:
            uow.connectors.put(each)

    async with location.open_store() as store:
        await store.transact(put)
    applied = "_sqlite_migrations" if adapter == "sqlite" else "migrations"
    location.execute_sql(f"delete from {applied} where name = 'home_platform'")  # noqa: S608

    async with location.open_store() as store:
        assert await store.read(load_home_platform) == home
