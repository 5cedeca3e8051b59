"""A sweep's list: shown to the person who decides on it, and carried out when they have."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from server.approval_document import carried
from server.cli.exits import Exit
from server.cli.output import facts, section, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from domain.requests import Approval
    from domain.sweep_lists import CarriedOut
    from server.cli.invocation import Invocation
    from tools.services import Services


def asked_for(shown: Mapping[str, Any]) -> RenderableType:
    """What approving a list takes away, as a person is shown it before they decide."""
    rows = [
        (
            each["dataset"],
            each["client_id"],
            each["stage"],
            each["record_count"],
            datetime.fromisoformat(each["restorable_until"]) if "restorable_until" in each else "never",
            f"{each['dataset_id']} ({each['generation']})",
        )
        for each in shown["datasets"]
    ]
    columns = ("dataset", "client", "stage", "records", "restorable until", "id (state)")
    return section(
        f"{shown['dataset']}, all of them orphans whose grace is over",
        facts((("why all at once", shown["why"]), ("will be lost", shown["lost"]))),
        table(columns, rows, empty=""),
    )


async def carried_out(run: Invocation, services: Services, approval: Approval) -> CarriedOut:
    """Take down what was approved, and wait for the end of it."""
    run.leaves_work(approval.approval_id)
    run.output.note(f"{approval.approval_id}: {approval.shown['dataset']} are being taken down …")
    begun = await services.sweep_lists.carry_out(approval, run.caller)
    return await services.sweep_lists.wait(begun)


def tell(run: Invocation, document: dict[str, Any], done: CarriedOut) -> Exit | None:
    """Answer with what became of a list."""
    run.output.answer({**document, **carried(done)}, *people(done))
    return Exit.FAILED if done.left else None


def people(done: CarriedOut) -> list[RenderableType]:
    """What became of a list, for a person."""
    rows = [(each.dataset.name, each.dataset.dataset_id, each.dataset.status) for each in done.taken]
    told: list[RenderableType] = [
        table(("taken down", "id", "status"), rows, empty="Nothing was taken down.")
    ]
    if done.left:
        left = [(one.name, one.dataset_id, error.message) for one, error in done.left]
        told.append(section("Left", table(("dataset", "id", "why"), left, empty="")))
    return told
