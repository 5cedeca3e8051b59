"""`templates import`: make a template of a vendor's export."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from server.cli.command import Invocation, command
from server.cli.commands.registry.template_progress import show_records
from server.cli.exit_codes import ExitCode
from server.cli.output import Output, render_section, render_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

    from server.composition.templates import TemplateReport
    from server.composition.templates.imports import ImportReport

_SHOWN: Final = 40
"""How many names of unread columns a person is shown; --json has all."""
_ADVICE: Final = (
    "An import does not sanitise: names, addresses and texts are those of the export. Import only what may be shown "
    "to everybody who sees the demo; remove the rest from the export before, or from the records now."
)
To = Annotated[
    str, typer.Option("--to", metavar="INDUSTRY/USE_CASE", help="The folder of the template; it selects it.")
]
Repo = Annotated[
    Path | None,
    typer.Option(
        "--repo",
        metavar="DIR",
        help="The mock-data repository; by default the configured one.",
        show_default=False,
    ),
]


def register_import(app: typer.Typer) -> None:
    """Add the command to the group `templates`."""
    command(app, "import")(import_vendor_export)


async def import_vendor_export(
    run: Invocation,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="jira-csv, jira-rest, slack-export, confluence-rest, confluence-xml or github.",
        ),
    ],
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The export: a file, a folder or a zip.")],
    to: To,
    *,
    repo: Repo = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the template if it exists.")] = False,
    dates: Annotated[
        str | None,
        typer.Option(
            "--dates",
            metavar="ORDER",
            help="What numeric dates begin with, where the export leaves it open: day-first or month-first.",
            show_default=False,
        ),
    ] = None,
    site: Annotated[
        list[str] | None,
        typer.Option(
            "--site",
            metavar="HOST",
            help="A host of your own Jira or Confluence, whose links lead to the client's copy. May be repeated.",
            show_default=False,
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Take private channels and direct messages of Slack, too.")
    ] = False,
) -> ExitCode | None:
    """Make a template of a vendor's export. An import does not sanitise: only for data that may be shown.

    The template is written whole or not at all, and then validated. Exit code 1 when something in it has to be changed
    before a dataset can be made of it.
    """
    from anyio import to_thread

    from server.composition.templates import RepositoryTemplates, build_judgement
    from server.composition.templates.imports import (
        build_import_options,
        build_import_target,
        import_template,
    )

    settings = run.load_settings().mock_data_repo
    target = build_import_target(
        to, repo or next(iter(settings.paths), None), settings.templates_subdir, replace=replace
    )
    options = build_import_options(dates, site or (), private=private)
    run.interrupt_message = "Interrupted. Nothing was written."
    with _show_progress(run.output) as progress:
        report = await import_template(kind, source, target, options, progress)
    run.interrupt_message = f"Interrupted. {report.files[0]} is written, and was not validated."
    with show_records(run.output.aside) as (show, _):
        verdict = await to_thread.run_sync(
            RepositoryTemplates(target.repository, target.subdir).judge_file,
            report.files[0].relative_to(target.repository).as_posix(),
            build_judgement(run.load_settings(), show),
            abandon_on_cancel=True,
        )
    run.output.print_answer(_serialize_report(report, verdict), *_render_report(report, verdict))
    return None if verdict.is_valid else ExitCode.FAILED


@contextmanager
def _show_progress(output: Output) -> Iterator[Callable[[int, int, int], None]]:
    """A bar on a terminal; nothing elsewhere."""
    if not output.aside.is_terminal:
        yield lambda _read, _total, _records: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(bar_width=24), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with Progress(
        *columns, TextColumn("{task.description}"), console=output.aside, transient=True
    ) as progress:
        bar = progress.add_task("reading", total=None)

        def show(read: int, total: int, records: int) -> None:
            progress.update(bar, completed=read, total=total, description=f"{records} records")

        yield show


def _serialize_report(report: ImportReport, verdict: TemplateReport) -> dict[str, Any]:
    return {
        "kind": report.kind,
        "template_id": report.template_id,
        "files": [str(each) for each in report.files],
        "taken": report.taken,
        "dropped": dict(report.dropped),
        "unread": dict(report.unread),
        "notes": dict(report.notes),
        **({"unused": list(report.unused)} if report.unused else {}),
        "valid": verdict.is_valid,
        **({"score": verdict.score} if verdict.score is not None else {}),
        "issues": list(verdict.issues),
        "problems": list(verdict.problems),
        "warnings": list(verdict.warnings),
        "sanitised": False,
        "advice": _ADVICE,
    }


def _render_report(report: ImportReport, verdict: TemplateReport) -> list[RenderableType]:
    from server.cli.views.templates import render_report

    header = report.files[0]
    taken = "1 record is" if report.taken == 1 else f"{report.taken} records are"
    people: list[RenderableType] = [
        f"{taken} the template {report.template_id} now: {header}, and the records beside it."
    ]
    people += _render_counts("Dropped", "what", report.dropped)
    people += _render_counts("Derived or changed", "what", report.notes)
    people += _render_counts(
        "Not read, because no template has a place for it", "column or field", report.unread
    )
    people += [f"{each} is no longer used: {header.name} serves the same type." for each in report.unused]
    people += [render_report(verdict), _ADVICE]
    return people


def _render_counts(title: str, what: str, counts: Mapping[str, int]) -> list[RenderableType]:
    if not counts:
        return []
    rows: list[tuple[str, int | None]] = list(islice(counts.items(), _SHOWN))
    if len(counts) > _SHOWN:
        rows.append((f"and {len(counts) - _SHOWN} more, which --json lists", None))
    return [render_section(title, render_table((what, "count"), rows, empty=""))]
