"""`approvals`: what waits for a person's word, and the word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import ForbiddenError, format_timestamp
from domain.model import ApprovalOrigin, ApprovalState
from server.cli.command import Invocation, command, on_terminal
from server.cli.commands.oversight.batch_teardown import print_batch_result, run_batch_teardowns
from server.cli.exit_codes import ExitCode
from server.cli.output import render_facts, render_section, render_table
from server.cli.prompts import prompt_for_phrase, render_loss
from server.web.approvals_api.serialization import serialize_approval

if TYPE_CHECKING:
    from domain.model import Approval

app = typer.Typer(help="Teardowns that wait for a person's approval.", no_args_is_help=True)
ApprovalId = Annotated[str, typer.Argument(metavar="ID", help="The request, as the refusal named it.")]
_COLUMNS = ("request", "dataset", "client", "stage", "reason", "asked by", "state", "until")


@command(app, "list")
async def list_approvals(
    run: Invocation,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that were answered or have expired, too.")
    ] = False,
) -> None:
    """List the requests that wait: for an answer, or for the call that uses it."""
    async with run.open_services() as services:
        found = await services.approvals.list(run.principal, everything=everything)
    run.output.print_answer(
        {"items": [serialize_approval(each) for each in found], "count": len(found)},
        render_table(_COLUMNS, map(_row, found), empty="Nothing waits for an approval."),
    )


@command(app, "show")
async def show_approval(run: Invocation, approval_id: ApprovalId) -> None:
    """Show a request: what will be lost, who asked, and how it stands."""
    async with run.open_services() as services:
        found = await services.approvals.load(approval_id, run.principal)
    run.output.print_answer(
        serialize_approval(found),
        render_section(
            f"{found.approval_id} is {found.state}.",
            render_facts(
                (
                    ("asked by", found.requester),
                    ("asked", found.filed_at),
                    ("open until", found.expires_at or "it is answered"),
                    ("answered by", found.answered_by),
                    ("answered", found.answered_at),
                    ("one person", "asked and approved it" if found.self_approved else None),
                    ("good until", found.grant_expires_at),
                )
            ),
        ),
        render_section("What is asked for", render_loss(found.shown)),
    )


@command(app, "approve")
async def approve_request(run: Invocation, approval_id: ApprovalId) -> ExitCode | None:
    """Approve a request, on a terminal, by typing the dataset's name; for many of them how many.

    The call that asked for it goes on when it is made again, within ten minutes; what a sweep asked for is carried out
    at once. A list that was broken off goes on, and is not asked about again.
    """
    if not on_terminal():
        raise ForbiddenError(
            "An approval is given by a person on a terminal, and there is none here.",
            suggested_action="Ask the operator: a person answers it on a terminal.",
        )
    async with run.open_services() as services:
        asked = await services.approvals.load_approvable(approval_id, run.principal)
        goes_on = asked.state is ApprovalState.APPROVED
        word = (
            asked.phrase if goes_on else await prompt_for_phrase(run.output.aside, asked.shown, asked.phrase)
        )
        answered = await services.approvals.approve(approval_id, run.principal, word)
    if answered.listed:
        async with run.open_saga_services() as services:
            done = await run_batch_teardowns(run, services, answered)
        return print_batch_result(run, serialize_approval(done.approval), done)
    if answered.origin is ApprovalOrigin.SWEEP:
        await _carry_out_sweep_request(run, answered)
        return None
    run.output.print_answer(
        serialize_approval(answered),
        f"Approved. {answered.requester} can take {answered.shown['dataset']} down until "
        f"{format_timestamp(answered.grant_expires_at)}.",
    )
    return None


@command(app, "decline")
async def decline_request(run: Invocation, approval_id: ApprovalId) -> None:
    """Decline a request."""
    async with run.open_services() as services:
        answered = await services.approvals.decline(approval_id, run.principal)
    stay = "stay" if answered.listed else "stays"
    run.output.print_answer(serialize_approval(answered), f"Declined. {answered.shown['dataset']} {stay}.")


async def _carry_out_sweep_request(run: Invocation, approval: Approval) -> None:
    """Take down what a sweep asked for, with every check made again."""
    from domain.governance import execute_approved_teardown
    from tools.core.teardown_dataset import load_teardown_answer

    name = approval.shown["dataset"]
    async with run.open_saga_services() as services:
        begun = await execute_approved_teardown(services.teardowns, approval, run.principal)
        run.announce_resumable_work(approval.dataset_id)
        run.output.print_note(f"{name}: being taken down …")
        answer = await load_teardown_answer(
            services, await services.teardowns.wait(begun, None), run.principal
        )
    run.output.print_answer(
        {**serialize_approval(approval), "teardown": answer.as_dict()},
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
