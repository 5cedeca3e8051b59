"""Several processes that serve over HTTP, on one database, one Glean and shared folders."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import httpx
import yaml

from domain.model.enums import JourneyState, Stage
from domain.model.journey import Client, Journey
from domain.model.principal import Principal
from server.composition.process import open_services
from server.settings import load_settings
from tests.support.polling import wait_for, wait_for_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Self

    from server.settings import Settings
    from tests.support.sandbox.embedded import EmbeddedSandbox
    from tools.services import Services

ROOT: Final = Path(__file__).parents[3]
KIM: Final = Principal(subject="person:kim")
LEE: Final = Principal(subject="person:lee")
KEY: Final = "k" * 40
NO_ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType({})
PATIENCE_S: Final = 60
_LISTENS: Final = re.compile(r"Listening on 127\.0\.0\.1 port (\d+)")


class PausableClock:
    """The sandbox's clock, which can be made to stand still: then no sync gets on."""

    def __init__(self) -> None:
        self._stands: datetime | None = None

    def __call__(self) -> datetime:
        return self._stands or datetime.now(UTC)

    def __enter__(self) -> Self:
        self._stands = datetime.now(UTC)
        return self

    def __exit__(self, *_: object) -> None:
        self._stands = None


@dataclass(slots=True, eq=False)
class ReplicaProcess:
    """One replica: a real process, with a data folder of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def log_text(self) -> str:
        """Its log so far."""
        return self.log.read_text(encoding="utf-8")

    @property
    def port(self) -> int | None:
        """Where it listens, once it does."""
        found = _LISTENS.search(self.log_text)
        return int(found[1]) if found else None

    @property
    def address(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def wait_until_ready(self) -> None:
        """Return when it says that it is."""
        await wait_for(lambda: self.port is not None, PATIENCE_S)
        async with httpx.AsyncClient(base_url=self.address, timeout=PATIENCE_S) as http:

            async def says_so() -> bool:
                return (await http.get("/readyz")).status_code == HTTPStatus.OK

            await wait_for_async(says_so, PATIENCE_S)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait(30)


@dataclass(slots=True)
class ReplicaFleet:
    """What the replicas have in common, and the processes; an own one may differ by what it is started with."""

    folder: Path
    database: str
    sandbox: EmbeddedSandbox
    clock: PausableClock
    repository: Path
    exits: ExitStack = field(default_factory=ExitStack)
    servers: list[ReplicaProcess] = field(default_factory=list)

    def write_config(self, name: str, *, keys: tuple[str, ...] = (KEY,), shared: str = "shared") -> Path:
        """A configuration file."""
        section = {
            "staging": {"url": str(self.folder / shared / "staging")},
            "archival": {"storage_path": str(self.folder / shared / "archives")},
            "http": {"state_keys": list(keys)},
            "confirmation": {"sandbox": "elicitation"},
            "mock_data_repo": {"path": str(self.repository)},
        }
        made = self.folder / f"{name}.yaml"
        made.write_text(yaml.safe_dump({"dataops": section}), encoding="utf-8")
        return made

    @property
    def environ(self) -> dict[str, str]:
        """Which database and which Glean."""
        return {
            "DATABASE_URL": self.database,
            "GLEAN_API_KEY": self.sandbox.token,
            "GLEAN_BASE_URL": self.sandbox.base_url,
        }

    @property
    def settings(self) -> Settings:
        """Those of an operator who looks from outside."""
        return load_settings(self.environ, self.write_config("operator"), self.folder / "operator")

    def start_command(
        self,
        name: str,
        *arguments: str,
        config: Path | None = None,
        environ: Mapping[str, str] = NO_ENVIRONMENT,
    ) -> subprocess.Popen[bytes]:
        """Start a command, with a data folder of its own and its log in a file."""
        kept = {each: value for each, value in os.environ.items() if each in {"PATH", "HOME"}}
        data, config = str(self.folder / name), config or self.write_config(name)
        log = self.exits.enter_context((self.folder / f"{name}.log").open("wb"))
        process = self.exits.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "server", *arguments, "--data-dir", data, "--config", str(config)],
                env={**kept, **self.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", **environ},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        )
        self.exits.callback(process.kill)
        return process

    def start_replica(
        self,
        name: str,
        *arguments: str,
        config: Path | None = None,
        environ: Mapping[str, str] = NO_ENVIRONMENT,
    ) -> ReplicaProcess:
        """Start a replica; it listens a while later."""
        process = self.start_command(
            name, "serve", "--transport", "http", "--port", "0", *arguments, config=config, environ=environ
        )
        return ReplicaProcess(process, self.folder / f"{name}.log")

    @asynccontextmanager
    async def open_services(self) -> AsyncIterator[Services]:
        """The use cases of an operator elsewhere, who runs nothing."""
        async with open_services(self.settings, sagas=False) as services:
            yield services

    async def add_client_and_journey(self, client_id: str, stage: Stage = Stage.SANDBOX) -> None:
        """A client with an active journey."""
        async with self.open_services() as services:
            await services.registry.add_client(
                Client(
                    client_id=client_id, name=client_id, industry="fintech", use_case="developer_productivity"
                ),
                KIM,
            )
            await services.registry.add_journey(
                Journey(
                    journey_id=f"{client_id}-1", client_id=client_id, stage=stage, state=JourneyState.ACTIVE
                ),
                KIM,
            )

    async def complete_journey(self, client_id: str) -> None:
        """That journey is over."""
        async with self.open_services() as services:
            await services.registry.set_state(f"{client_id}-1", JourneyState.COMPLETED, KIM)

    async def approve_request(self, approval_id: str, name: str) -> None:
        """A person says yes to a request, elsewhere."""
        async with self.open_services() as services:
            await services.approvals.approve(approval_id, LEE, name)
