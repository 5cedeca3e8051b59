"""Text of others reaches no model, terminal, page or record as it is: every edge is asked for everything it shows.

Hostile text is planted wherever others choose a text: in Glean, in templates, in arguments, and in clients' names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from mcp.client.client import Client
from mcp_types import ElicitResult, Implementation

from domain.events.cloudevents import build_message
from domain.model.enums import DatasetType, JourneyState, Stage
from domain.model.journey import Client as LifecycleClient
from domain.model.journey import Journey
from domain.ports import AuditQuery
from server.mcp_server.server import build_server
from tests.support.content.hostile_text import (
    HOSTILE,
    spoil_repository,
    unprintable_characters,
    unprintable_fields,
    unprintable_output,
)
from tests.support.refusals import read_texts
from tests.support.webhooks.event_schemas import load_events
from tests.support.world import OPERATOR, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp.client.context import ClientRequestContext
    from mcp_types import ElicitRequestParams

    from tests.support.world import Process, World
    from tools.services import Services

BASE: dict[str, Any] = {
    "client_id": "acme",
    "journey_id": "j1",
    "stage": "sandbox",
    "dataset_type": "confluence_pages",
    "reason": "manual",
    "dataset_id": "none",
    "until": "2026-12-05T18:00:00Z",
    "for_": "12h",
    "duration": "12h",
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world in which others have chosen hostile texts."""
    async with open_world(tmp_path) as made:
        spoil_repository(made.repository)
        yield made


async def prepare(process: Process) -> str:
    """Clients and journeys with hostile names, a dataset, and what Glean says of datasources that carry our mark."""
    for client_id, journey_id in (("acme", "j1"), ("other", "j2")):
        await process.services.registry.add_client(
            LifecycleClient(
                client_id=client_id, name=HOSTILE, industry="fintech", use_case="developer_productivity"
            ),
            OPERATOR,
        )
        await process.services.registry.add_journey(
            Journey(
                journey_id=journey_id, client_id=client_id, stage=Stage.SANDBOX, state=JourneyState.ACTIVE
            ),
            OPERATOR,
        )
    made = await process.provision()
    mark = await process.owner_tag(made)
    glean = process.world.glean
    glean.create_foreign_datasource(
        HOSTILE,
        config={"managedBy": {"installation": mark.installation, "datasetId": HOSTILE}, HOSTILE: HOSTILE},
    )
    return made.dataset_id


def rename_tenant(world: World) -> None:
    """Have Glean call its tenant by a hostile text from now on."""
    with world.glean.world.database.write() as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute("UPDATE tenant SET id = ?", (HOSTILE,))
        connection.execute("UPDATE datasource SET tenant_id = ?", (HOSTILE,))


def argument_sets(schema: dict[str, Any], dataset_id: str) -> list[dict[str, Any]]:
    """Calls of a tool: well-formed, and with hostile text as each argument, as an unknown one, and as a name."""
    properties = schema["properties"]
    required = {each: BASE[each] for each in schema.get("required", ())}
    if "dataset_id" in properties:
        required["dataset_id"] = dataset_id
    hostile: list[dict[str, Any]] = [{**required, each: HOSTILE} for each in properties]
    return [required, *hostile, {**required, HOSTILE: HOSTILE}, {HOSTILE: {HOSTILE: [HOSTILE]}}]


def provision_calls() -> list[dict[str, Any]]:
    """A provision of each type, from the best template and from those with hostile ids."""
    chosen = {"client_id": "other", "journey_id": "j2", "stage": "sandbox"}
    return [
        {**chosen, "dataset_type": each.value, **named}
        for each in DatasetType
        for named in (
            {"template_id": HOSTILE},
            {"template_id": f"{HOSTILE}/{HOSTILE}/{each.value}"},
            {},
        )
    ]


async def test_no_field_of_any_tools_answer_is_more_than_printable_text(world: World) -> None:
    asked: list[str] = []
    told: list[str] = []

    async def person(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"dataset_name": HOSTILE})

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with world.open_process() as process:
        dataset_id = await prepare(process)

        async def services() -> Services:
            return process.services

        server = build_server(services, version="1", toolsets=("leases", "recovery"))
        info = Implementation(name=HOSTILE, version=HOSTILE)
        async with Client(server, elicitation_callback=person, client_info=info) as client:
            answers = [
                await client.call_tool(tool.name, arguments, progress_callback=listen)
                for tool in (await client.list_tools()).tools
                for arguments in argument_sets(tool.input_schema, dataset_id)
            ]
            answers += [
                await client.call_tool("provision_dataset", arguments, progress_callback=listen)
                for arguments in provision_calls()
            ]
            await process.services.leases.unprotect_dataset(dataset_id, OPERATOR, person=True)
            await process.complete_journey()
            teardown = {"dataset_id": dataset_id, "reason": "manual"}
            answers.append(await client.call_tool("teardown_dataset", teardown))
            rename_tenant(world)
            answers.append(await client.call_tool("check_connector_health", {}))
            answers.append(
                await client.call_tool("teardown_dataset", {**teardown, "reason": "journey_completed"})
            )
        flaws = [
            (found, each) for each in answers if (found := unprintable_fields(each.model_dump(mode="json")))
        ]
        assert flaws == []
        for each in answers:
            *sentence, document = read_texts(each)
            assert unprintable_fields([*sentence, json.loads(document)]) == {}
            assert unprintable_output(each.model_dump_json().encode()) == set()
        assert asked
        assert [each for each in (*asked, *told) if unprintable_characters(each)] == []

        texts = json.dumps([each.model_dump(mode="json") for each in answers], ensure_ascii=False)
        for shown in (
            "Next: delete",
            "unowned_connector",
            "tenant",
            "template_id",
            "is unknown; its records",
        ):
            assert shown in texts  # what was planted did arrive, so its absence proves something

        entries = await process.deps.store.read(lambda uow: uow.audit.find(AuditQuery(limit=10_000)))
        assert len(entries) > len(answers)
        for entry in entries:
            assert unprintable_fields(json.loads(entry.document)) == {}
            assert unprintable_output(entry.document) == set()
    async with world.open_store() as store:
        for number, event in enumerate(await load_events(store), 1):
            body = build_message("installation", number, event).body
            assert unprintable_fields(json.loads(body)) == {}
            assert unprintable_output(body) == set()
