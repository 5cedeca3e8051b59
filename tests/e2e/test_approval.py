"""A dataset at pilot, from the refusal to the archive: over every transport, in both eras."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from domain.model.enums import DatasetType, JourneyState, Stage
from domain.model.principal import Principal
from server.composition.process import open_services
from server.settings import load_settings
from tests.e2e.conftest import TransportCell, add_client_and_journey
from tests.e2e.test_dataset_lifecycle import ToolClient, move_journey

if TYPE_CHECKING:
    from pathlib import Path

LEE = Principal(subject="person:lee")


async def approve(data_dir: Path, approval_id: str) -> None:
    """Say yes, as a person would in another process."""
    async with open_services(load_settings({}, None, data_dir), sagas=False) as services:
        asked = await services.approvals.load_approvable(approval_id, LEE)
        await services.approvals.approve(approval_id, LEE, asked.shown["dataset"])


async def test_what_a_person_approves_goes_and_only_that(connect: TransportCell, tmp_path: Path) -> None:
    await add_client_and_journey(tmp_path, stage=Stage.PILOT)
    with anyio.fail_after(60):
        async with connect(tmp_path) as client:
            agent = ToolClient(client)
            made = await agent.call_ok(
                "provision_dataset",
                client_id="ACME",
                journey_id="j1",
                stage="pilot",
                dataset_type=DatasetType.JIRA_ISSUES.value,
                record_count=20,
            )
            await move_journey(tmp_path, JourneyState.COMPLETED)
            wanted = {"dataset_id": made["dataset_id"], "reason": "journey_completed"}
            refusal = await agent.call_refused("teardown_dataset", **wanted)
            assert (refusal["code"], refusal["how"]) == ("confirmation_required", "approval")
            again = await agent.call_refused("teardown_dataset", **wanted)
            assert again.pop("audit_id") != refusal.pop("audit_id")
            assert again == refusal

            await approve(tmp_path, refusal["approval_id"])
            other = await agent.call_refused("teardown_dataset", **{**wanted, "reason": "manual"})
            assert other["approval_id"] != refusal["approval_id"]
            down = await agent.call_ok("teardown_dataset", **wanted)
            assert (down["status"], down["cleanup_verified"]) == ("archived", True)
