"""What every test shares: the event loop of async tests, and how hypothesis runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from server.adapters.engine.durable import DurableEngine
from server.postgres.address import parsed
from tests.postgres import cluster, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from tests.postgres import Cluster
    from _pytest.terminal import TerminalReporter

FIGURES = "adversarial"

# No test judges by the clock: a busy machine is no failure.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the SDK and the engine do."""
    return "asyncio"


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Show what the adversarial runs came to, whichever process they ran in."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.getreports(kind)]
    told = [value for each in reports for name, value in each.user_properties if name == FIGURES]
    if told:
        terminalreporter.section("adversarial runs")
        for each in dict.fromkeys(map(str, told)):
            terminalreporter.line(each)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server, started by the first test of a run that wants it."""
    with cluster() as found:
        yield found


@pytest.fixture(scope="session")
async def launched(postgres: Cluster) -> str:
    """The name of a database with the saga engine's tables, to be copied: making them takes it a while."""
    url = postgres.fresh()
    async with DurableEngine(parsed(url), {}) as engine:
        await engine.launch()
    return name_of(url)
