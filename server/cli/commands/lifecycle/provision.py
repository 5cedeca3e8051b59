"""`provision`: make a dataset, showing its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal

from domain.model import DatasetType, DataSource, Stage
from server.cli.command import Invocation, command
from server.cli.exit_codes import ExitCode
from server.cli.output import render_facts, render_table, render_value
from server.cli.views.content.findings import render_findings
from server.cli.views.progress_bars import show_progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from domain.model import QualityReport
    from tools.answers.provision import ProvisionAnswer

NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Leave the work to a running `serve` on the same data folder.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "provision")(provision_dataset)


async def provision_dataset(
    run: Invocation,
    *,
    client_id: Annotated[str, typer.Option("--client-id", help="The client.")],
    journey_id: Annotated[str, typer.Option("--journey-id", help="The client's journey.")],
    stage: Annotated[Stage, typer.Option("--stage", help="The stage that the journey is at.")],
    dataset_type: Annotated[DatasetType, typer.Option("--dataset-type", help="The kind of records.")],
    template_id: Annotated[
        str | None,
        typer.Option(
            "--template-id", help="The template; by default the client's best match.", show_default=False
        ),
    ] = None,
    record_count: Annotated[
        int | None,
        typer.Option("--record-count", help="How many; by default all of the template.", show_default=False),
    ] = None,
    data_source: Annotated[
        DataSource | None,
        typer.Option(
            "--data-source",
            help="Where the records come from: mock_template (the template's own source, the default) or generated.",
            show_default=False,
        ),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Make a dataset again that failed or is below the threshold.")
    ] = False,
    no_wait: NoWait = False,
) -> ExitCode | None:
    """Make a dataset, or attach to the existing one, and wait until it is ready."""
    from domain.lifecycle import ProvisionRequest
    from tools.answers.provision import load_provision_answer

    request = ProvisionRequest(
        client_id=client_id,
        journey_id=journey_id,
        stage=stage,
        dataset_type=dataset_type,
        template_id=template_id,
        record_count=record_count,
        data_source=data_source,
        retry=retry,
    )
    async with run.open_saga_services(no_wait=no_wait) as services:
        begun = await services.provisioning.start_or_attach(request, run.principal)
        run.announce_resumable_work(begun.dataset.dataset_id)
        with show_progress(run.output.aside) as bar:
            result = await services.provisioning.wait(begun, 0 if no_wait else None, bar(begun.dataset.name))
        answer = await load_provision_answer(services, result, run.principal)
    people = render_provision_answer(answer, report=result.dataset.quality)
    run.output.print_answer(answer.as_dict(), *people)
    return ExitCode.RUNNING if answer.progress else None


def render_provision_answer(
    answer: ProvisionAnswer, *further_facts: tuple[str, object], report: QualityReport | None = None
) -> list[RenderableType]:
    """Render a dataset as its provisioning left it, with further facts of the caller and the findings of a report."""
    from domain.content import quality_issues

    quality, connector = answer.quality, answer.connector
    people: list[RenderableType] = [
        render_facts(
            (
                ("dataset", answer.dataset_id),
                ("name", answer.name),
                ("status", answer.status.value),
                ("records", f"{answer.record_count} ({decimal(answer.size_bytes)})"),
                ("quality", _format_score(answer)),
                ("demo-readiness", _format_readiness(answer)),
                ("template", f"{answer.template.template_id} ({answer.template.match} match)"),
                ("connector", connector and render_value(f"{connector.name} is {connector.status}")),
                ("glean", answer.platform and answer.platform.address),
                *further_facts,
                ("", None if answer.created else "It was there already; no second one was made."),
                *(("warning", each) for each in answer.warnings or ()),
                ("running", answer.progress and answer.progress.message),
            )
        )
    ]
    if quality.issues:
        issues = [each.model_dump(exclude={"findings"}) for each in quality.issues]
        people += render_issues(quality_issues(report) if report else issues)
    return people


def render_issues(issues: list[dict[str, Any]]) -> Iterator[RenderableType]:
    """Render the quality checks that found something, with examples, and their findings."""
    rows = [(each["check"], each["failed"], each["of"], ", ".join(each["examples"])) for each in issues]
    yield render_table(("check", "failed", "of", "for example"), rows, empty="")
    yield from render_findings(issues)


def _format_readiness(answer: ProvisionAnswer) -> str | None:
    readiness = answer.quality.readiness
    if readiness is None:
        return None
    if readiness.share is None:
        return f"not known: {readiness.unknown}"
    return f"{readiness.answered} of {readiness.asked} questions answered ({100 * readiness.share:.1f} %)"


def _format_score(answer: ProvisionAnswer) -> str:
    quality = answer.quality
    if quality.score is None:
        return "not checked yet"
    return f"{quality.score:.1f} of 100 (ready from {quality.threshold:g})"
