"""Sanitized production data: pilots are provisioned from an export, and nothing of it is found anywhere else."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from domain.content import is_fit_for_use
from domain.content.sanitization import OwnPattern, SanitizationRules, harvest_stream
from domain.errors import (
    ExportInvalidError,
    InvalidArgumentError,
    ProvisionFailedError,
    Recovery,
    SettingsError,
)
from domain.model.enums import DatasetStatus, DatasetType, DataSource, JourneyState, Stage
from domain.model.journey import Journey
from server.adapters.templates import production
from server.adapters.templates.production import FolderExport
from tests.support.content.production_export import (
    COLUMN,
    KEY,
    export_records,
    files_with_markers,
    find_markers,
    write_export,
)
from tests.support.inline_engine import CrashAt
from tests.support.world import OPERATOR, ApprovingConfirmer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.content.sanitization import People, PeopleHarvest
    from domain.lifecycle import Dependencies
    from server.adapters.templates.records import TemplateRecords
    from tests.support.world import Process, World

PILOT: dict[str, Any] = {"stage": Stage.PILOT, "data_source": DataSource.SANITIZED_PRODUCTION}
NO_RULES = SanitizationRules()


@pytest.fixture
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export outside of the folder that is searched for its markers."""
    return write_export(tmp_path_factory.mktemp("export"))


@asynccontextmanager
async def opened(
    world: World, export: Path, rules: SanitizationRules = NO_RULES, key: bytes = KEY, **options: Any
) -> AsyncIterator[Process]:
    def configure(deps: Dependencies) -> Dependencies:
        return replace(deps, export=FolderExport(export, key, rules))

    async with world.open_process(replace=configure, **options) as process:
        yield process


def staged_documents(world: World) -> list[dict[str, Any]]:
    files = [each for each in (world.folder / "staging").rglob("*.jsonl") if each.is_file()]
    return [json.loads(line) for each in files for line in each.read_text().splitlines()]


async def failure_of(process: Process, **wish: Any) -> ProvisionFailedError:
    with pytest.raises(ProvisionFailedError) as caught:
        await process.provision(**PILOT, **wish)
    return caught.value


async def assert_nothing_escaped(world: World, process: Process | None = None) -> None:
    """Search everything that was written: staging, archives, the databases with their journals, and Glean."""
    assert list(files_with_markers(world.folder)) == []
    if process is not None:
        entries = await process.load_audit_entries()
        assert find_markers(repr(entries)) == []


@pytest.mark.parametrize("dataset_type", DatasetType)
@pytest.mark.each_dialect
async def test_every_type_becomes_ready_and_nothing_of_the_export_escapes(
    world: World, export: Path, dataset_type: DatasetType
) -> None:
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        dataset = await process.provision(**PILOT, dataset_type=dataset_type)
        assert (dataset.status, dataset.record_count) == (DatasetStatus.READY, 12)
        assert dataset.quality is not None
        assert dataset.content is not None
        assert dataset.quality.readiness is None
        assert ("no_leak", 12, 0) in [(each.check, each.of, each.failed) for each in dataset.quality.gates]
        report = dataset.content.sanitization
        assert report is not None
        assert (report.records, report.people) == (12, 1)
        assert report.replaced
        for each in process.world.glean.documents(world.datasource_name(dataset.name)):
            assert find_markers(json.dumps(each)) == []
        await assert_nothing_escaped(world, process)


async def test_one_person_has_one_pseudonym_in_all_types(world: World, export: Path) -> None:
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        for dataset_type in (DatasetType.CONFLUENCE_PAGES, DatasetType.SLACK_MESSAGES):
            await process.provision(**PILOT, dataset_type=dataset_type)
    authors = {each["author"]["email"] for each in staged_documents(world)}
    assert len(authors) == 1
    assert next(iter(authors)).endswith(".example")


async def test_fields_that_the_type_does_not_know_are_kept_out_and_counted(
    world: World, export: Path
) -> None:
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        dataset = await process.provision(**PILOT)
    assert dataset.content is not None
    assert dataset.content.sanitization is not None
    assert [(each.field, each.count) for each in dataset.content.sanitization.dropped] == [("(other)", 12)]
    assert COLUMN not in json.dumps(staged_documents(world))


@pytest.mark.parametrize("form", ["json", "csv", "jsonl.gz"])
async def test_all_forms_of_a_template_repository_are_read(
    world: World, tmp_path_factory: pytest.TempPathFactory, form: str
) -> None:
    export = write_export(tmp_path_factory.mktemp("export"), form=form)
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        dataset = await process.provision(**PILOT, dataset_type=DatasetType.JIRA_ISSUES, record_count=5)
    assert (dataset.status, dataset.record_count) == (DatasetStatus.READY, 5)
    await assert_nothing_escaped(world)


async def test_a_header_may_name_its_file_of_records_as_an_import_writes_them(
    world: World, export: Path
) -> None:
    (export / "jira_issues.jsonl").rename(export / "jira_issues-1f3a.jsonl")
    header = {"format_version": 2, "source": {"file": "jira_issues-1f3a.jsonl"}, "default_record_count": 5}
    (export / "jira_issues.json").write_text(json.dumps(header))
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        dataset = await process.provision(**PILOT, dataset_type=DatasetType.JIRA_ISSUES)
        assert (dataset.status, dataset.record_count) == (DatasetStatus.READY, 12)
        await assert_nothing_escaped(world, process)
        (export / "jira_issues-1f3a.jsonl").unlink()
        error = await failure_of(process, dataset_type=DatasetType.SLACK_MESSAGES)
        assert "a file that it names, is not there" in error.message


@pytest.mark.parametrize("stage", [Stage.SANDBOX, Stage.PRODUCTION])
async def test_another_stage_than_pilot_is_refused(world: World, export: Path, stage: Stage) -> None:
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=stage)
        with pytest.raises(InvalidArgumentError, match="for pilot only") as caught:
            await process.provision(stage=stage, data_source=DataSource.SANITIZED_PRODUCTION)
        assert caught.value.field == "data_source"
        assert caught.value.recovery is Recovery.CHOOSE_OTHER
    assert world.staged_files() == []


async def test_a_row_that_somebody_edited_gets_no_export_at_another_stage(world: World, export: Path) -> None:
    async with opened(world, export, crash=CrashAt("populate", "before")) as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.wait_for_crash()
        held = await process.load_dataset(begun.dataset.dataset_id)
        edited = held.evolve(data_source=DataSource.SANITIZED_PRODUCTION)
        await process.deps.store.transact(lambda uow: uow.datasets.put(edited))
    async with opened(world, export) as process:
        await process.services.sagas.resume(respect_backoff=False)
        with pytest.raises(ProvisionFailedError, match="for pilot only"):
            await process.services.provisioning.wait(begun, 30)


async def test_a_leak_blocks_with_its_place_and_a_retry_goes_on_once_the_cause_is_gone(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    records = export_records(DatasetType.JIRA_ISSUES, 3)
    records[1]["key"] = "zuleika.quistgaard@canary-corp.example-customer.io"
    spoiled = "\n".join(map(json.dumps, records)).encode()
    export = write_export(tmp_path_factory.mktemp("export"), jira_issues=spoiled)
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        error = await failure_of(process, dataset_type=DatasetType.JIRA_ISSUES)
        assert error.facts["cause"] == "leak_found"
        assert "email in the field key of record 2, at position 0" in error.message
        assert find_markers(repr(error.__dict__)) == []
        assert world.staged_files() == []
        assert world.active_datasources() == []
        await assert_nothing_escaped(world, process)
        write_export(export)
        retried = await process.provision(**PILOT, dataset_type=DatasetType.JIRA_ISSUES, retry=True)
        assert (retried.status, retried.attempt) == (DatasetStatus.READY, 2)


BROKEN = {
    "no JSON": (b'{"key": "PAY-1", "summary": Zuleika Quistgaard}\n', "Record 1 of jira_issues.jsonl"),
    "half a record": (b'{"key": "PAY-1", "summary": "Zuleika', "jira_issues.jsonl"),
    "no object": (b'["zuleika quistgaard"]\n', "Record 1 of jira_issues.jsonl"),
    "nothing like a record": (b"Zuleika Quistgaard writes", "jira_issues.jsonl"),
    "nothing": (b"", "jira_issues.jsonl"),
    "no records": (b"[]", "jira_issues.jsonl of the export holds no records"),
    "no id": (b'{"summary": "Zuleika Quistgaard", "owner of it": "x"}\n', "Record 1 of jira_issues.jsonl"),
    "vendor": (
        b'{"expand": "zuleika", "id": "1", "self": "https://quistgaard/1", "key": "P-1", "fields": {"summary": ""}}\n',
        "jira_issues.jsonl",
    ),
}


@pytest.mark.parametrize(("content", "place"), BROKEN.values(), ids=BROKEN)
async def test_what_cannot_be_read_is_refused_by_its_place_and_repeats_nothing(
    world: World, tmp_path_factory: pytest.TempPathFactory, content: bytes, place: str
) -> None:
    export = write_export(tmp_path_factory.mktemp("export"), jira_issues=content)
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        error = await failure_of(process, dataset_type=DatasetType.JIRA_ISSUES)
        assert error.facts["cause"] == "export_invalid"
        assert place in error.message
        assert find_markers(repr(error.__dict__)) == []
        await assert_nothing_escaped(world, process)
    assert world.staged_files() == []


async def test_more_records_than_the_export_has_are_refused(world: World, export: Path) -> None:
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        error = await failure_of(process, record_count=13)
        assert "holds 12 records" in error.message
        again = await process.provision(**PILOT, record_count=12, retry=True)
        assert again.record_count == 12


async def test_an_export_that_lacks_a_type_is_refused_before_anything_is_made(
    world: World, export: Path
) -> None:
    (export / "slack_messages.jsonl").unlink()
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        with pytest.raises(ExportInvalidError, match="no file for slack_messages"):
            await process.provision(**PILOT)
        write_export(export)
        (export / "slack_messages.csv").write_text("")
        with pytest.raises(ExportInvalidError, match=r"slack_messages\.csv, slack_messages\.jsonl"):
            await process.provision(**PILOT)
        (export / "slack_messages.csv").unlink()
    async with opened(world, export / "nowhere") as process:
        with pytest.raises(ExportInvalidError, match="cannot be read: No such file"):
            await process.provision(**PILOT)


@pytest.mark.parametrize(
    ("rules", "key", "field"),
    [
        (SanitizationRules(patterns=(OwnPattern("mine", "("),)), KEY, "sanitization.patterns.mine"),
        (NO_RULES, b"short", "sanitization.key"),
    ],
)
async def test_rules_and_keys_that_cannot_be_used_are_refused_before_anything_is_made(
    world: World, export: Path, rules: SanitizationRules, key: bytes, field: str
) -> None:
    async with opened(world, export, rules, key) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        with pytest.raises(SettingsError) as caught:
            await process.provision(**PILOT)
        assert caught.value.field == field


async def test_an_export_that_changes_after_its_people_were_harvested_is_refused(
    world: World, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = export / "confluence_pages.jsonl"

    def harvest_and_change(*args: Any) -> People:
        people = harvest(*args)
        file.write_bytes(file.read_bytes().replace(b"part 3", b"part 4"))
        return people

    harvest = production._harvest  # noqa: SLF001 - the moment between the passes
    monkeypatch.setattr(production, "_harvest", harvest_and_change)
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        error = await failure_of(process)
        assert "confluence_pages.jsonl of the export was changed" in error.message
    assert world.staged_files() == []


async def test_an_export_that_is_written_to_while_it_is_read_is_refused(
    world: World, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = export / "confluence_pages.jsonl"

    def harvest_and_append(harvest: PeopleHarvest, stream: TemplateRecords) -> None:
        read(harvest, stream)
        if stream.file == file.name:
            with file.open("ab") as more:
                more.write(b"\n")

    read = harvest_stream
    monkeypatch.setattr(production, "harvest_stream", harvest_and_append)
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        error = await failure_of(process)
        assert "was changed while it was being read" in error.message


async def test_a_file_that_vanishes_between_the_passes_is_refused(
    world: World, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def harvest_and_remove(*args: Any) -> People:
        people = harvest(*args)
        (export / "confluence_pages.jsonl").unlink()
        return people

    harvest = production._harvest  # noqa: SLF001 - the moment between the passes
    monkeypatch.setattr(production, "_harvest", harvest_and_remove)
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        assert "is not there" in (await failure_of(process)).message


async def test_a_provision_that_was_killed_while_it_populated_goes_on(world: World, export: Path) -> None:
    async with opened(world, export, crash=CrashAt("populate", "after")) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        begun = await process.start_provision(**PILOT)
        await process.wait_for_crash()
    async with opened(world, export) as process:
        attached = await process.provision(**PILOT)
    assert attached.dataset_id == begun.dataset.dataset_id
    assert (attached.status, attached.attempt) == (DatasetStatus.READY, 1)


async def test_an_export_that_is_no_longer_configured_fails_what_was_begun(
    world: World, export: Path
) -> None:
    async with opened(world, export, crash=CrashAt("populate", "before")) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        begun = await process.start_provision(**PILOT)
        await process.wait_for_crash()
    async with world.open_process() as process:
        await process.services.sagas.resume(respect_backoff=False)
        with pytest.raises(ProvisionFailedError, match="no export of production records any more"):
            await process.services.provisioning.wait(begun, 30)


async def test_without_the_export_a_retry_with_another_count_is_refused(world: World, export: Path) -> None:
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        await failure_of(process, record_count=13)
    async with world.open_process() as process:
        with pytest.raises(InvalidArgumentError, match="not available on this server"):
            await process.provision(stage=Stage.PILOT, record_count=12, retry=True)


async def test_it_is_not_refreshed_and_is_archived_and_restored_with_its_report(
    world: World, export: Path
) -> None:
    async with opened(world, export) as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        dataset = await process.provision(**PILOT)
        with pytest.raises(InvalidArgumentError, match="records of an export"):
            await process.services.refreshes.start_or_attach(dataset.dataset_id, OPERATOR)
        assert dataset.content is not None
        checked = await process.services.datasets.recheck(dataset.dataset_id, OPERATOR)
        assert checked.quality is not None
        assert is_fit_for_use(checked.quality)
        assert "no_leak" in [each.check for each in checked.quality.gates]
        await process.complete_journey()
        confirmer = ApprovingConfirmer(process.services.approvals)
        await process.tear_down(dataset, confirmer=confirmer)
        (metadata,) = (world.folder / "archives").rglob("metadata.json")
        archived = json.loads(metadata.read_text())
        assert archived["data_source"] == "sanitized_production"
        assert archived["sanitization"]["records"] == 12
        journey = Journey(journey_id="j2", client_id="acme", stage=Stage.PILOT, state=JourneyState.ACTIVE)
        await process.services.registry.add_journey(journey, OPERATOR)
    async with world.open_process() as process:
        restores = process.services.restores
        begun = await restores.start_or_attach(dataset.dataset_id, "j2", OPERATOR)
        restored = (await process.services.provisioning.wait(begun, 30)).dataset
        assert restored.status is DatasetStatus.READY
        assert restored.content is not None
        assert restored.content.sanitization == dataset.content.sanitization
    await assert_nothing_escaped(world)
