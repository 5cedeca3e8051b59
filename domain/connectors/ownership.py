"""Ownership: connectors that were abandoned in Glean, and the check that the platform is still the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from domain.connectors.home_platform import GO_ON_THERE
from domain.errors import PlatformMismatchError
from domain.ports import Setting

if TYPE_CHECKING:
    from domain.model import Connector
    from domain.ports import Platform, UnitOfWork

_ABANDONED: Final = Setting("connectors.abandoned", list[str], absent_if_unreadable=True)


def load_abandoned_connectors(uow: UnitOfWork) -> tuple[str, ...]:
    """The ids of the connectors that were abandoned because Glean could not be reached."""
    connector_ids = uow.settings.get(_ABANDONED)
    return tuple(connector_ids or ())


def record_abandoned_connector(uow: UnitOfWork, connector_id: str) -> None:
    """Record that a connector was abandoned in Glean."""
    uow.settings.put(_ABANDONED, sorted({*load_abandoned_connectors(uow), connector_id}))


async def require_same_platform(platform: Platform, connector: Connector) -> None:
    """Require that the platform that answers is the one that gave the connector its handle.

    A fingerprint without a tenant is compared by the rest; the owner tag of the datasource is checked in any case.
    Raises PlatformMismatchError.
    """
    now = await platform.fetch_fingerprint()
    was = connector.fingerprint
    if now != (replace(was, tenant=now.tenant) if was.tenant is None else was):
        raise PlatformMismatchError(
            f"The connector {connector.name} was made at {was.describe()}; the platform that answers now is "
            f"{now.describe()}.",
            suggested_action=GO_ON_THERE,
        )
