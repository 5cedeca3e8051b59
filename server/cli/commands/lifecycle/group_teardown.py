"""Teardown of every live dataset of a client or a journey: asked about once, each outcome told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.errors import DeclinedError, LifecycleError, StoreFailedError
from server.cli.command import Invocation, on_terminal
from server.cli.commands.lifecycle.terminal_confirmer import terminal_confirmer
from server.cli.exit_codes import ExitCode, exit_code_for
from server.cli.output import render_section, render_table
from server.cli.prompts import prompt_for_phrase
from server.cli.views.errors import render_error
from server.cli.views.progress_bars import show_progress

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rich.console import RenderableType

    from domain.governance import GroupTeardownPlan
    from domain.lifecycle import TeardownResult
    from domain.model import ConfirmationRequest, Dataset, TeardownReason
    from tools.answers.teardown import TeardownAnswer
    from tools.services import Services


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one dataset: the answer of its teardown, or the error that refused or stopped it."""

    dataset: Dataset
    answer: TeardownAnswer | LifecycleError

    @property
    def code(self) -> ExitCode:
        if isinstance(self.answer, LifecycleError):
            return exit_code_for(self.answer)
        return ExitCode.RUNNING if self.answer.progress else ExitCode.DONE

    @property
    def word(self) -> str:
        if isinstance(self.answer, LifecycleError):
            return self.code.name.lower()
        return self.answer.status.value


async def tear_down_group(
    run: Invocation,
    reason: TeardownReason,
    *,
    client_id: str | None,
    journey_id: str | None,
    no_wait: bool,
) -> ExitCode | None:
    """Take down what can be taken down. The exit code is REFUSED when any was refused, else FAILED when any failed."""
    async with run.open_saga_services(no_wait=no_wait) as services:
        plan = await services.group_teardowns.plan(
            reason, run.principal, client_id=client_id, journey_id=journey_id
        )
        confirmed = await _confirm_plan(run, plan) if on_terminal() and plan.requests else ()
        outcomes = [_Outcome(dataset, error) for dataset, error in plan.refused]
        begun = []
        async for dataset, started in services.group_teardowns.start(
            plan, run.principal, terminal_confirmer(run, services, confirmed)
        ):
            if isinstance(started, LifecycleError):
                outcomes.append(_Outcome(dataset, started))
            else:
                begun.append(started)
        if begun:
            run.announce_resumable_work(", ".join(each.dataset.name for each in begun))
        outcomes += [
            _Outcome(each.dataset, await _wait_for_answer(run, services, each, no_wait=no_wait))
            for each in begun
        ]
    outcomes.sort(key=lambda each: each.dataset.dataset_id)
    items = [_serialize_outcome(each) for each in outcomes]
    run.output.print_answer({"items": items, "count": len(items)}, *_render_outcomes(outcomes, run.options))
    codes = {each.code for each in outcomes}
    return next(
        (each for each in (ExitCode.REFUSED, ExitCode.FAILED, ExitCode.RUNNING) if each in codes), None
    )


async def _confirm_plan(run: Invocation, plan: GroupTeardownPlan) -> Collection[ConfirmationRequest]:
    """Ask the person at this terminal about all that would go. Raises DeclinedError."""
    count = len(plan.requests)
    counted = f"{count} dataset{'s' if count > 1 else ''}"
    phrase = f"take down {counted}"
    if plan.refused:
        run.output.print_note(_render_refused(plan))
    details = {
        "title": f"{counted}, for the reason {plan.reason}",
        "lost": "their connectors in Glean, their documents in search, and their staged documents",
        "datasets": [{**each.shown, "generation": each.generation} for each in plan.requests],
    }
    if await prompt_for_phrase(run.output.aside, details, phrase) != phrase:
        raise DeclinedError(f"The typed text is not {phrase!r}. Nothing was changed.")
    return plan.requests


async def _wait_for_answer(
    run: Invocation, services: Services, begun: TeardownResult, *, no_wait: bool
) -> TeardownAnswer | LifecycleError:
    """The answer of a teardown when it has ended, or the error with which it stopped."""
    from tools.answers.teardown import load_teardown_answer

    try:
        with show_progress(run.output.aside) as bar:
            ended = await services.teardowns.wait(begun, 0 if no_wait else None, bar(begun.dataset.name))
    except StoreFailedError:
        raise
    except LifecycleError as error:
        return error
    return await load_teardown_answer(services, ended, run.principal)


def _render_refused(plan: GroupTeardownPlan) -> RenderableType:
    rows = [(each.name, error.message) for each, error in plan.refused]
    return render_section("These stay", render_table(("dataset", "why"), rows, empty=""))


def _serialize_outcome(outcome: _Outcome) -> dict[str, Any]:
    dataset, answer = outcome.dataset, outcome.answer
    details = (
        {"error": answer.as_dict()} if isinstance(answer, LifecycleError) else {"teardown": answer.as_dict()}
    )
    return {
        "name": dataset.name,
        "dataset_id": dataset.dataset_id,
        "client_id": dataset.client_id,
        "journey_id": dataset.journey_id,
        "outcome": outcome.word,
        **details,
    }


def _render_outcomes(outcomes: Collection[_Outcome], options: Mapping[str, str]) -> list[RenderableType]:
    rows = [
        (
            each.dataset.dataset_id,
            each.word,
            each.answer.code if isinstance(each.answer, LifecycleError) else each.answer.archived_path,
        )
        for each in outcomes
    ]
    columns = ("dataset", "outcome", "archive, or why not")
    errors = [
        render_error(each.answer, options, about=each.dataset.name)
        for each in outcomes
        if isinstance(each.answer, LifecycleError)
    ]
    return [render_table(columns, rows, empty="There is no live dataset to take down."), *errors]
