"""What is registered in one Glean of the Indexing dialect: read, made, brought to what is wanted, given free."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.errors import PlatformMismatchError, PlatformNotFoundError, PlatformUnavailableError
from server.adapters.glean import indexing_wire as wire
from server.adapters.glean.indexing_config import Owner, is_same, owner_of, released, wanted
from server.adapters.glean.indexing_names import datasource_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.model import Mark
    from domain.platform import Source
    from server.adapters.glean.http import Http

    Config = dict[str, Any]

_TRIES: Final = 3


class Registry:
    """The datasources of one Glean, by name."""

    def __init__(self, http: Http) -> None:
        """Talk through that."""
        self._http = http

    async def held(self, handle: str) -> Config | None:
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
            await self._nowhere(handle)
            return None
        if not str(found.get("name", "")).casefold().endswith(handle.casefold()):
            raise PlatformUnavailableError(
                "Glean's getdatasourceconfig told of another datasource, or of none."
            )
        return found

    async def _nowhere(self, handle: str) -> None:
        """Have Glean say so in another place, too: what is believed to be gone is not looked after any more."""
        try:
            await self._http.call(
                "debug.status",
                "POST",
                f"/debug/{handle}/status",
                wire.Status,
                body=b"{}",
                absent=frozenset({400}),
            )
        except PlatformNotFoundError:
            return
        raise contradiction()

    async def owned(self, handle: str, mark: Mark) -> Config:
        """The configuration of a datasource that carries this mark.

        Raises PlatformNotFoundError when there is none or it was emptied, PlatformMismatchError when it is another's.
        """
        config = await self.held(handle)
        if config is None:
            raise PlatformNotFoundError("Glean has no datasource of this name.")
        if is_free(config, mark):
            raise PlatformNotFoundError("Glean has this datasource, emptied and given free.")
        owner = owner_of(config)
        if owner is None or owner.mark != mark:
            raise PlatformMismatchError(f"What Glean has under this name, {mark.dataset_id} does not own.")
        return config

    async def ensure(self, source: Source) -> str:
        """The handle of the datasource as wanted. Raises PlatformMismatchError for one that is not ours."""
        handle = datasource_of(source.name)

        def check(held: Config) -> None:
            owner = owner_of(held)
            ours = Owner(
                installation=source.mark.installation, dataset_id=source.mark.dataset_id, kind=source.kind
            )
            if owner not in {ours, replace(ours, dataset_id="")}:
                raise PlatformMismatchError(
                    f"Glean has a datasource {source.name}, and it is not this dataset's."
                )

        await self._settle(handle, wanted(source, handle), check, make=True)
        return handle

    async def release(self, handle: str, mark: Mark, config: Config) -> None:
        """Let a datasource of ours serve no dataset any more. Raises PlatformMismatchError for one that is not ours."""
        owner = owner_of(config)
        assert owner is not None  # noqa: S101 - `owned` gave the configuration

        def check(held: Config) -> None:
            if owner_of(held) != owner and not is_free(held, mark):
                raise PlatformMismatchError(
                    f"What Glean has under this name, {mark.dataset_id} does not own."
                )

        await self._settle(handle, released(config, handle, owner), check, make=False)

    async def _settle(
        self, handle: str, config: Config, check: Callable[[Config], None], *, make: bool
    ) -> None:
        """Have that configuration stand, looking before each try: it overrides whatever is there.

        Without `make` one that is gone is left so.
        """
        lost = PlatformUnavailableError("Glean took the datasource, and tells another one.")
        for _ in range(_TRIES):
            held = await self.held(handle)
            if held is None and not make:
                return
            if held is not None:
                check(held)
                if is_same(held, config):
                    return
            try:
                await self._http.call(
                    "adddatasource",
                    "POST",
                    "/adddatasource",
                    wire.Acknowledged,
                    body=msgspec.json.encode(config),
                    again=False,
                )
            except PlatformUnavailableError as error:
                lost = error
        held = await self.held(handle)
        if held is None or not is_same(held, config):
            raise lost


def contradiction() -> PlatformUnavailableError:
    """What is known of a datasource that Glean has by one call and has not by another."""
    return PlatformUnavailableError("Glean says of one datasource both that it has it and that it has not.")


def is_free(config: Config, mark: Mark) -> bool:
    """Whether this installation emptied the datasource, so that it serves nobody."""
    owner = owner_of(config)
    return owner is not None and owner.installation == mark.installation and owner.mark is None
