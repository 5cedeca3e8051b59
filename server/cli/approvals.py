"""`approvals`: what waits for a person's word, and the word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import ForbiddenError, instant
from domain.requests import ApprovalOrigin, ApprovalState
from server.approval_document import document
from server.cli import lists
from server.cli.confirming import loss, typed
from server.cli.exits import Exit
from server.cli.invocation import Invocation, command, on_terminal
from server.cli.output import facts, section, table

if TYPE_CHECKING:
    from domain.requests import Approval

app = typer.Typer(help="Teardowns that wait for a person's approval.", no_args_is_help=True)

ApprovalId = Annotated[str, typer.Argument(metavar="ID", help="The request, as the refusal named it.")]
_COLUMNS = ("request", "dataset", "client", "stage", "reason", "asked by", "state", "until")


@command(app, "list")
async def show_all(
    run: Invocation,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that were answered or have expired, too.")
    ] = False,
) -> None:
    """List the requests that wait: for an answer, or for the call that uses it."""
    async with run.services() as services:
        found = await services.approvals.list(run.caller, everything=everything)
    run.output.answer(
        {"items": [document(each) for each in found], "count": len(found)},
        table(_COLUMNS, map(_row, found), empty="Nothing waits for an approval."),
    )


@command(app, "show")
async def show(run: Invocation, approval_id: ApprovalId) -> None:
    """Show a request: what will be lost, who asked, and how it stands."""
    async with run.services() as services:
        found = await services.approvals.show(approval_id, run.caller)
    run.output.answer(
        document(found),
        section(
            f"{found.approval_id} is {found.state}.",
            facts(
                (
                    ("asked by", found.requester),
                    ("asked", found.filed_at),
                    ("open until", found.expires_at or "it is answered"),
                    ("answered by", found.answered_by),
                    ("answered", found.answered_at),
                    ("one person", "asked and approved it" if found.one_person else None),
                    ("good until", found.grant_expires_at),
                )
            ),
        ),
        section("What is asked for", loss(found.shown)),
    )


@command(app, "approve")
async def approve(run: Invocation, approval_id: ApprovalId) -> Exit | None:
    """Approve a request, on a terminal, by typing the dataset's name; for many of them how many.

    The call that asked for it goes on when it is made again, within ten minutes; what a sweep asked for is carried out
    at once. A list that was broken off goes on, and is not asked about again.
    """
    if not on_terminal():
        raise ForbiddenError(
            "An approval is given by a person on a terminal, and there is none here.",
            suggested_action="Ask the operator: a person answers it on a terminal.",
        )
    async with run.services() as services:
        asked = await services.approvals.answerable(approval_id, run.caller)
        goes_on = asked.state is ApprovalState.APPROVED
        word = asked.phrase if goes_on else await typed(run.output.aside, asked.shown, asked.phrase)
        answered = await services.approvals.approve(approval_id, run.caller, word)
    if answered.listed:
        async with run.work() as services:
            done = await lists.carried_out(run, services, answered)
        return lists.tell(run, document(done.approval), done)
    if answered.origin is ApprovalOrigin.SWEEP:
        await _carried_out(run, answered)
        return None
    run.output.answer(
        document(answered),
        f"Approved. {answered.requester} can take {answered.shown['dataset']} down until "
        f"{instant(answered.grant_expires_at)}.",
    )
    return None


@command(app, "decline")
async def decline(run: Invocation, approval_id: ApprovalId) -> None:
    """Decline a request."""
    async with run.services() as services:
        answered = await services.approvals.decline(approval_id, run.caller)
    stay = "stay" if answered.listed else "stays"
    run.output.answer(document(answered), f"Declined. {answered.shown['dataset']} {stay}.")


async def _carried_out(run: Invocation, approval: Approval) -> None:
    """Take down what a sweep asked for, with every check made again."""
    from domain.carrying_out import carry_out
    from tools.teardown_dataset import told

    name = approval.shown["dataset"]
    async with run.work() as services:
        begun = await carry_out(services.teardowns, approval, run.caller)
        run.leaves_work(approval.dataset_id)
        run.output.note(f"{name}: being taken down …")
        answer = await told(services, await services.teardowns.wait(begun, None), run.caller)
    run.output.answer(
        {**document(approval), "teardown": answer.body()},
        f"Approved. {name} is {answer.status}, its archive is {answer.archived_path}.",
    )


def _row(approval: Approval) -> tuple[object, ...]:
    return (
        approval.approval_id,
        approval.shown["dataset"],
        ", ".join(sorted(approval.clients)),
        approval.shown["stage"],
        approval.reason.value,
        approval.requester,
        approval.state.value,
        approval.grant_expires_at or approval.expires_at,
    )
