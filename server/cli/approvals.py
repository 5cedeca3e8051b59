"""`approvals`: what waits for a person's word, and the word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import ForbiddenError, instant
from domain.requests import ApprovalOrigin
from server.cli.confirming import loss, typed_name
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
        {"items": [_shown(each) for each in found], "count": len(found)},
        table(_COLUMNS, map(_row, found), empty="Nothing waits for an approval."),
    )


@command(app, "show")
async def show(run: Invocation, approval_id: ApprovalId) -> None:
    """Show a request: what will be lost, who asked, and how it stands."""
    async with run.services() as services:
        found = await services.approvals.show(approval_id, run.caller)
    run.output.answer(
        _shown(found),
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
async def approve(run: Invocation, approval_id: ApprovalId) -> None:
    """Approve a request, on a terminal, by typing the dataset's name.

    The call that asked for it goes on when it is made again, within ten minutes; what a sweep asked for is carried out
    at once.
    """
    if not on_terminal():
        raise ForbiddenError(
            "An approval is given by a person on a terminal, and there is none here.",
            suggested_action="Ask the operator: a person answers it on a terminal.",
        )
    async with run.services() as services:
        asked = await services.approvals.answerable(approval_id, run.caller)
        typed = await typed_name(run.output.aside, asked.shown)
        answered = await services.approvals.approve(approval_id, run.caller, typed)
    if answered.origin is ApprovalOrigin.SWEEP:
        await _carried_out(run, answered)
        return
    run.output.answer(
        _shown(answered),
        f"Approved. {answered.requester} can take {answered.shown['dataset']} down until "
        f"{instant(answered.grant_expires_at)}.",
    )


@command(app, "decline")
async def decline(run: Invocation, approval_id: ApprovalId) -> None:
    """Decline a request."""
    async with run.services() as services:
        answered = await services.approvals.decline(approval_id, run.caller)
    run.output.answer(_shown(answered), f"Declined. {answered.shown['dataset']} stays.")


async def _carried_out(run: Invocation, approval: Approval) -> None:
    """Take down what a sweep asked for, with every check made again."""
    from domain.callers import Caller
    from tools.teardown_dataset import told

    name = approval.shown["dataset"]
    async with run.work() as services:
        begun = await services.teardowns.start_or_attach(
            approval.dataset_id,
            approval.reason,
            Caller(subject=approval.requester),
            generation=approval.generation,
        )
        run.leaves_work(approval.dataset_id)
        run.output.note(f"{name}: being taken down …")
        answer = await told(services, await services.teardowns.wait(begun, None), run.caller)
    run.output.answer(
        {**_shown(approval), "teardown": answer.body()},
        f"Approved. {name} is {answer.status}, its archive is {answer.archived_path}.",
    )


def _shown(approval: Approval) -> dict[str, Any]:
    facts_of = {
        "approval_id": approval.approval_id,
        "state": approval.state.value,
        "origin": approval.origin.value,
        "dataset_id": approval.dataset_id,
        "client_id": approval.client_id,
        "generation": approval.generation,
        "reason": approval.reason.value,
        "requester": approval.requester,
        "filed_at": instant(approval.filed_at),
        "expires_at": instant(approval.expires_at),
        "answered_by": approval.answered_by,
        "answered_at": instant(approval.answered_at),
        "one_person": approval.one_person or None,
        "grant_expires_at": instant(approval.grant_expires_at),
        "shown": dict(approval.shown),
    }
    return {name: value for name, value in facts_of.items() if value is not None}


def _row(approval: Approval) -> tuple[object, ...]:
    return (
        approval.approval_id,
        approval.shown["dataset"],
        approval.client_id,
        approval.shown["stage"],
        approval.reason.value,
        approval.requester,
        approval.state.value,
        approval.grant_expires_at or approval.expires_at,
    )
