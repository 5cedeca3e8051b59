"""Registry of datasources in the Indexing dialect: read, create, update and release their configurations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.errors import (
    PlatformMismatchError,
    PlatformNotFoundError,
    PlatformUnavailableError,
    require_present,
)
from server.adapters.glean.indexing import wire
from server.adapters.glean.indexing.config import (
    DatasourceOwner,
    desired_config,
    is_same_config,
    owner_of,
    released_config,
)
from server.adapters.glean.indexing.names import datasource_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.model import OwnerTag
    from domain.ports import DatasourceSpec
    from server.adapters.glean.transport.client import GleanHttpClient

    Config = dict[str, Any]

_TRIES: Final = 3


class DatasourceRegistry:
    """The datasources of one Glean, by name."""

    def __init__(self, http: GleanHttpClient) -> None:
        """Use that client."""
        self._http = http

    async def fetch_config(self, handle: str) -> Config | None:
        """The configuration of a datasource; None when Glean has no datasource of this name."""
        try:
            config = await self._http.call(
                "getdatasourceconfig",
                "POST",
                "/getdatasourceconfig",
                wire.Config,
                body=msgspec.json.encode({"datasource": handle}),
                # The request holds nothing but the name, so a 400 means that there is no datasource of this name.
                absent=frozenset({400}),
            )
        except PlatformNotFoundError:
            await self._require_absent(handle)
            return None
        if not str(config.get("name", "")).casefold().endswith(handle.casefold()):
            raise PlatformUnavailableError(
                "Glean's getdatasourceconfig returned the configuration of another datasource, or of none."
            )
        return config

    async def _require_absent(self, handle: str) -> None:
        """Check by a second call that the datasource is absent: one that counts as gone is not deleted any more."""
        try:
            await self._http.call(
                "debug.status",
                "POST",
                f"/debug/{handle}/status",
                wire.DatasourceStatus,
                body=b"{}",
                absent=frozenset({400}),
            )
        except PlatformNotFoundError:
            return
        raise contradiction_error()

    async def require_owned(self, handle: str, mark: OwnerTag) -> Config:
        """The configuration of a datasource that has this owner tag.

        Raises PlatformNotFoundError when it does not exist or was released, PlatformMismatchError when it has another
        owner.
        """
        config = await self.fetch_config(handle)
        if config is None:
            raise PlatformNotFoundError("Glean has no datasource of this name.")
        if is_released(config, mark):
            raise PlatformNotFoundError(
                "Glean has a datasource of this name, which was emptied and released."
            )
        owner = owner_of(config)
        if owner is None or owner.mark != mark:
            raise _not_owned_error(mark)
        return config

    async def ensure(self, source: DatasourceSpec) -> str:
        """Create or update the datasource; its handle. Raises PlatformMismatchError when it has another owner."""
        handle = datasource_of(source.name)

        def require_ours(current: Config) -> None:
            owner = owner_of(current)
            ours = DatasourceOwner(
                installation=source.mark.installation, dataset_id=source.mark.dataset_id, kind=source.kind
            )
            if owner not in {ours, replace(ours, dataset_id="")}:
                raise PlatformMismatchError(
                    f"Glean has a datasource {source.name} that does not belong to this dataset."
                )

        await self._put_config(handle, desired_config(source, handle), require_ours, make=True)
        return handle

    async def release(self, handle: str, mark: OwnerTag, config: Config) -> None:
        """Remove the dataset from the owner tag. Raises PlatformMismatchError when the datasource has another owner."""
        owner = require_present(
            owner_of(config), "the configuration is of a datasource that was found to be ours"
        )

        def require_ours(current: Config) -> None:
            if owner_of(current) != owner and not is_released(current, mark):
                raise _not_owned_error(mark)

        await self._put_config(handle, released_config(config, handle, owner), require_ours, make=False)

    async def _put_config(
        self, handle: str, config: Config, check: Callable[[Config], None], *, make: bool
    ) -> None:
        """Write a configuration, after `check` has accepted the present one: `adddatasource` overrides everything.

        Without `make` a datasource that does not exist is not created.
        """
        failure = PlatformUnavailableError(
            "Glean accepted the configuration of the datasource, but returns another one."
        )
        for _ in range(_TRIES):
            current = await self.fetch_config(handle)
            if current is None and not make:
                return
            if current is not None:
                check(current)
                if is_same_config(current, config):
                    return
            try:
                await self._http.call(
                    "adddatasource",
                    "POST",
                    "/adddatasource",
                    wire.Acknowledgement,
                    body=msgspec.json.encode(config),
                    again=False,
                )
            except PlatformUnavailableError as error:
                # The call may have taken effect all the same: read back before the next try.
                failure = error
        current = await self.fetch_config(handle)
        if current is None or not is_same_config(current, config):
            raise failure


def _not_owned_error(mark: OwnerTag) -> PlatformMismatchError:
    return PlatformMismatchError(
        f"The Glean datasource of this name does not belong to dataset {mark.dataset_id}."
    )


def contradiction_error() -> PlatformUnavailableError:
    """The error for a datasource that exists by one call and does not by another."""
    return PlatformUnavailableError(
        "One call to Glean says that the datasource exists, another that it does not."
    )


def is_released(config: Config, mark: OwnerTag) -> bool:
    """Whether this installation emptied and released the datasource."""
    owner = owner_of(config)
    return owner is not None and owner.installation == mark.installation and owner.mark is None
