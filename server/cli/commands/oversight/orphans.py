"""`orphans`: list, mark and take down the datasets that no journey protects."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import QuotaExceededError, format_timestamp
from domain.model import ApprovalState, Stage
from domain.policy import clock_refusal
from server.cli.command import Invocation, command
from server.cli.commands.oversight.batch_teardown import run_batch_teardowns
from server.cli.exit_codes import ExitCode
from server.cli.listing import Chunk, Cursor, Everything, Limit, Listing, Paging, print_listing
from server.cli.output import render_section, render_table
from server.cli.views.tables import render_batch_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from domain.governance import OrphanFacts, SweepResult
    from domain.model import Approval, Dataset

_USUAL_AGE_DAYS = 7
_CLOCK_IN_DOUBT = (
    "No sweep takes anything until a later scan finds them in agreement; check the time of this machine."
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "orphans")(run_orphans)


async def run_orphans(
    run: Invocation,
    *,
    client_id: Annotated[
        str | None, typer.Option("--client-id", help="Only this client's.", show_default=False)
    ] = None,
    stage: Annotated[
        Stage | None, typer.Option("--stage", help="Only those at this stage.", show_default=False)
    ] = None,
    min_age_days: Annotated[
        int | None,
        typer.Option(
            "--min-age-days", help="Only those of at least this age; by default 7.", show_default=False
        ),
    ] = None,
    scan: Annotated[
        bool, typer.Option("--scan", help="Check all datasets; mark and unmark orphans.")
    ] = False,
    sweep: Annotated[bool, typer.Option("--sweep", help="Show what a sweep would take down.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="With --sweep: take them down.")] = False,
    limit: Limit = None,
    cursor: Cursor = None,
    everything: Everything = False,
) -> ExitCode | None:
    """List the datasets that no journey protects. --scan marks them; --sweep is for those whose grace is over."""
    paging = Paging.parse(limit, cursor, everything=everything)
    listing = any(each is not None for each in (client_id, stage, min_age_days, cursor)) or everything
    if limit is not None and (scan or apply):
        raise typer.BadParameter("--limit is for the list, and for what a dry run of --sweep shows.")
    if scan + sweep + listing > 1:
        raise typer.BadParameter("Use only one of --scan, --sweep and the filters of the list.")
    if apply and not sweep:
        raise typer.BadParameter("--apply needs --sweep.")
    if sweep:
        run.require_scope("orphans sweep")
        return await (_apply_sweep(run) if apply else _show_sweep(run, paging.limit))
    if scan:
        run.require_scope("orphans scan")
        await _scan_orphans(run)
        return None
    await _list_orphans(
        run,
        paging,
        client_id=client_id,
        stage=stage,
        min_age_days=_USUAL_AGE_DAYS if min_age_days is None else min_age_days,
    )
    return None


async def _list_orphans(
    run: Invocation, paging: Paging, *, client_id: str | None, stage: Stage | None, min_age_days: int
) -> None:
    unknown: list[str] = []
    async with run.open_services() as services:
        scanned_at = services.clock.now()

        async def load(cursor: str | None, count: int) -> Chunk[OrphanFacts]:
            page = await services.orphans.list(
                run.principal,
                client_id=client_id,
                stage=stage,
                min_age_days=min_age_days,
                limit=count,
                cursor=cursor,
            )
            unknown.extend(page.unknown)
            return Chunk(rows=page.items, next_cursor=page.next_cursor)

        listing = Listing(
            load=load,
            serialize=_serialize_orphan,
            render=_render_orphans,
            extra=lambda: {
                **({"unknown": unknown} if unknown else {}),
                "scanned_at": format_timestamp(scanned_at),
            },
            notes=lambda: (
                [f"Their journey cannot be read, so they may be in use: {', '.join(unknown)}"]
                if unknown
                else []
            ),
        )
        await print_listing(run, listing, paging)


def _serialize_orphan(facts: OrphanFacts) -> dict[str, Any]:
    from tools.answers.orphans import orphan_item

    return orphan_item(facts).as_dict()


def _render_orphans(found: Sequence[OrphanFacts]) -> list[RenderableType]:
    rows = [
        (
            each.dataset.name,
            each.reason.value,
            f"{each.age_days:g} days",
            each.orphaned_at,
            "now" if each.eligible else each.eligible_at,
            each.dataset.dataset_id,
        )
        for each in found
    ]
    columns: tuple[str, ...] = ("dataset", "why", "age", "marked", "eligible from", "id")
    people: list[RenderableType] = [render_table(columns, rows, empty="There is no orphan of that age.")]
    blocks = [(each.dataset.name, block.what, block.clears) for each in found for block in each.blocking]
    if blocks:
        columns = ("dataset", "what", "what clears it")
        people.append(render_section("What blocks a teardown", render_table(columns, blocks, empty="")))
    return people


async def _scan_orphans(run: Invocation) -> None:
    async with run.open_services() as services:
        result = await services.orphans.scan(run.principal)
    document: dict[str, Any] = {
        "seen": result.seen,
        "marked": list(result.marked),
        "cleared": list(result.cleared),
        "unknown": list(result.unknown),
        "scanned_at": format_timestamp(result.scanned_at),
    }
    doubt = []
    if result.disagreement:
        document["clock_disagreement"] = result.disagreement.message
        doubt = [f"{result.disagreement.message} {_CLOCK_IN_DOUBT}"]
    named = [
        f"{name}: {', '.join(ids)}"
        for name, ids in (
            ("Marked", result.marked),
            ("Unmarked", result.cleared),
            ("Unknown", result.unknown),
        )
        if ids
    ]
    run.output.print_answer(document, "\n".join([f"{result.seen} orphans found.", *named, *doubt]))


async def _show_sweep(run: Invocation, limit: int) -> None:
    from domain.governance import SweepResult

    async with run.open_services() as services:
        plan = await services.orphans.plan_sweep(limit)
    _print_sweep(run, SweepResult(plan=plan), applied=False)


async def _apply_sweep(run: Invocation) -> ExitCode | None:
    from domain.model import TeardownReason
    from domain.policy import with_sweep_context

    async with run.open_saga_services() as services:
        if refusal := (await services.home.load_configured_status()).refusal:
            raise refusal

        async def teardown_orphan(dataset: Dataset) -> None:
            begun = await services.teardowns.start_or_attach(
                dataset.dataset_id,
                TeardownReason.ORPHANED,
                with_sweep_context(run.principal),
                generation=dataset.generation,
            )
            run.announce_resumable_work(dataset.dataset_id)
            run.output.print_note(f"{dataset.name}: being taken down …")
            await services.teardowns.wait(begun, None)

        # Approved lists that a dead process left come first, so that the sweep no longer counts them as due.
        done = [
            await run_batch_teardowns(run, services, each)
            for each in await services.sweep_lists.list_approved(run.principal)
        ]
        result = await services.orphans.sweep(
            teardown_orphan,
            partial(services.approvals.file_for_sweep, principal=run.principal),
            partial(services.sweep_lists.file_request, principal=run.principal),
            apply=True,
        )
    for each in done:
        run.output.print_note(*render_batch_result(each))
    if result.asked:
        raise _sweep_quota_error(result.asked)
    if result.plan.clock:
        raise clock_refusal(result.plan.clock, "Nothing was taken down.")
    _print_sweep(run, result, applied=True)
    return ExitCode.FAILED if result.failed or any(each.left for each in done) else None


def _sweep_quota_error(request: Approval) -> QuotaExceededError:
    declined = request.state is ApprovalState.DECLINED
    decision = "declined to take all of them down" if declined else "was asked about all of them"
    return QuotaExceededError(
        f"Nothing was taken down. {request.shown['why']} A person {decision}.",
        how="approval",
        approval_id=request.approval_id,
        suggested_action=(
            "Ask the operator: take the due datasets down one by one, or raise orphans.sweep_count and "
            "orphans.sweep_share."
            if declined
            else "Ask the operator: a person checks the list and decides on a terminal "
            f"(`dataset-lifecycle approvals approve {request.approval_id}`); then exactly that list is taken down."
        ),
    )


def _print_sweep(run: Invocation, result: SweepResult, *, applied: bool) -> None:
    plan = result.plan
    due = [_serialize_reference(each) for each in plan.eligible]
    left = [{**_serialize_reference(each), "why": block.as_dict()} for each, block in plan.skipped]
    counts = {
        "eligible_count": len(due) + plan.more_eligible,
        "skipped_count": len(left) + plan.more_skipped,
    }
    document: dict[str, Any] = {"applied": applied, "eligible": due, "skipped": left, **counts}
    if plan.refused:
        document["refused"] = plan.refused
    if applied:
        document["taken"] = [_serialize_reference(each) for each in result.taken]
        document["requests"] = [
            {"approval_id": each.approval_id, "dataset_id": each.dataset_id, "state": each.state.value}
            for each in result.requests
        ]
        document["failed"] = [
            {**_serialize_reference(each), "error": error.as_dict()} for each, error in result.failed
        ]
    taken = {each.dataset_id for each in result.taken}
    failed = {each.dataset_id: error.message for each, error in result.failed}
    rows = [
        (
            each.name,
            each.dataset_id,
            "taken down" if each.dataset_id in taken else failed.get(each.dataset_id, "would be taken down"),
        )
        for each in plan.eligible
    ]
    people: list[RenderableType] = [render_table(("due", "id", "result"), rows, empty="Nothing is due.")]
    if plan.more_eligible:
        people.append(f"{plan.more_eligible:,} more are due, {counts['eligible_count']:,} in all.")
    if plan.skipped:
        skipped = [(each.name, block.what, block.clears) for each, block in plan.skipped]
        columns = ("dataset", "why", "what clears it")
        people.append(render_section("Left to a person", render_table(columns, skipped, empty="")))
    if plan.more_skipped:
        people.append(f"{plan.more_skipped:,} more are left to a person, {counts['skipped_count']:,} in all.")
    if result.requests:
        requests = [(each.approval_id, each.shown["dataset"], each.state.value) for each in result.requests]
        columns = ("request", "dataset", "state")
        people.append(
            render_section(
                "A person must approve these (`dataset-lifecycle approvals list`)",
                render_table(columns, requests, empty=""),
            )
        )
    if plan.clock:
        people.append(f"A sweep would take nothing now. {plan.clock.what} {plan.clock.clears}")
    elif plan.refused:
        people.append(f"A sweep would first ask a person about all of them: {plan.refused}")
    if not applied and plan.eligible and not plan.refused:
        people.append("This was a dry run; `dataset-lifecycle orphans --sweep --apply` takes them down.")
    run.output.print_answer(document, *people)


def _serialize_reference(dataset: Dataset) -> dict[str, str]:
    return {"name": dataset.name, "dataset_id": dataset.dataset_id, "client_id": dataset.client_id}
