"""`approvals`: list, show and answer the approval requests of teardowns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import ForbiddenError, format_timestamp
from domain.model import ApprovalOrigin, ApprovalState
from server.cli.command import Invocation, command, on_terminal
from server.cli.commands.oversight.batch_teardown import print_batch_result, run_batch_teardowns
from server.cli.exit_codes import ExitCode
from server.cli.listing import Cursor, Limit, Listing, Paging, load_by_key, print_listing
from server.cli.output import render_facts, render_section, render_table
from server.cli.prompts import prompt_for_phrase, render_loss
from server.web.approvals_api.serialization import serialize_approval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from domain.model import Approval

app = typer.Typer(help="Teardowns that wait for a person's approval.", no_args_is_help=True)
ApprovalId = Annotated[
    str, typer.Argument(metavar="ID", help="The request's id, from the refusal or the list.")
]
_COLUMNS = ("request", "dataset", "client", "stage", "reason", "asked by", "state", "until")


@command(app, "list")
async def list_approvals(
    run: Invocation,
    limit: Limit = None,
    cursor: Cursor = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="All requests, also those that were answered or have expired, printed as they are read.",
        ),
    ] = False,
) -> None:
    """List the open requests, oldest first: without an answer, or approved and not used yet."""
    paging = Paging.parse(limit, cursor, everything=everything)
    async with run.open_services() as services:
        listing = Listing(
            load=load_by_key(
                "approvals",
                lambda after, count: services.approvals.list(
                    run.principal, everything=everything, after=after, limit=count
                ),
                lambda last: last.approval_id,
            ),
            serialize=serialize_approval,
            render=_render_approvals,
        )
        await print_listing(run, listing, paging)


def _render_approvals(found: Sequence[Approval]) -> list[RenderableType]:
    return [render_table(_COLUMNS, map(_row, found), empty="No request waits for an approval.")]


@command(app, "show")
async def show_approval(run: Invocation, approval_id: ApprovalId) -> None:
    """Show a request: what will be lost, who asked for it, and its state."""
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
                    ("one person", "requested and approved it" if found.self_approved else None),
                    ("good until", found.grant_expires_at),
                )
            ),
        ),
        render_section("What will be taken down", render_loss(found.shown)),
    )


@command(app, "approve")
async def approve_request(run: Invocation, approval_id: ApprovalId) -> ExitCode | None:
    """Approve a request, on a terminal, by typing the dataset's name, or the number of datasets for a list.

    The call that was refused goes on when it is repeated within ten minutes. What a sweep requested is carried out at
    once. An approved list that was interrupted goes on without another question.
    """
    if not on_terminal():
        raise ForbiddenError(
            "Only a person on a terminal can approve a request, and this command has no terminal.",
            suggested_action="Ask the operator: a person must approve it on a terminal.",
        )
    async with run.open_services() as services:
        request = await services.approvals.load_approvable(approval_id, run.principal)
        phrase = request.phrase
        # A list that is approved already was interrupted while it was carried out: the person answered before.
        if request.state is not ApprovalState.APPROVED:
            phrase = await prompt_for_phrase(run.output.aside, request.shown, request.phrase)
        answered = await services.approvals.approve(approval_id, run.principal, phrase)
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
    """Take down the dataset that a sweep requested, with every check made again."""
    from domain.governance import execute_approved_teardown
    from tools.answers.teardown import load_teardown_answer

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
