"""`templates`: list, show, validate and begin the templates from which datasets are made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.model import DatasetType
from server.cli.command import Invocation, command
from server.cli.commands.registry.template_import import register_import
from server.cli.commands.registry.template_progress import show_records
from server.cli.exit_codes import ExitCode
from server.cli.listing import Cursor, Everything, Limit, Listing, Paging, load_by_key, print_listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.model import Template
    from server.composition.templates import TemplateReport

app = typer.Typer(
    help="List, show, validate, begin and import the templates from which datasets are made.",
    no_args_is_help=True,
)
register_import(app)
_RECORDS = 5


@command(app, "list")
async def list_templates(
    run: Invocation, limit: Limit = None, cursor: Cursor = None, everything: Everything = False
) -> None:
    """List the templates of the configured mock-data repositories, and where each comes from."""
    from server.cli.views import templates as views
    from server.composition.templates import build_template_repository

    paging = Paging.parse(limit, cursor, everything=everything)
    overview = await build_template_repository(run.load_settings().mock_data_repo).survey()

    async def load(after: str | None, count: int) -> Sequence[Template]:
        return [each for each in overview.templates if after is None or each.template_id > after][:count]

    listing = Listing(
        load=load_by_key("templates", load, lambda last: last.template_id),
        serialize=lambda each: views.serialize_template(each, overview),
        render=views.render_templates,
        extra=lambda: {"notices": list(overview.notices)} if overview.notices else {},
        notes=lambda: views.render_overview_notes(overview),
    )
    await print_listing(run, listing, paging)


@command(app, "show")
async def show_template(
    run: Invocation,
    template_id: Annotated[
        str, typer.Argument(metavar="ID", help="The template's id, as the list of templates shows it.")
    ],
    records: Annotated[
        int, typer.Option("--records", min=0, max=1000, help="How many records to show as documents.")
    ] = _RECORDS,
) -> ExitCode | None:
    """Show a template: its records as documents, its questions, and what a dataset of it would score."""
    from functools import partial

    from anyio import to_thread

    from domain.errors import UnknownTemplateError
    from domain.model import closest_names, quote_foreign
    from server.cli.views import templates as views
    from server.composition.templates import (
        Preview,
        build_judgement,
        build_template_repository,
        preview_template,
    )

    settings = run.load_settings()
    repository = build_template_repository(settings.mock_data_repo)
    overview = await repository.survey()
    template = next((each for each in overview.templates if each.template_id == template_id), None)
    if template is None:
        raise UnknownTemplateError(
            f"No template is called {quote_foreign(template_id)}.",
            field="template_id",
            candidates=closest_names(template_id, [each.template_id for each in overview.templates]),
        )
    judgement = build_judgement(settings)
    open_data = partial(repository.open_data, on=judgement.now.date())

    def preview_data() -> Preview:
        described = repository.describe_data(template, judgement.now.date())
        return preview_template(described, open_data, judgement, records=records)

    preview = await to_thread.run_sync(preview_data)
    run.output.print_answer(
        views.serialize_preview(preview, overview), *views.render_preview(preview, overview)
    )
    return None if preview.report.is_valid else ExitCode.FAILED


@command(app, "new")
async def begin_template(
    run: Invocation,
    place: Annotated[
        str,
        typer.Argument(
            metavar="INDUSTRY/USE_CASE", help="The folder of the template, such as fintech/payments."
        ),
    ],
    dataset_type: Annotated[DatasetType, typer.Option("--dataset-type", help="The kind of records.")],
    repo: Annotated[
        Path | None,
        typer.Option(
            "--repo", metavar="DIR", help="The repository; without it, the first that is configured."
        ),
    ] = None,
) -> None:
    """Write a small template as CSV, to be filled in with a spreadsheet, and a page that explains its columns.

    Nothing is overwritten. The template validates as it is written.
    """
    from anyio import to_thread

    from domain.errors import InvalidArgumentError
    from server.composition.templates import find_templates_folder, write_new_template

    settings = run.load_settings().mock_data_repo
    repository = repo or next(iter(settings.paths), None)
    if repository is None:
        raise InvalidArgumentError(
            "No mock-data repository is configured, and the bundled catalogue is not written to.",
            field="repo",
            suggested_action="Name a folder with --repo, and set mock_data_repo.path to it.",
        )
    root = find_templates_folder(repository, settings.templates_subdir)
    made = await to_thread.run_sync(write_new_template, root, place, dataset_type)
    document: dict[str, Any] = {
        "template_id": made.template_id,
        "file": str(made.table),
        "page": str(made.page),
    }
    run.output.print_answer(
        document,
        f"The template {made.template_id} was begun: {made.table}\nIts columns are explained in {made.page}",
    )


@command(app, "validate")
async def validate_templates(
    run: Invocation,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The folder of a mock-data repository, or a zip of it.")
    ],
) -> ExitCode | None:
    """Validate every template of a repository, and say of every other file why it is not used.

    Exit code 1 when a template is invalid, or a file looks as if it was meant to be one.
    """
    from server.cli.views import templates as views
    from server.composition.templates import RepositoryTemplates, build_judgement

    settings = run.load_settings()
    repository = RepositoryTemplates(path, settings.mock_data_repo.templates_subdir)
    notice = repository.find_notice()
    if notice:
        run.output.print_note(notice)
    invalid = templates = count = 0
    with run.output.stream_items() as stream, show_records(run.output.aside) as (progress, checkpoint):
        reports = repository.iterate_reports(build_judgement(settings, progress), checkpoint=checkpoint)
        while (report := await _next_report(reports)) is not None:
            count += 1
            invalid += not report.is_valid
            templates += report.use == "template"
            if run.output.as_json:
                stream.print_items([views.serialize_report(report)])
            else:
                run.output.print_for_people(views.render_report(report))
        totals = {"count": count, "invalid": invalid, "templates": templates}
        if run.output.as_json:
            stream.end({**totals, **({"notice": notice} if notice else {})})
    run.output.print_for_people(f"{count - invalid} of {count} files are fit for use.")
    return ExitCode.FAILED if invalid else None


async def _next_report(reports: Iterator[TemplateReport]) -> TemplateReport | None:
    """The next report; None after the last. When it is cancelled, its thread ends at its next checkpoint."""
    from anyio import to_thread

    return await to_thread.run_sync(next, reports, None, abandon_on_cancel=True)
