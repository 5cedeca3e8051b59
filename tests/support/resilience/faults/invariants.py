"""What must be so of every dataset that no saga works on, whatever went wrong before."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import zstandard

from domain.content.quality import is_fit_for_use
from domain.errors import LifecycleError, NotRestorableError, ProvisionFailedError
from domain.lifecycle.archives.archive import archive_place, require_matching_manifest
from domain.lifecycle.archives.restore_content import require_restorable
from domain.lifecycle.provision.compensation import COMPENSATIONS
from domain.model.dataset import Dataset
from domain.model.enums import ConnectorOutcome, ConnectorStatus, DatasetStatus
from tests.support.resilience.faults.dialect_names import datasource_name, document_id, is_in_use
from tests.support.resilience.faults.fault_kinds import ECHOES
from tests.support.resilience.faults.scenarios import FOREIGN, NAME, load_only_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import Process, World


@dataclass(frozen=True, slots=True)
class ExternalState:
    """Everything outside our rows, as it stands: what Glean serves, what is staged and archived."""

    ours: int
    served: dict[str, Any]
    foreign: Any
    staged: tuple[str, ...]
    archived: tuple[str, ...]


def capture_external_state(place: World) -> ExternalState:
    """Look."""
    sources = place.glean.datasources()
    name, theirs = datasource_name(place, NAME), datasource_name(place, FOREIGN)
    [foreign] = [each for each in sources if each["name"] == theirs]
    return ExternalState(
        ours=len([each for each in sources if each["name"] != theirs and is_in_use(each)]),
        served={document_id(each): each for each in place.glean.documents(name)},
        foreign=(foreign, place.glean.documents(theirs)),
        staged=tuple(place.staged_files()),
        archived=tuple(place.archived_files()),
    )


def platform_effects(place: World, since: int) -> Counter[str]:
    """What was done to Glean after that many entries of its ledger; a repeat that changed nothing is not counted."""
    seen = Counter[str]()
    for entry in place.glean.ledger()[since:]:
        if entry.operation == "documents.upload":
            seen["documents stored"] += entry.detail["changed"]
        elif entry.operation == "sync.start":
            seen["sync jobs"] += entry.detail["job"] == "new"
        elif entry.operation == "bulkindexdocuments":
            seen["documents stored"] += entry.detail["changed"]
        elif entry.operation in {"datasources.create", "datasources.delete", "adddatasource"}:
            seen[entry.operation] += 1
    return seen


async def check_consistency(
    place: World, process: Process, before: ExternalState, was: Dataset | None, told: Dataset | LifecycleError
) -> Dataset:
    """Assert that rows, answer and the world tell the same story; gives the dataset."""
    dataset, now = await load_only_dataset(process), capture_external_state(place)
    assert dataset.run is None
    assert now.foreign == before.foreign
    held = await process.deps.store.read(lambda uow: uow.compensations.find(dataset.dataset_id))
    left = {each.what for each in held}
    assert left <= COMPENSATIONS.keys()
    match dataset.status:
        case DatasetStatus.READY:
            await _check_ready(place, process, dataset, now)
            assert not left
        case DatasetStatus.VALIDATING:
            _check_validating(place, dataset, now, left, before, was)
        case DatasetStatus.FAILED:
            _check_failed(dataset, now, left, was, told)
        case DatasetStatus.TEARDOWN:
            await _check_stopped(process, dataset, now, before)
        case DatasetStatus.ARCHIVED:
            await _check_archived(place, process, dataset, now, before)
            assert not left
        case status:
            raise AssertionError(f"nothing works on it, and it is {status}")
    if dataset.failure and dataset.status in {DatasetStatus.FAILED, DatasetStatus.VALIDATING}:
        assert set(dataset.failure.to_undo) == left
    if isinstance(told, Dataset):
        assert told == dataset
    elif "earlier content is still served" in told.message:
        assert was is None or was.content == dataset.content
        assert before.served.items() <= now.served.items()
    return dataset


async def _check_ready(place: World, process: Process, dataset: Dataset, now: ExternalState) -> None:
    content = dataset.content
    assert content is not None
    assert content.attempt == dataset.attempt or dataset.teardown is not None
    assert dataset.failure is None
    assert dataset.staged is None
    assert dataset.quality is not None
    assert is_fit_for_use(dataset.quality)
    assert now.ours == 1
    assert now.staged == (staged_name(dataset, content.attempt),)
    assert now.served.keys() == staged_ids(place, dataset, content.attempt)
    assert len(now.served) == content.record_count
    connector = await process.deps.store.read(lambda uow: uow.connectors.get(dataset.connector_id or ""))
    assert connector is not None
    assert connector.status is ConnectorStatus.HEALTHY


def _check_validating(
    place: World,
    dataset: Dataset,
    now: ExternalState,
    left: set[str],
    before: ExternalState,
    was: Dataset | None,
) -> None:
    content = dataset.content
    assert content is not None
    assert now.ours == 1
    if dataset.failure is None:
        assert dataset.quality is not None
        assert not is_fit_for_use(dataset.quality)
        assert any(gate.failed == content.record_count - len(now.served) for gate in dataset.quality.gates)
    else:
        assert dataset.failure.code
        assert dataset.failure.step
    if not left & {"index", "connect"}:
        assert now.served.keys() <= staged_ids(place, dataset, content.attempt)
        if was is not None and was.content == content:
            assert before.served.items() <= now.served.items()
    if "populate" not in left:
        assert now.staged == (staged_name(dataset, content.attempt),)


def _check_failed(
    dataset: Dataset, now: ExternalState, left: set[str], was: Dataset | None, told: Dataset | LifecycleError
) -> None:
    failure = dataset.failure
    assert failure is not None
    if isinstance(told, ProvisionFailedError):
        assert (told.facts["step"], told.facts["cause"]) == (failure.step, failure.code)
    else:  # refused, or given back with what stood against it on record
        assert was is not None
        assert dataset == replace(was, generation=dataset.generation, teardown=dataset.teardown)
        assert (dataset.teardown is None) == (dataset.generation == was.generation)
    assert (dataset.content, dataset.staged) == (None, None) or "populate" in left
    if "connect" not in left:
        assert (now.ours, now.served, dataset.connector_id) == (0, {}, None)
    if "populate" not in left:
        assert now.staged == ()


async def _check_stopped(
    process: Process, dataset: Dataset, now: ExternalState, before: ExternalState
) -> None:
    teardown = dataset.teardown
    assert teardown is not None
    assert teardown.failure is not None
    assert teardown.failure.step
    assert teardown.failure.code
    if now.served == before.served and now.staged == before.staged:
        return
    assert teardown.disconnecting
    if now.staged != before.staged:
        assert (now.ours, now.served) == (0, {})
        await _check_archive_content(process, dataset)


async def _check_archived(
    place: World, process: Process, dataset: Dataset, now: ExternalState, before: ExternalState
) -> None:
    assert dataset.teardown is not None
    assert dataset.teardown.failure is None
    left = [each for each in place.glean.datasources() if each["name"] != datasource_name(place, FOREIGN)]
    gone = ConnectorOutcome.EMPTIED if left else ConnectorOutcome.DELETED
    outcome = gone if _has_ever_existed(place) else None
    assert dataset.teardown.connector_outcome is outcome
    assert (dataset.teardown.restorable_until is not None) is await _is_restorable(process, dataset)
    assert dataset.teardown.staging_deleted
    assert (now.ours, now.served, now.staged) == (0, {}, ())
    for document in before.served.values():
        found = place.glean.search(document["title"], datasource=datasource_name(place, NAME))
        assert found == []
    await _check_archive_content(process, dataset)


def _has_ever_existed(place: World) -> bool:
    """Whether Glean ever had a datasource of ours."""
    return any(
        entry.operation in {"datasources.create", "adddatasource"}
        and (entry.datasource or "").casefold() == datasource_name(place, NAME).casefold()
        for entry in place.glean.ledger()
    )


async def _is_restorable(process: Process, dataset: Dataset) -> bool:
    facts = await process.deps.store.read(lambda uow: uow.archives.get(dataset.dataset_id))
    try:
        require_restorable(dataset, facts)
    except NotRestorableError:
        return False
    return True


async def _check_archive_content(process: Process, dataset: Dataset) -> None:
    require_matching_manifest(dataset, await process.deps.archives.verify(archive_place(dataset)))


def staged_name(dataset: Dataset, attempt: int) -> str:
    """The one file that a dataset's attempt stands in."""
    return f"{dataset.dataset_id}/{attempt}.jsonl"


def staged_ids(place: World, dataset: Dataset, attempt: int) -> set[str]:
    """The ids of the documents that an attempt staged."""
    lines = (place.folder / "staging" / staged_name(dataset, attempt)).read_bytes().splitlines()
    return {json.loads(each)["id"] for each in lines}


def check_no_echo(place: World, *texts: str) -> None:
    """Neither Glean's own words nor its key stand in these texts, in a row, or in any file of ours."""
    ours = [each for each in place.folder.rglob("*") if each.is_file() and "glean.sqlite" not in each.name]
    everything = [text.encode() for text in texts] + [_decompressed_text(each) for each in ours]
    for words in (*ECHOES, place.sandbox.token):
        assert not any(words.encode() in each for each in everything)


def _decompressed_text(path: Path) -> bytes:
    raw = path.read_bytes()
    if path.suffix != ".zst":
        return raw
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    except zstandard.ZstdError:  # the case had it damaged
        return b""
