"""What every test shares: the event loop of async tests, and how hypothesis runs."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
import pytest
from hypothesis import settings

from server.adapters.engine.engine import DurableEngine
from server.adapters.store.postgres.migrations import migrate
from server.infra.postgres.dsn import parse_postgres_url
from tests.support.memory_folder import find_memory_folder
from tests.support.plain_logging import log_plainly
from tests.support.stores.emptied_databases import EmptiedDatabases
from tests.support.stores.postgres_server import database_name, run_postgres

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from _pytest.terminal import TerminalReporter

    from server.infra.postgres.dsn import PostgresAddress
    from tests.support.stores.postgres_server import PostgresServer

T = TypeVar("T")
TESTS: Final = Path(__file__).parent
FOLDERS: Final = frozenset({"unit", "contracts", "integration", "security", "conformance", "e2e", "project"})
RESILIENCE: Final = "resilience"
FIGURES = "adversarial"
KILLS = "killing"
ADOPTIONS = "adoptions"


if "PYTEST_XDIST_WORKER" in os.environ:
    # Processes that tests start are not measured: their lines are covered in this process too, coverage doubles the
    # time that a start takes, and a process that is killed leaves a data file that cannot be read.
    for name in [each for each in os.environ if each.startswith("COVERAGE_PROCESS")]:
        del os.environ[name]

if memory := find_memory_folder():
    # Each commit waits for the disk, and tests commit all the time. What they show of dying processes holds as well of
    # files in memory, which outlive a process.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))

# It is not installed, and imported anew with each request: where that finds nothing, it searches every path.
sys.modules.setdefault("trio", None)  # type: ignore[arg-type] # so that such an import fails at once

# No test judges by the clock: a busy machine is no failure. With every change the same examples run, so that a red test
# says something of the change; `just fresh` draws new ones, and more of them.
settings.register_profile("check", deadline=None, derandomize=True, max_examples=25, database=None)
settings.register_profile("fresh", deadline=None, max_examples=200)
settings.load_profile("check")

log_plainly()


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: a third of the time a test waits for processes and sockets."""
    return (os.cpu_count() or 1) * 3 // 2


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its folder; those of `resilience` that run with every change all the same say so."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder == RESILIENCE and item.get_closest_marker("every_change") is None:
            item.add_marker(pytest.mark.resilience)
        elif folder in FOLDERS:
            item.add_marker(folder)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the SDK and the engine do."""
    return "asyncio"


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Show what the runs came to that tell figures, whichever process they ran in."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.getreports(kind)]
    for figures, title in ((FIGURES, "adversarial runs"), (KILLS, "kills"), (ADOPTIONS, "adoptions")):
        told = [value for each in reports for name, value in each.user_properties if name == figures]
        if told:
            terminalreporter.section(title)
        for each in dict.fromkeys(map(str, told)):
            terminalreporter.line(each)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started by the first test of a run that wants it."""
    with run_postgres() as found:
        yield found


async def create_template_database(url: str) -> str:
    """Make the tables of store and engine in a database that has none; its name, to be copied."""
    with parse_postgres_url(url).connect() as connection:
        migrate(connection, parse_postgres_url(url))
    async with DurableEngine(parse_postgres_url(url), {}) as engine:
        await engine.launch()
    return database_name(url)


def run_in_own_loop(work: Callable[..., Awaitable[T]], *given: object) -> T:
    """Run a coroutine function in an event loop and thread of its own, for a fixture of the session.

    As an async fixture it would hold the event loop of the first test until the session ends, and until then no test
    could run one itself.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(anyio.run, work, *given).result()


async def _make_engine_tables(where: Path | PostgresAddress) -> None:
    async with DurableEngine(where, {}) as engine:
        await engine.launch()


@pytest.fixture(scope="session")
def engine_template(postgres: PostgresServer) -> str:
    """The name of a database with the saga engine's tables, to be copied: making them takes it a while."""
    url = postgres.create_database()
    run_in_own_loop(_make_engine_tables, parse_postgres_url(url))
    return database_name(url)


@pytest.fixture(scope="session")
def engine_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of an SQLite file."""
    folder = tmp_path_factory.mktemp("engine")
    run_in_own_loop(_make_engine_tables, folder)
    return folder / "engine.sqlite"


@pytest.fixture(scope="session")
def store_template(postgres: PostgresServer) -> str:
    """The name of a database with every table, to be copied; in it people's language sorts, not ours."""
    url = postgres.create_icu_database()
    with parse_postgres_url(url).connect() as connection:
        migrate(connection, parse_postgres_url(url))
    return database_name(url)


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> str:
    """What Glean speaks."""
    return str(getattr(request, "param", "admin"))


@pytest.fixture(scope="session")
def emptied_databases(postgres: PostgresServer, store_template: str) -> EmptiedDatabases:
    """PostgreSQL databases with every table, lent to one test after another."""
    return EmptiedDatabases(postgres, store_template)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a PostgreSQL database with every table, or nothing for SQLite."""
    if request.param == "sqlite":
        yield ""
    else:
        databases: EmptiedDatabases = request.getfixturevalue("emptied_databases")
        with databases.lend() as url:
            yield url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """On PostgreSQL a slice of the tests runs every time, the others with the long matrices."""
    if metafunc.definition.get_closest_marker("each_dialect"):
        metafunc.parametrize("dialect", ["admin", "indexing"], indirect=True)
    if "database" in metafunc.fixturenames:
        always = metafunc.definition.get_closest_marker("each_store")
        server = pytest.param("postgres", marks=() if always else pytest.mark.exhaustive)
        metafunc.parametrize("database", ["sqlite", server], indirect=True)
