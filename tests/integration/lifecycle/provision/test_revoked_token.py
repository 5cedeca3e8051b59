"""A token that stops serving while a dataset is made or taken down in the Indexing dialect."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import PlatformDeniedError, ProvisionFailedError
from domain.model.enums import ConnectorOutcome, DatasetStatus
from server.adapters.glean.indexing.platform import IndexingPlatform
from tests.support.sandbox.faults import Fault
from tests.support.world import ShiftedClock, open_world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from domain.lifecycle.sagas.context import Dependencies
    from tests.support.world import World

SOON_AGAIN = timedelta(hours=1)


class FirstCallInterceptor:
    """A platform before whose first call of one kind something happens."""

    def __init__(self, platform: object, call: str, happens: Callable[[], None]) -> None:
        assert hasattr(platform, call), call
        self._platform = platform
        self._call = call
        self._happens = happens

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        found = getattr(self._platform, name)
        if name != self._call:
            return found

        async def after(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - the same
            self._happens()
            called: Awaitable[Any] = found(*given, **named)
            return await called

        return after


def deny_token_from(place: World, call: str, **made: Any) -> Callable[[Dependencies], Dependencies]:
    """From that call on the sandbox's token is one that will not do."""

    def happens() -> None:
        place.glean.tokens.add(place.sandbox.token, **made)

    return lambda deps: replace(deps, platform=FirstCallInterceptor(deps.platform, call, happens))


@pytest.mark.parametrize("call", ["ensure", "push", "start_sync", "observe"])
@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"expires_at": ShiftedClock().now()}, "the token has expired"),
        ({"datasources": ("another",)}, "the token is bound to other datasources"),
        ({"networks": ("10.0.0.0/8",)}, "the token is not valid from the address of this machine"),
    ],
)
async def test_a_provision_that_is_denied_half_way_is_told_remembered_and_taken_back_once_a_token_serves(
    tmp_path: Path, call: str, made: dict[str, Any], told: str
) -> None:
    async with open_world(tmp_path, dialect=IndexingPlatform) as place:
        async with place.open_process(replace=deny_token_from(place, call, **made)) as process:
            await process.add_client_and_journey()
            with pytest.raises(ProvisionFailedError) as refused:
                await process.provision()
            assert refused.value.facts["cause"] == "platform_denied"
            dataset = await process.load_dataset(refused.value.facts["dataset_id"])
            assert dataset.status is DatasetStatus.FAILED
            assert dataset.failure is not None
            assert (dataset.failure.code, dataset.failure.recovery) == ("platform_denied", "needs_human")
            assert told in dataset.failure.message
            assert "indexing token" in dataset.failure.suggested_action or "greenlisted" in (
                dataset.failure.suggested_action
            )
            assert dataset.failure.to_undo

        place.glean.tokens.revoke(place.sandbox.token)
        async with place.open_process() as process:
            place.clock.ahead += SOON_AGAIN
            await process.services.sagas.resume()
            for saga in list(process.engine.journal):
                await process.engine.wait(saga, 30)
            after = await process.load_dataset(dataset.dataset_id)
            assert after.failure is not None
            assert after.failure.to_undo == ()
            assert not any(place.glean.documents(each["name"]) for each in place.glean.datasources())
            again = await process.provision(retry=True)
            assert again.status is DatasetStatus.READY


async def test_a_token_that_ends_between_two_pages_leaves_nothing_to_be_found(tmp_path: Path) -> None:
    ended = Fault(
        kind="status",
        operation="bulkindexdocuments",
        status=401,
        body="plain",
        message="Token has expired",
        skip=1,
        times=None,
    )
    async with (
        open_world(tmp_path, records=2100, dialect=IndexingPlatform) as place,
        place.open_process() as process,
    ):
        await process.add_client_and_journey()
        place.glean.faults.add(ended)
        with pytest.raises(ProvisionFailedError, match="because the token has expired"):
            await process.provision()
        [made] = place.glean.datasources()
        assert place.glean.documents(made["name"]) == []
        place.glean.faults.clear()
        again = await process.provision(retry=True)
        assert again.status is DatasetStatus.READY
        assert len(place.glean.documents(made["name"])) == 2100


async def test_a_teardown_that_is_denied_stays_at_its_step_and_goes_on_with_another_token(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path, dialect=IndexingPlatform) as place:
        expired = deny_token_from(place, "delete_datasource", expires_at=ShiftedClock().now())
        async with place.open_process(replace=expired) as process:
            await process.add_client_and_journey()
            dataset = await process.provision()
            await process.complete_journey()
            with pytest.raises(PlatformDeniedError, match="because the token has expired"):
                await process.tear_down(dataset)
            assert (await process.load_dataset(dataset.dataset_id)).status is DatasetStatus.TEARDOWN

        place.glean.tokens.revoke(place.sandbox.token)
        async with place.open_process() as process:
            done = await process.tear_down(dataset)
            assert done.teardown is not None
            assert (done.status, done.teardown.connector_outcome) == (
                DatasetStatus.ARCHIVED,
                ConnectorOutcome.EMPTIED,
            )
