"""TODO describe domain.connectors.config.ownership."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from domain.errors import PlatformMismatchError
from domain.model import Connector
from domain.ports import Setting

if TYPE_CHECKING:
    from domain.ports import Platform, UnitOfWork

_ABANDONED: Final = Setting("connectors.abandoned", list[str], absent_if_unreadable=True)


def load_abandoned_connectors(uow: UnitOfWork) -> tuple[str, ...]:
    """The ids of the connectors that were left in Glean because it had gone."""
    found = uow.settings.get(_ABANDONED)
    return tuple(found or ())


def record_abandoned_connector(uow: UnitOfWork, connector_id: str) -> None:
    """Keep in mind that a connector is left where it is."""
    uow.settings.put(_ABANDONED, sorted({*load_abandoned_connectors(uow), connector_id}))


async def require_same_platform(platform: Platform, connector: Connector) -> None:
    """Raises PlatformMismatchError when another platform or tenant answers than gave the connector's handle.

    One that did not say its tenant then is known by the rest: our mark in the datasource is looked at all the same.
    """
    now = await platform.fetch_fingerprint()
    was = connector.fingerprint
    if now != (replace(was, tenant=now.tenant) if was.tenant is None else was):
        raise PlatformMismatchError(
            f"The connector {connector.name} was made at {was.url} (tenant {was.tenant}, {was.dialect} dialect); "
            f"what answers now is {now.url} (tenant {now.tenant}, {now.dialect} dialect)."
        )
