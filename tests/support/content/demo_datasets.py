"""The four datasets of one industry and use case, made of its templates and served by a sandbox as a demo has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from domain.connectors.config import build_site_urls
from domain.content.documents import decode_document
from domain.content.markup import body_to_text
from domain.content.population import Population
from domain.model.connector import OwnerTag
from domain.model.enums import DatasetType, Stage
from domain.model.template import Template
from domain.ports.platform import DatasourceSpec
from tests.support.glean.datasources import INSTALLATION_ID, push_run, sync_run
from tests.support.sandbox.example_configs import EXAMPLE_CONFIGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from domain.ports.platform import Platform

    Records = list[dict[str, Any]]
    Lines = Mapping[DatasetType, list[bytes]]

NAMES = {each: f"ACME-{each.value}" for each in DatasetType}


class DemoQuestion(NamedTuple):
    """A question of `questions.json`."""

    text: str
    documents: Mapping[DatasetType, frozenset[str]]


class _Stream:
    """Records as a repository gives them."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.warnings: Sequence[str] = ()

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        yield [json.dumps(record).encode() for record in self._records]


class DemoDatasets:
    """What one client is shown: its datasets by type, and what is asked of them."""

    def __init__(self, bundled: Path, pair: str, records: Mapping[str, Records]) -> None:
        settings = {
            each: json.loads((bundled / "connectors" / f"{each.value}.json").read_bytes())
            for each in DatasetType
        }
        self._sites = build_site_urls(settings, client_id="acme", stage=Stage.SANDBOX)
        self.lines: Lines = {each: self._populate(each, records[each.value]) for each in DatasetType}
        written = json.loads((bundled / "templates" / pair / "questions.json").read_bytes())["questions"]
        self.questions = [
            DemoQuestion(
                each["question"],
                {DatasetType(name): frozenset(ids) for name, ids in each["documents"].items()},
            )
            for each in written
        ]

    def _populate(self, dataset_type: DatasetType, records: Records) -> list[bytes]:
        population = Population(
            Template(
                template_id=f"x/y/{dataset_type.value}",
                name="x",
                industry="x",
                use_case="y",
                dataset_type=dataset_type,
                format="jsonl",
                default_record_count=len(records),
                source="records",
            ),
            dataset_type=dataset_type,
            wanted=None,
            sites=self._sites,
            now=datetime(2026, 7, 1, tzinfo=UTC),
            progress=lambda _done, _of: None,
        )
        return b"".join(population.stream_documents(_Stream(records))).splitlines()

    async def serve(self, platform: Platform, lines: Lines | None = None, run: str = "run-1") -> None:
        """Have that platform serve these lines, and nothing else, in one datasource for each type."""
        for dataset_type, each in (lines or self.lines).items():
            mark = OwnerTag(installation=INSTALLATION_ID, dataset_id=f"acme-{dataset_type.value}")
            config = EXAMPLE_CONFIGS[dataset_type.connector_kind]
            handle = await platform.ensure(
                DatasourceSpec(
                    name=NAMES[dataset_type],
                    kind=dataset_type.connector_kind,
                    config=config,
                    mark=mark,
                    site=self._sites[dataset_type],
                )
            )
            await platform.authorise(handle, mark, "token-of-the-connector")
            await push_run(platform, handle, run, each, mark)
            await sync_run(platform, handle, run, mark)


def searchable_text(line: bytes) -> tuple[str, str]:
    """The id of a document, and all of it that a search may look at."""
    document = decode_document(line)
    text = msgspec.json.decode(document.body.text, type=str)
    author = f"{document.author.name} {document.author.email}"
    shown = body_to_text(document.body.mime, text)
    return document.id, f"{document.title} {document.id} {shown} {document.container} {author}"
