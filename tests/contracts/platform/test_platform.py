"""What every dialect must keep. What a platform cannot do, by its `can`, it is not asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from domain.errors import PlatformInvalidError, PlatformMismatchError, PlatformUnavailableError
from domain.model.connector import OwnerTag
from domain.model.enums import ConnectorOutcome
from domain.ports.platform import Datasource
from tests.support.glean.datasources import (
    MARK,
    NAME,
    SITE,
    datasource_spec,
    push_run,
    serve_run,
    staged_line,
    staged_pages,
    sync_run,
)
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.ports.platform import Platform, Removal
    from tests.contracts.platform.conftest import Foreign
    from tests.support.sandbox.embedded import EmbeddedSandbox

ABSENT = "ds_0000000000000000"
STRANGERS = [
    pytest.param(
        OwnerTag(installation=MARK.installation, dataset_id="another-dataset"), id="of another dataset"
    ),
    pytest.param(OwnerTag(installation="another", dataset_id=MARK.dataset_id), id="of another installation"),
]


def search_document_ids(glean: EmbeddedSandbox, words: str) -> list[str]:
    """The documents that a search in Glean finds, whatever the dialect can do itself."""
    return sorted(each["documentId"] for each in glean.sandbox.search(words))


async def remove_completely(platform: Platform, handle: str) -> Removal:
    """What became of it, once the platform is done with it."""
    while (removal := await platform.delete_datasource(handle, MARK)) is None:
        pass
    return removal


async def test_a_datasource_is_made_once_and_found_again(platform: Platform, glean: EmbeddedSandbox) -> None:
    handle = await platform.ensure(datasource_spec())

    assert await platform.ensure(datasource_spec()) == handle
    [found] = await platform.find_datasources([NAME])
    assert replace(found, document_count=None, config=None, changed=None) == Datasource(
        handle=handle, name=NAME, kind="confluence", mark=MARK
    )
    assert found.config in (None, datasource_spec().config)
    assert not found.changed
    assert len(glean.sandbox.ledger()) == 1


async def test_names_are_found_without_regard_to_case(platform: Platform) -> None:
    handle = await platform.ensure(datasource_spec())
    await platform.ensure(datasource_spec("OTHER", replace(MARK, dataset_id="other")))

    assert [each.handle for each in await platform.find_datasources([NAME.lower(), "nobody"])] == [handle]
    assert await platform.find_datasources([]) == []
    assert await platform.ensure(datasource_spec(NAME.lower())) == handle


async def test_a_changed_configuration_is_brought_to_what_is_wanted(
    platform: Platform, glean: EmbeddedSandbox
) -> None:
    handle = await platform.ensure(datasource_spec())

    before = glean.sandbox.snapshot()
    changed = replace(datasource_spec(spaceKeys=["ENG", "OPS"]), site=f"{SITE}/moved")
    assert await platform.ensure(changed) == handle
    assert await platform.ensure(changed) == handle

    (held,), entries = glean.sandbox.datasources(), glean.sandbox.ledger()
    assert held["config"] != before[held["name"]]["config"]
    assert len(entries) == 2


async def test_what_is_pushed_is_found_only_once_it_is_synced(
    platform: Platform, glean: EmbeddedSandbox
) -> None:
    handle = await platform.ensure(datasource_spec())
    await platform.authorise(handle, MARK, "token-of-the-connector")
    lines = [staged_line(number) for number in range(20)]

    told = await push_run(platform, handle, "run-1", lines)
    assert (sorted(told), told[-1]) == (told, 20)
    assert search_document_ids(glean, "ledger") == []

    job = await sync_run(platform, handle, "run-1")
    assert (job.run, job.state, job.started_at is not None) == ("run-1", "succeeded", True)
    assert {job.total, job.indexed} <= {20, None}
    assert search_document_ids(glean, "ledger") == sorted(f"page-{number}" for number in range(20))


async def test_what_can_be_searched_finds_what_is_served(platform: Platform) -> None:
    await serve_run(platform, "run-1", [staged_line(1)])
    if platform.capabilities.search:
        [hit] = await platform.search("ledger", name=NAME, limit=50)
        assert (hit.datasource, hit.document_id) == (NAME, "page-1")
    else:
        with pytest.raises(PlatformInvalidError):
            await platform.search("ledger")


async def test_a_run_that_is_pushed_and_synced_again_ends_the_same(
    platform: Platform, glean: EmbeddedSandbox
) -> None:
    lines = [staged_line(number) for number in range(20)]
    handle = await serve_run(platform, "run-1", lines)
    before = glean.sandbox.snapshot()

    await push_run(platform, handle, "run-1", lines)
    await sync_run(platform, handle, "run-1")

    assert glean.sandbox.snapshot() == before


async def test_a_second_run_takes_the_place_of_the_first(platform: Platform, glean: EmbeddedSandbox) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(number, "walrus") for number in range(5)])
    await push_run(platform, handle, "run-2", [staged_line(number, "ostrich") for number in range(3)])
    assert len(search_document_ids(glean, "walrus")) == 5

    await sync_run(platform, handle, "run-2")

    assert search_document_ids(glean, "walrus") == []
    assert len(search_document_ids(glean, "ostrich")) == 3


async def test_a_run_of_no_documents_serves_none(platform: Platform, glean: EmbeddedSandbox) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])

    assert await push_run(platform, handle, "run-2", []) == [0]
    assert (await sync_run(platform, handle, "run-2")).state == "succeeded"
    assert search_document_ids(glean, "ledger") == []


async def test_a_run_that_was_discarded_is_gone_and_absent_ones_are_fine(
    platform: Platform, glean: EmbeddedSandbox
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    await push_run(platform, handle, "run-2", [staged_line(2)])

    await platform.discard_run(handle, MARK, "run-2")
    await platform.discard_run(handle, MARK, "run-2")
    await platform.discard_run(handle, MARK, "never")

    assert search_document_ids(glean, "ledger") == ["page-1"]


async def test_there_is_no_sync_of_a_run_that_was_not_started(platform: Platform) -> None:
    handle = await platform.ensure(datasource_spec())

    assert await platform.fetch_sync_job(handle, "never") is None
    assert await platform.fetch_sync_job(ABSENT, "never") is None


async def test_a_stopped_sync_leaves_what_was_served(platform: Platform, glean: EmbeddedSandbox) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1, "walrus")])
    await push_run(platform, handle, "run-2", [staged_line(2, "ostrich")])
    glean.sandbox.faults.add(Fault(kind="sync_hangs"))
    assert (await platform.start_sync(handle, MARK, "run-2")).state == "running"
    assert (await platform.observe(handle)).syncing

    if not platform.capabilities.stop:
        with pytest.raises(PlatformUnavailableError):
            await platform.stop_sync(handle, MARK)
        return
    await platform.stop_sync(handle, MARK)

    job = await platform.fetch_sync_job(handle, "run-2")
    assert job is not None
    assert job.state == "stopped"
    assert not (await platform.observe(handle)).syncing
    assert search_document_ids(glean, "walrus") == ["page-1"]
    await platform.stop_sync(handle, MARK)


async def test_an_observation_tells_what_is_served(platform: Platform) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(number) for number in range(20)])

    seen = await platform.observe(handle)

    assert (seen.present, seen.mark, seen.status, seen.syncing) == (True, MARK, "healthy", False)
    assert seen.document_count == 20
    assert seen.error_count_24h in {0, None}
    assert seen.last_successful_sync is not None


async def test_a_sync_that_failed_shows_in_the_observation(
    platform: Platform, glean: EmbeddedSandbox
) -> None:
    handle = await platform.ensure(datasource_spec())
    assert (await platform.observe(handle)).status == "pending"
    await platform.authorise(handle, MARK, "token-of-the-connector")
    await push_run(platform, handle, "run-1", [staged_line(1)])
    glean.sandbox.faults.add(Fault(kind="sync_fails", message="upstream text"))

    state = (await sync_run(platform, handle, "run-1")).state
    seen = await platform.observe(handle)
    if not platform.capabilities.stop:  # it does not tell either, but that nothing becomes of it
        assert (state, seen.status) == ("running", "syncing")
        return
    assert state == "failed"
    assert (seen.status, seen.error_count_24h, seen.message) == ("unhealthy", 1, None)


async def test_what_is_absent_is_observed_as_absent(platform: Platform) -> None:
    assert not (await platform.observe(ABSENT)).present


async def test_many_are_observed_at_once(platform: Platform) -> None:
    handles = [
        await platform.ensure(datasource_spec(f"N{each}", replace(MARK, dataset_id=f"d{each}")))
        for each in range(12)
    ]

    listed = await platform.find_datasources() if platform.capabilities.list else ()
    seen = await platform.observe_all([*handles, ABSENT], listed)

    marks = {handle: getattr(each, "mark", None) for handle, each in seen.items()}
    assert marks == {
        **{handle: replace(MARK, dataset_id=f"d{number}") for number, handle in enumerate(handles)},
        ABSENT: None,
    }
    assert not getattr(seen[ABSENT], "present", True)


async def test_what_was_removed_is_listed_and_found_no_more(
    platform: Platform, glean: EmbeddedSandbox
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])

    removal = await remove_completely(platform, handle)

    assert removal.outcome is (
        ConnectorOutcome.DELETED if platform.capabilities.delete else ConnectorOutcome.EMPTIED
    )
    assert (removal.left is None) is platform.capabilities.delete
    assert [each.mark for each in await platform.find_datasources([NAME])] == (
        [] if platform.capabilities.delete else [None]
    )
    assert search_document_ids(glean, "ledger") == []
    assert not await platform.is_still_served(handle, NAME, [staged_line(1)])
    assert all(each["documents"] == {} for each in glean.sandbox.snapshot().values())
    assert (await platform.observe(handle)).mark is None
    assert await remove_completely(platform, handle) == removal
    await platform.stop_sync(handle, MARK)
    await platform.discard_run(handle, MARK, "run-1")


@pytest.mark.parametrize("name", [NAME, NAME.lower()])
async def test_a_datasource_of_that_name_that_is_not_ours_is_not_adopted(
    platform: Platform, glean: EmbeddedSandbox, create_foreign_datasource: Foreign, name: str
) -> None:
    create_foreign_datasource(name, None)
    before = glean.sandbox.snapshot()

    with pytest.raises(PlatformMismatchError):
        await platform.ensure(datasource_spec())

    assert glean.sandbox.snapshot() == before


async def test_one_of_ours_that_serves_another_kind_is_not_adopted(platform: Platform) -> None:
    await platform.ensure(datasource_spec())

    with pytest.raises(PlatformMismatchError):
        await platform.ensure(replace(datasource_spec(), kind="jira"))


CHANGES: dict[str, Callable[[Platform, str, OwnerTag], Awaitable[object]]] = {
    "authorise": lambda platform, handle, mark: platform.authorise(handle, mark, "other"),
    "push": lambda platform, handle, mark: platform.push(
        handle, mark, "run-9", staged_pages([staged_line(9)]), lambda _: None
    ),
    "sync": lambda platform, handle, mark: platform.start_sync(handle, mark, "run-1"),
    "stop": lambda platform, handle, mark: platform.stop_sync(handle, mark),
    "discard": lambda platform, handle, mark: platform.discard_run(handle, mark, "run-1"),
    "remove": lambda platform, handle, mark: platform.delete_datasource(handle, mark),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("mark", STRANGERS)
async def test_what_carries_another_mark_is_never_touched(
    platform: Platform, glean: EmbeddedSandbox, change: str, mark: OwnerTag
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    before, effects = glean.sandbox.snapshot(), len(glean.sandbox.ledger())

    with pytest.raises(PlatformMismatchError):
        await CHANGES[change](platform, handle, mark)

    assert (glean.sandbox.snapshot(), len(glean.sandbox.ledger())) == (before, effects)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("managed_by", [None, "us", {"installation": 1, "datasetId": MARK.dataset_id}, {}])
async def test_what_a_person_made_is_never_touched(
    platform: Platform,
    glean: EmbeddedSandbox,
    create_foreign_datasource: Foreign,
    change: str,
    managed_by: object,
) -> None:
    handle = create_foreign_datasource("by-hand", managed_by)
    effects = len(glean.sandbox.ledger())

    with pytest.raises(PlatformMismatchError):
        await CHANGES[change](platform, handle, MARK)

    assert len(glean.sandbox.ledger()) == effects
    assert [each.mark for each in await platform.find_datasources(["by-hand"])] == [None]


async def test_another_tenant_shows_in_the_fingerprint(platform: Platform, glean: EmbeddedSandbox) -> None:
    before = await platform.fetch_fingerprint()
    assert await platform.fetch_fingerprint() == before

    tenant = glean.sandbox.replace_tenant(keep_content=True)

    told = before if before.tenant is None else replace(before, tenant=tenant)
    assert await platform.fetch_fingerprint() == told
