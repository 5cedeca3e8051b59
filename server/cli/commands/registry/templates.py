"""`templates`: list and validate the templates from which datasets are made."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.command import Invocation, command
from server.cli.exit_codes import ExitCode
from server.cli.listing import Cursor, Everything, Limit, Listing, Paging, load_by_key, print_listing
from server.cli.output import render_section, render_table
from server.cli.views.findings import describe_finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from domain.model import Template

app = typer.Typer(help="List and validate the templates from which datasets are made.", no_args_is_help=True)


@command(app, "list")
async def list_templates(
    run: Invocation, limit: Limit = None, cursor: Cursor = None, everything: Everything = False
) -> None:
    """List the templates of the configured mock-data repository."""
    paging = Paging.parse(limit, cursor, everything=everything)
    async with run.open_services() as services:
        found = sorted(await services.templates.list(), key=lambda each: each.template_id)

        async def load(after: str | None, count: int) -> Sequence[Template]:
            return [each for each in found if after is None or each.template_id > after][:count]

        listing = Listing(
            load=load_by_key("templates", load, lambda last: last.template_id),
            serialize=_serialize_template,
            render=_render_templates,
        )
        await print_listing(run, listing, paging)


def _serialize_template(template: Template) -> dict[str, Any]:
    return {
        "template_id": template.template_id,
        "name": template.name,
        "industry": template.industry,
        "use_case": template.use_case,
        "dataset_type": template.dataset_type.value,
        "format": template.format,
        **({"record_count": template.default_record_count} if template.default_record_count else {}),
        **({"questions": len(template.questions)} if template.questions else {}),
        **({"tags": list(template.tags)} if template.tags else {}),
        **({"warnings": list(template.warnings)} if template.warnings else {}),
    }


def _render_templates(found: Sequence[Template]) -> list[RenderableType]:
    rows = [
        (
            each.template_id,
            each.name,
            each.default_record_count,
            len(each.questions or ()) or None,
            each.format,
            ", ".join(each.tags),
        )
        for each in found
    ]
    columns = ("template", "name", "records", "questions", "format", "tags")
    return [render_table(columns, rows, empty="There is no template.")]


@command(app, "validate")
async def validate_templates(
    run: Invocation,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The folder of a mock-data repository.")],
) -> ExitCode | None:
    """Validate every template of a repository, and report the problems. Exit code 1 when a template is invalid."""
    from datetime import UTC, datetime

    from server.composition.stores import build_template_repository

    repository = build_template_repository(path, run.load_settings().mock_data_repo.templates_subdir)
    reports = await repository.validate(datetime.now(UTC))
    invalid = [each for each in reports if each.problems or not each.passes]
    items: list[dict[str, Any]] = [
        {
            "file": each.file,
            "valid": each not in invalid,
            **{
                name: value
                for name in ("template_id", "dataset_type", "format", "score")
                if (value := getattr(each, name)) is not None
            },
            "records": each.records,
            "questions": each.questions,
            "issues": list(each.issues),
            "problems": list(each.problems),
            "warnings": list(each.warnings),
        }
        for each in reports
    ]
    document = {"items": items, "count": len(items), "invalid": len(invalid)}
    rows = [
        (
            each["file"],
            "valid" if each["valid"] else "invalid",
            each["records"],
            each["questions"] or None,
            f"{each['score']:.1f}" if "score" in each else None,
            each.get("format"),
        )
        for each in items
    ]
    problems = [(each["file"], problem) for each in items for problem in _list_problems(each)]
    people: list[RenderableType] = [
        render_table(("file", "", "records", "questions", "score", "format"), rows, empty="")
    ]
    if problems:
        people.append(render_section("What was found", render_table(("file", "what"), problems, empty="")))
    people.append(f"{len(items) - len(invalid)} of {len(items)} files are fit for use.")
    run.output.print_answer(document, *people)
    return ExitCode.FAILED if invalid else None


def _list_problems(item: dict[str, Any]) -> list[str]:
    return [*item["problems"], *chain.from_iterable(map(_describe_issue, item["issues"])), *item["warnings"]]


def _describe_issue(issue: dict[str, Any]) -> Iterator[str]:
    examples = f" ({', '.join(issue['examples'])})" if issue["examples"] else ""
    yield f"{issue['check']}: {issue['failed']} of {issue['of']}{examples}"
    for each in issue.get("findings", ()):
        yield f"{issue['check']}: {describe_finding(each)}"
