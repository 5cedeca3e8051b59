"""Every dialect of the `Platform` port that the suite runs over, each against the sandbox over real HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import pytest

from server.adapters.clock import SystemClock
from server.adapters.glean.indexing.config import desired_config
from server.adapters.glean.indexing.names import datasource_of
from server.sandbox.state.content.contents import CUSTOM_CONNECTOR
from tests.support.glean.datasources import (
    DEFAULT_SWITCHES,
    SITE,
    SLOW,
    SWITCH_VARIANTS,
    admin_platform,
    datasource_spec,
    indexing_platform,
)
from tests.support.interception import require_methods
from tests.support.sandbox.embedded import EmbeddedSandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from domain.ports.platform import Platform
    from server.adapters.glean.admin.platform import AdminPlatform
    from server.adapters.glean.indexing.platform import IndexingPlatform

    Foreign = Callable[[str, object], str]

DIALECTS: dict[str, Callable[..., AdminPlatform | IndexingPlatform]] = {
    "admin": admin_platform,
    "indexing": indexing_platform,
}
LATER: Final = timedelta(days=1)
_SLOW_CALLS: Final = frozenset({"start_sync", "delete_datasource"})


class ForwardClock(SystemClock):
    """The machine's clock, put forward by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


class DayPassingPlatform:
    """A platform with which a day passes whenever something was asked of it that takes its time."""

    def __init__(self, platform: IndexingPlatform | AdminPlatform, clock: ForwardClock) -> None:
        require_methods("platform", _SLOW_CALLS)
        self._platform = platform
        self._clock = clock

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands in for any port
        found = getattr(self._platform, name)
        if name not in _SLOW_CALLS:
            return found

        async def find_and_advance(*given: object) -> object:
            answer = await found(*given)
            self._clock.ahead += LATER
            return answer

        return find_and_advance


def pass_days(
    platform: IndexingPlatform | AdminPlatform, clock: ForwardClock, switches: Mapping[str, Any]
) -> Any:  # noqa: ANN401 - it stands in for any port
    """The platform, with which days pass where Glean takes its time: nobody waits for it in earnest."""
    return DayPassingPlatform(platform, clock) if SLOW.keys() & switches else platform


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test over each dialect, and over the Indexing dialect with every switch both ways."""
    if "dialect" in metafunc.fixturenames:
        names = [f"indexing: {name}" for name in SWITCH_VARIANTS if SWITCH_VARIANTS[name]]
        turn = crc32(metafunc.function.__name__.encode())
        always = names[turn % len(names)]  # by turns; the others with the long matrices
        flipped = [
            pytest.param(name, marks=() if name == always else pytest.mark.exhaustive) for name in names
        ]
        metafunc.parametrize("dialect", [*DIALECTS, *flipped], indirect=True)


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param).partition(":")[0]


@pytest.fixture
def switches(request: pytest.FixtureRequest, dialect: str) -> Mapping[str, Any]:
    """What is other than the sandbox has it at first."""
    name = request.node.callspec.params["dialect"].partition(": ")[2]
    return SWITCH_VARIANTS[name or DEFAULT_SWITCHES]


@pytest.fixture
def clock() -> ForwardClock:
    return ForwardClock()


@pytest.fixture
def glean(tmp_path: Path, clock: ForwardClock, switches: Mapping[str, Any]) -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox(tmp_path / "glean.db", token="key-of-the-tests", now=clock.now) as running:
        running.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
        running.sandbox.set_switches(**{"limits_rate": False, **switches})
        yield running


@pytest.fixture
async def platform(
    dialect: str, glean: EmbeddedSandbox, clock: ForwardClock, switches: Mapping[str, Any]
) -> AsyncIterator[Platform]:
    async with DIALECTS[dialect](glean, clock=clock) as opened:
        yield pass_days(opened, clock, switches)


@pytest.fixture
def create_foreign_datasource(dialect: str, glean: EmbeddedSandbox) -> Foreign:
    """`foreign(name, mark)` makes a datasource by hand under a name of ours, with whatever for a mark; its handle."""

    def admin_made(name: str, mark: object) -> str:
        config = None if mark is None else {"managedBy": mark}
        return str(glean.sandbox.create_foreign_datasource(name, config=config)["id"])

    def indexing_made(name: str, mark: object) -> str:
        handle = datasource_of(name)
        home = SITE if mark is None else f"{SITE}#dataset-lifecycle/{mark}"
        glean.sandbox.create_foreign_datasource(
            handle, CUSTOM_CONNECTOR, {**desired_config(datasource_spec(name), handle), "homeUrl": home}
        )
        return handle

    return {"admin": admin_made, "indexing": indexing_made}[dialect]
