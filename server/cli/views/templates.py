"""Templates and reports on them, as JSON and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from domain.errors import format_timestamp
from domain.model import GENERATED_FORMAT, printable
from server.cli.output import (
    IndentedText,
    format_value,
    render_facts,
    render_section,
    render_table,
    render_value,
)
from server.cli.views.content.findings import describe_finding
from server.composition.templates import first_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from domain.content import NeutralDocument
    from domain.model import Template
    from server.composition.templates import Overview, Preview, TemplateReport

_STATUS_WIDTH = 9
_REFUSED = "no dataset can be made of it; the last lines say why"
_COLUMNS = ("template", "name", "records", "questions", "format", "from", "tags")


def serialize_template(template: Template, overview: Overview) -> dict[str, Any]:
    """A template as a JSON object."""
    shadowed = overview.shadowed.get(template.template_id, ())
    return {
        "template_id": template.template_id,
        "name": template.name,
        "industry": template.industry,
        "use_case": template.use_case,
        "dataset_type": template.dataset_type.value,
        "format": template.format,
        **({"repository": template.repository} if template.repository else {}),
        **({"shadows": list(shadowed)} if shadowed else {}),
        **({"record_count": template.default_record_count} if template.default_record_count else {}),
        **({"questions": len(template.questions)} if template.questions else {}),
        **({"time": "relative"} if template.is_relative else {}),
        **_serialize_generator(template),
        **({"tags": list(template.tags)} if template.tags else {}),
        **({"warnings": list(template.warnings)} if template.warnings else {}),
    }


def _serialize_generator(template: Template) -> dict[str, Any]:
    generator = template.generator
    return {"generated_record_count": generator.records} if generator and generator.records else {}


def render_templates(found: Sequence[Template]) -> list[RenderableType]:
    """Templates as a table."""
    rows = [
        (
            each.template_id,
            each.name if each.name != each.template_id else None,
            each.default_record_count,
            len(each.questions or ()) or None,
            each.format,
            each.repository,
            ", ".join(each.tags),
        )
        for each in found
    ]
    return [render_table(_COLUMNS, rows, empty="There is no template.")]


def render_overview_notes(overview: Overview) -> list[RenderableType]:
    """What a list of templates does not show: shadowed and broken templates, and repositories that were looked for."""
    serving = {each.template_id: each.repository for each in overview.templates}
    shadowed = [
        f"{template_id} of {', '.join(others)} is shadowed by that of {serving[template_id]}."
        for template_id, others in sorted(overview.shadowed.items())
    ]
    broken = [
        f"{each.template_id}: {warning}"
        for each in overview.templates
        if each.format == "unknown"
        for warning in each.warnings
    ]
    # A company serves several templates, and its problem names its file.
    companies = dict.fromkeys(
        warning
        for each in overview.templates
        if each.generator and each.generator.records is None
        for warning in each.warnings
    )
    return ["\n".join(group) for group in (overview.notices, shadowed, broken, companies) if group]


def serialize_report(report: TemplateReport) -> dict[str, Any]:
    """A report as a JSON object."""
    return {
        "file": report.file,
        "use": report.use,
        "valid": report.is_valid,
        **{
            name: value
            for name in ("reason", "template_id", "dataset_type", "format", "score")
            if (value := getattr(report, name)) is not None
        },
        **({"dataset_types": list(report.dataset_types)} if report.dataset_types else {}),
        "records": report.records,
        "questions": report.questions,
        "issues": list(report.issues),
        "problems": list(report.problems),
        "warnings": list(report.warnings),
    }


def render_report(report: TemplateReport) -> RenderableType:
    """A report as a line for the file, and one below it for each finding."""
    verdict = "valid" if report.is_valid else "invalid"
    status = (
        report.use if report.use == "unused" or (report.is_valid and report.use != "template") else verdict
    )
    head = Text(
        status, style=render_value(verdict).style if report.use == "template" or not report.is_valid else ""
    )
    head.append(" " * (_STATUS_WIDTH - len(status) + 1) + format_value(report.file), style="default")
    facts = [
        *([report.format] if report.format else []),
        *(report.dataset_types or [report.dataset_type or ""] if report.format == GENERATED_FORMAT else []),
        *([f"{report.records} records"] if report.records else []),
        *([f"{report.questions} questions"] if report.questions else []),
        *([f"score {report.score:.1f}"] if report.score is not None else []),
    ]
    if facts:
        head.append(f" ({', '.join(facts)})", style="dim")
    indent = _STATUS_WIDTH + 1
    return Group(
        IndentedText(head, indent, hanging=True),
        *(IndentedText(Text(printable(each, 2000)), indent) for each in _list_findings(report)),
    )


def _list_findings(report: TemplateReport) -> Iterator[str]:
    yield from report.problems
    if report.reason and report.reason not in report.problems:
        yield report.reason
    for issue in report.issues:
        examples = f" ({', '.join(issue['examples'])})" if issue["examples"] else ""
        yield f"{issue['check']}: {issue['failed']} of {issue['of']}{examples}"
        for each in issue.get("findings", ()):
            yield f"{issue['check']}: {describe_finding(each)}"
    yield from report.warnings


def serialize_preview(preview: Preview, overview: Overview) -> dict[str, Any]:
    """A preview as a JSON object."""
    template, report = preview.template, preview.report
    return {
        **serialize_template(template, overview),
        "file": template.source,
        "valid": report.is_valid,
        "refused": report.is_refused,
        **({} if report.is_refused else {"records": report.records, "score": report.score}),
        **({"schema": template.schema} if template.schema else {}),
        "questions": [
            {
                "question": each.text,
                "documents": list(each.documents),
                **({"absent": each.absent} if each.absent else {}),
            }
            for each in template.questions or ()
        ],
        "documents": [_serialize_document(each) for each in preview.documents],
        "issues": list(report.issues),
        "problems": list(report.problems),
        "warnings": list(report.warnings),
    }


def _serialize_document(document: NeutralDocument) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.title,
        "container": document.container,
        "author": document.author.email,
        **({"updated": format_timestamp(document.updated)} if document.updated else {}),
        **({"created": format_timestamp(document.created)} if document.created else {}),
        "url": document.url,
        "text": first_words(document),
    }


def render_preview(preview: Preview, overview: Overview) -> list[RenderableType]:
    """A preview as facts, documents, questions and findings."""
    template, report = preview.template, preview.report
    people: list[RenderableType] = [
        render_facts(
            [
                ("template", template.template_id),
                ("name", template.name),
                ("file", template.source),
                ("from", template.repository),
                ("shadows", ", ".join(overview.shadowed.get(template.template_id, ()))),
                ("type", template.dataset_type.value),
                ("format", template.format),
                ("refused", _REFUSED if report.is_refused else None),
                ("records", None if report.is_refused else report.records),
                ("declared", template.default_record_count),
                ("score", f"{report.score:.1f}" if report.score is not None else None),
                ("questions", len(template.questions or ()) or None),
                ("schema", "its own, beside that of its type" if template.schema else None),
                ("tags", ", ".join(template.tags)),
            ]
        )
    ]
    people += [
        render_section(
            f"{each.title}",
            render_facts(
                [
                    ("id", each.id),
                    ("container", each.container),
                    ("author", each.author.email),
                    ("created", each.created),
                    ("updated", each.updated),
                    ("text", first_words(each)),
                ]
            ),
        )
        for each in preview.documents
    ]
    if template.questions:
        questions = render_table(
            ("question", "documents"),
            [
                (each.text, ", ".join(each.documents) or f"none: {each.absent} is in no document")
                for each in template.questions
            ],
            empty="",
        )
        people.append(render_section("Questions", questions))
    people.append(render_report(report))
    return people
