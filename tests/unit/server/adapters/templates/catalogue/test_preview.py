"""A preview shows a template's first records as the documents that a dataset would have."""

from __future__ import annotations

import json

from domain.model.enums import DatasetType
from server.adapters.templates import Judgement, first_words, preview_template
from tests.support.content.records import NOW, template_record
from tests.support.content.repository_files import RepositoryFiles, lines, pages

JUDGEMENT = Judgement(now=NOW)


async def test_a_preview_has_the_first_documents_and_the_report_on_all(repository: RepositoryFiles) -> None:
    records = [each | {"body": f"<p>Fish &amp; <b>chips</b>, {n}</p>"} for n, each in enumerate(pages(7))]
    repository.write("fintech/dev/confluence_pages.json", json.dumps({"records": records}))
    template = await repository.load_only_template()
    preview = preview_template(template, repository.templates.open_records, JUDGEMENT, records=2)
    assert [each.id for each in preview.documents] == [each["page_id"] for each in records[:2]]
    assert [first_words(each) for each in preview.documents] == ["Fish & chips, 0", "Fish & chips, 1"]
    assert (preview.report.records, preview.report.score) == (7, 100.0)


async def test_long_texts_are_cut(repository: RepositoryFiles) -> None:
    record = template_record(DatasetType.JIRA_ISSUES, 1) | {"description": "word <b> " * 1000}
    repository.write("fintech/dev/jira_issues.jsonl", lines([record]))
    template = await repository.load_only_template()
    (document,) = preview_template(
        template, repository.templates.open_records, JUDGEMENT, records=5
    ).documents
    assert first_words(document) == "word <b> " * 11 + "w…"


async def test_a_broken_template_has_a_report_and_the_documents_before_the_fault(
    repository: RepositoryFiles,
) -> None:
    repository.write("fintech/dev/confluence_pages.jsonl", "{")
    template = await repository.load_only_template()
    preview = preview_template(template, repository.templates.open_records, JUDGEMENT, records=5)
    assert preview.documents == []
    assert "record 1 is not JSON" in preview.report.problems[0]
