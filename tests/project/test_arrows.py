"""The arrows of the house: every contract holds, and one wrong import is enough to break it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grimp
import pytest
from importlinter import api
from importlinter.application.use_cases import _register_contract_types
from importlinter.application.user_options import UserOptions
from importlinter.domain.contract import registry

if TYPE_CHECKING:
    from grimp import ImportGraph
    from importlinter import Contract

CHECKOUT: Final = Path(__file__).parents[2]
PRODUCT: Final = ("domain", "server", "tools")
MOST_ROOMS: Final = 10
DOORS: Final = {"__init__", "__main__", "launcher"}
"""What a process comes in by, and no module imports."""
LARGE: Final = {"domain/model"}
"""A room of nouns, which are read one by one."""

PLANTED: Final[dict[str, tuple[str, str]]] = {
    "server, then tools, then domain; prompts and mock_data are leaves": (
        "domain.errors",
        "tools.edge.errors",
    ),
    "The rooms of the domain, one above the other": ("domain.policy.scopes", "domain.audit"),
    "Within the lifecycle of a dataset": ("domain.lifecycle.sagas.runner", "domain.lifecycle.teardown"),
    "The rooms of the server, one above the other": ("server.infra.logging", "server.settings.model"),
    "The rooms of the sandbox, one above the other": ("server.sandbox.state.database", "server.sandbox.http"),
    "The rooms of the tools, one above the other": ("tools.edge.tool", "tools.toolsets"),
    "Both dialects of Glean stand on the same transport and search, and know nothing of each other": (
        "server.adapters.glean.admin.platform",
        "server.adapters.glean.indexing.names",
    ),
    "A command calls what commands share, and views render values": (
        "server.cli.views.tables",
        "server.cli.command",
    ),
    "domain.model is entered by its front door": ("server.web.http", "domain.model.dataset"),
    "domain.ports is entered by its front door": ("server.web.http", "domain.ports.engine"),
    "domain.ports.store is entered by its front door": ("domain.ports.archives", "domain.ports.store.paging"),
    "domain.policy is entered by its front door": ("tools.edge.tool", "domain.policy.teardown"),
    "domain.content is entered by its front door": ("domain.lifecycle.datasets", "domain.content.quality"),
    "domain.audit is entered by its front door": ("domain.governance.leases", "domain.audit.entry"),
    "domain.events is entered by its front door": ("domain.governance.leases", "domain.events.outbox"),
    "domain.connectors is entered by its front door": (
        "domain.lifecycle.datasets",
        "domain.connectors.drift",
    ),
    "domain.lifecycle is entered by its front door": ("domain.governance.leases", "domain.lifecycle.drain"),
    "domain.governance is entered by its front door": ("tools.services", "domain.governance.leases"),
    "domain.content.documents is entered by its front door": (
        "domain.content.quality",
        "domain.content.documents.neutral",
    ),
    "domain.content.markup is entered by its front door": (
        "domain.content.documents.slack_messages",
        "domain.content.markup.slack",
    ),
    "domain.content.sanitization is entered by its front door": (
        "domain.content.quality",
        "domain.content.sanitization.people",
    ),
    "domain.lifecycle.sagas is entered by its front door": (
        "domain.lifecycle.datasets",
        "domain.lifecycle.sagas.context",
    ),
    "domain.lifecycle.archives is entered by its front door": (
        "domain.lifecycle.teardown.saga",
        "domain.lifecycle.archives.writer",
    ),
    "domain.lifecycle.provision is entered by its front door": (
        "domain.lifecycle.datasets",
        "domain.lifecycle.provision.saga",
    ),
    "domain.lifecycle.teardown is entered by its front door": (
        "domain.lifecycle.datasets",
        "domain.lifecycle.teardown.saga",
    ),
    "Only the composition root imports adapters and the sandbox": (
        "server.workers.jobs",
        "server.adapters.clock",
    ),
    "Adapters do not know each other, nor the sandbox": (
        "server.adapters.archives.local",
        "server.adapters.staging.local",
    ),
    "The domain does no I/O, has no clock and knows no framework": ("domain.errors", "httpx"),
    "The tools' edge reaches the world through the domain's ports": ("tools.edge.tool", "httpx"),
    "No two packages import each other": ("server.cli.output", "server.cli.app"),
}
"""For each contract an import that it forbids: who imports, and what."""


def _contracts() -> dict[str, Contract]:
    configuration: dict[str, Any] = api.read_configuration(str(CHECKOUT / "pyproject.toml"))
    session = configuration["session_options"]
    _register_contract_types(UserOptions(session_options=session, contracts_options=[]))
    return {
        each["name"]: registry.get_contract_class(each["type"])(
            name=each["name"], session_options=session, contract_options=each
        )
        for each in configuration["contracts_options"]
    }


CONTRACTS: Final = _contracts()


@pytest.fixture(scope="module")
def imports() -> ImportGraph:
    return grimp.build_graph(
        "domain", "mock_data", "prompts", "server", "tools", include_external_packages=True, cache_dir=None
    )


def test_each_contract_has_an_import_that_it_forbids() -> None:
    assert set(PLANTED) == set(CONTRACTS)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_holds_and_one_wrong_import_breaks_it(imports: ImportGraph, name: str) -> None:
    importer, imported = PLANTED[name]
    wrong = copy.deepcopy(imports)
    for each in (importer, imported):
        if each not in wrong.modules:
            assert each == "httpx", each
    wrong.add_import(importer=importer, imported=imported, line_number=1, line_contents=f"import {imported}")
    assert CONTRACTS[name].check(copy.deepcopy(imports), verbose=False).kept
    assert not CONTRACTS[name].check(wrong, verbose=False).kept


def test_no_folder_has_more_rooms_than_somebody_keeps_in_mind() -> None:
    crowded = {
        folder.relative_to(CHECKOUT).as_posix(): sorted(rooms)
        for root in PRODUCT
        for folder in [CHECKOUT / root, *(CHECKOUT / root).rglob("*")]
        if folder.is_dir() and len(rooms := _rooms(folder)) > MOST_ROOMS
    }
    assert set(crowded) <= LARGE, crowded


def _rooms(folder: Path) -> set[str]:
    """Modules and packages of a folder, but for the doors."""
    modules = {each.stem for each in folder.glob("*.py")}
    packages = {each.parent.name for each in folder.glob("*/__init__.py")}
    return (modules | packages) - DOORS
