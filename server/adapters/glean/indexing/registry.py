"""What is registered in one Glean of the Indexing dialect: read, made, brought to what is wanted, given free."""

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
        """Talk through that."""
        self._http = http

    async def fetch_config(self, handle: str) -> Config | None:
        """A datasource's configuration; None when Glean says that there is none of this name."""
        try:
            found = await self._http.call(
                "getdatasourceconfig",
                "POST",
                "/getdatasourceconfig",
                wire.Config,
                body=msgspec.json.encode({"datasource": handle}),
                # All that can be wrong with a question that has nothing but a name in it is that name.
                absent=frozenset({400}),
            )
        except PlatformNotFoundError:
            await self._require_absent(handle)
            return None
        if not str(found.get("name", "")).casefold().endswith(handle.casefold()):
            raise PlatformUnavailableError(
                "Glean's getdatasourceconfig told of another datasource, or of none."
            )
        return found

    async def _require_absent(self, handle: str) -> None:
        """Have Glean say so in another place, too: what is believed to be gone is not looked after any more."""
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
        """The configuration of a datasource that carries this mark.

        Raises PlatformNotFoundError when there is none or it was emptied, PlatformMismatchError when it is another's.
        """
        config = await self.fetch_config(handle)
        if config is None:
            raise PlatformNotFoundError("Glean has no datasource of this name.")
        if is_released(config, mark):
            raise PlatformNotFoundError("Glean has this datasource, emptied and given free.")
        owner = owner_of(config)
        if owner is None or owner.mark != mark:
            raise PlatformMismatchError(f"What Glean has under this name, {mark.dataset_id} does not own.")
        return config

    async def ensure(self, source: DatasourceSpec) -> str:
        """The handle of the datasource as wanted. Raises PlatformMismatchError for one that is not ours."""
        handle = datasource_of(source.name)

        def require_ours(held: Config) -> None:
            owner = owner_of(held)
            ours = DatasourceOwner(
                installation=source.mark.installation, dataset_id=source.mark.dataset_id, kind=source.kind
            )
            if owner not in {ours, replace(ours, dataset_id="")}:
                raise PlatformMismatchError(
                    f"Glean has a datasource {source.name}, and it is not this dataset's."
                )

        await self._put_config(handle, desired_config(source, handle), require_ours, make=True)
        return handle

    async def release(self, handle: str, mark: OwnerTag, config: Config) -> None:
        """Let a datasource of ours serve no dataset any more. Raises PlatformMismatchError for one that is not ours."""
        owner = require_present(
            owner_of(config), "the configuration is of a datasource that was found to be ours"
        )

        def require_ours(held: Config) -> None:
            if owner_of(held) != owner and not is_released(held, mark):
                raise PlatformMismatchError(
                    f"What Glean has under this name, {mark.dataset_id} does not own."
                )

        await self._put_config(handle, released_config(config, handle, owner), require_ours, make=False)

    async def _put_config(
        self, handle: str, config: Config, check: Callable[[Config], None], *, make: bool
    ) -> None:
        """Have that configuration stand, looking before each try: it overrides whatever is there.

        Without `make` one that is gone is left so.
        """
        lost = PlatformUnavailableError("Glean took the datasource, and tells another one.")
        for _ in range(_TRIES):
            held = await self.fetch_config(handle)
            if held is None and not make:
                return
            if held is not None:
                check(held)
                if is_same_config(held, config):
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
                lost = error
        held = await self.fetch_config(handle)
        if held is None or not is_same_config(held, config):
            raise lost


def contradiction_error() -> PlatformUnavailableError:
    """What is known of a datasource that Glean has by one call and has not by another."""
    return PlatformUnavailableError("Glean says of one datasource both that it has it and that it has not.")


def is_released(config: Config, mark: OwnerTag) -> bool:
    """Whether this installation emptied the datasource, so that it serves nobody."""
    owner = owner_of(config)
    return owner is not None and owner.installation == mark.installation and owner.mark is None
