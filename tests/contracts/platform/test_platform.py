"""What every dialect must keep. What a platform cannot do, by its `can`, it is not asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from domain.errors import PlatformMismatchError
from domain.model import ConnectorOutcome, Mark
from domain.platform import Found, Job
from server.sandbox.faults import Fault
from tests.gleaning import MARK, NAME, finished, line, pages, pushed, served, source

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.platform import Platform
    from server.sandbox.serve import EmbeddedSandbox

ABSENT = "ds_0000000000000000"
STRANGERS = [
    pytest.param(Mark(installation=MARK.installation, dataset_id="another-dataset"), id="of another dataset"),
    pytest.param(Mark(installation="another", dataset_id=MARK.dataset_id), id="of another installation"),
]


async def test_a_datasource_is_made_once_and_found_again(platform: Platform, glean: EmbeddedSandbox) -> None:
    handle = await platform.ensure(source())

    assert await platform.ensure(source()) == handle
    assert await platform.find() == [
        Found(
            handle=handle,
            name=NAME,
            kind="confluence",
            mark=MARK,
            document_count=0,
            config=source().config,
        )
    ]
    assert [entry.operation for entry in glean.sandbox.ledger()] == ["datasources.create"]


async def test_names_are_found_without_regard_to_case(platform: Platform) -> None:
    handle = await platform.ensure(source())
    await platform.ensure(source("OTHER", replace(MARK, dataset_id="other")))

    assert [each.handle for each in await platform.find([NAME.lower(), "nobody"])] == [handle]
    assert await platform.find([]) == []
    assert await platform.ensure(source(NAME.lower())) == handle


async def test_a_changed_configuration_is_brought_to_what_is_wanted(
    platform: Platform, glean: EmbeddedSandbox
) -> None:
    handle = await platform.ensure(source())

    assert await platform.ensure(source(spaceKeys=["ENG", "OPS"])) == handle

    (held,) = glean.sandbox.datasources()
    assert held["config"]["spaceKeys"] == ["ENG", "OPS"]


async def test_what_is_pushed_is_found_only_once_it_is_synced(platform: Platform) -> None:
    handle = await platform.ensure(source())
    await platform.authorise(handle, MARK, "token-of-the-connector")
    lines = [line(number) for number in range(20)]

    told = await pushed(platform, handle, "run-1", lines)
    assert (sorted(told), told[-1]) == (told, 20)
    assert await platform.search("ledger", name=NAME) == []

    job = await finished(platform, handle, "run-1")
    assert job == Job(run="run-1", state="succeeded", total=20, indexed=20, started_at=job.started_at)
    found = await platform.search("ledger", name=NAME, limit=50)
    assert {each.document_id for each in found} == {f"page-{number}" for number in range(20)}
    assert {each.datasource for each in found} == {NAME}


async def test_a_run_that_is_pushed_and_synced_again_ends_the_same(
    platform: Platform, glean: EmbeddedSandbox
) -> None:
    lines = [line(number) for number in range(20)]
    handle = await served(platform, "run-1", lines)
    before = glean.sandbox.snapshot()

    await pushed(platform, handle, "run-1", lines)
    await finished(platform, handle, "run-1")

    assert glean.sandbox.snapshot() == before
    assert len(glean.sandbox.jobs(NAME)) == 1


async def test_a_second_run_takes_the_place_of_the_first(platform: Platform) -> None:
    handle = await served(platform, "run-1", [line(number, "walrus") for number in range(5)])
    await pushed(platform, handle, "run-2", [line(number, "ostrich") for number in range(3)])
    assert len(await platform.search("walrus")) == 5

    await finished(platform, handle, "run-2")

    assert await platform.search("walrus") == []
    assert len(await platform.search("ostrich")) == 3


async def test_a_run_of_no_documents_serves_none(platform: Platform) -> None:
    handle = await served(platform, "run-1", [line(1)])

    assert await pushed(platform, handle, "run-2", []) == [0]
    assert (await finished(platform, handle, "run-2")).state == "succeeded"
    assert await platform.search("ledger") == []


async def test_a_run_that_was_discarded_is_gone_and_absent_ones_are_fine(platform: Platform) -> None:
    handle = await served(platform, "run-1", [line(1)])
    await pushed(platform, handle, "run-2", [line(2)])

    await platform.discard(handle, MARK, "run-2")
    await platform.discard(handle, MARK, "run-2")
    await platform.discard(handle, MARK, "never")

    assert [each.document_id for each in await platform.search("ledger")] == ["page-1"]


async def test_there_is_no_sync_of_a_run_that_was_not_started(platform: Platform) -> None:
    handle = await platform.ensure(source())

    assert await platform.job(handle, "never") is None
    assert await platform.job(ABSENT, "never") is None


async def test_a_stopped_sync_leaves_what_was_served(platform: Platform, glean: EmbeddedSandbox) -> None:
    handle = await served(platform, "run-1", [line(1, "walrus")])
    await pushed(platform, handle, "run-2", [line(2, "ostrich")])
    glean.sandbox.faults.add(Fault(kind="sync_hangs"))
    assert (await platform.sync(handle, MARK, "run-2")).state == "running"
    assert (await platform.observe(handle)).syncing

    await platform.stop(handle, MARK)

    job = await platform.job(handle, "run-2")
    assert job is not None
    assert job.state == "stopped"
    assert not (await platform.observe(handle)).syncing
    assert [each.document_id for each in await platform.search("walrus")] == ["page-1"]
    await platform.stop(handle, MARK)


async def test_an_observation_tells_what_is_served(platform: Platform) -> None:
    handle = await served(platform, "run-1", [line(number) for number in range(20)])

    seen = await platform.observe(handle)

    assert (seen.present, seen.mark, seen.status, seen.syncing) == (True, MARK, "healthy", False)
    assert (seen.document_count, seen.error_count_24h) == (20, 0)
    assert seen.last_successful_sync is not None


async def test_a_sync_that_failed_shows_in_the_observation(
    platform: Platform, glean: EmbeddedSandbox
) -> None:
    handle = await platform.ensure(source())
    assert (await platform.observe(handle)).status == "pending"
    await platform.authorise(handle, MARK, "token-of-the-connector")
    await pushed(platform, handle, "run-1", [line(1)])
    glean.sandbox.faults.add(Fault(kind="sync_fails", message="upstream text"))

    assert (await finished(platform, handle, "run-1")).state == "failed"
    seen = await platform.observe(handle)
    assert (seen.status, seen.error_count_24h, seen.message) == ("unhealthy", 1, None)


async def test_what_is_absent_is_observed_as_absent(platform: Platform) -> None:
    assert not (await platform.observe(ABSENT)).present


async def test_many_are_observed_at_once(platform: Platform) -> None:
    handles = [
        await platform.ensure(source(f"N{each}", replace(MARK, dataset_id=f"d{each}"))) for each in range(12)
    ]

    seen = await platform.observe_all([*handles, ABSENT], await platform.find())

    marks = {handle: getattr(each, "mark", None) for handle, each in seen.items()}
    assert marks == {
        **{handle: replace(MARK, dataset_id=f"d{number}") for number, handle in enumerate(handles)},
        ABSENT: None,
    }
    assert not getattr(seen[ABSENT], "present", True)


async def test_what_was_removed_is_listed_and_found_no_more(
    platform: Platform, glean: EmbeddedSandbox
) -> None:
    handle = await served(platform, "run-1", [line(1)])

    assert await platform.remove(handle, MARK) is ConnectorOutcome.DELETED

    assert await platform.find() == []
    assert await platform.search("ledger") == []
    assert glean.sandbox.snapshot() == {}
    assert not (await platform.observe(handle)).present
    assert await platform.remove(handle, MARK) is ConnectorOutcome.DELETED
    await platform.stop(handle, MARK)
    await platform.discard(handle, MARK, "run-1")


@pytest.mark.parametrize("name", [NAME, NAME.lower()])
async def test_a_datasource_of_that_name_that_is_not_ours_is_not_adopted(
    platform: Platform, glean: EmbeddedSandbox, name: str
) -> None:
    glean.sandbox.create_foreign(name)
    before = glean.sandbox.snapshot()

    with pytest.raises(PlatformMismatchError):
        await platform.ensure(source())

    assert glean.sandbox.snapshot() == before


async def test_one_of_ours_that_serves_another_kind_is_not_adopted(platform: Platform) -> None:
    await platform.ensure(source())

    with pytest.raises(PlatformMismatchError):
        await platform.ensure(replace(source(), kind="jira"))


CHANGES: dict[str, Callable[[Platform, str, Mark], Awaitable[object]]] = {
    "authorise": lambda platform, handle, mark: platform.authorise(handle, mark, "other"),
    "push": lambda platform, handle, mark: platform.push(
        handle, mark, "run-9", pages([line(9)]), lambda _: None
    ),
    "sync": lambda platform, handle, mark: platform.sync(handle, mark, "run-1"),
    "stop": lambda platform, handle, mark: platform.stop(handle, mark),
    "discard": lambda platform, handle, mark: platform.discard(handle, mark, "run-1"),
    "remove": lambda platform, handle, mark: platform.remove(handle, mark),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("mark", STRANGERS)
async def test_what_carries_another_mark_is_never_touched(
    platform: Platform, glean: EmbeddedSandbox, change: str, mark: Mark
) -> None:
    handle = await served(platform, "run-1", [line(1)])
    before, effects = glean.sandbox.snapshot(), len(glean.sandbox.ledger())

    with pytest.raises(PlatformMismatchError):
        await CHANGES[change](platform, handle, mark)

    assert (glean.sandbox.snapshot(), len(glean.sandbox.ledger())) == (before, effects)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("managed_by", [None, "us", {"installation": 1, "datasetId": MARK.dataset_id}, {}])
async def test_what_a_person_made_is_never_touched(
    platform: Platform, glean: EmbeddedSandbox, change: str, managed_by: object
) -> None:
    config = {} if managed_by is None else {"managedBy": managed_by}
    foreign = glean.sandbox.create_foreign("by-hand", config=config)
    effects = len(glean.sandbox.ledger())

    with pytest.raises(PlatformMismatchError):
        await CHANGES[change](platform, foreign["id"], MARK)

    assert len(glean.sandbox.ledger()) == effects
    assert [each.mark for each in await platform.find()] == [None]


async def test_another_tenant_shows_in_the_fingerprint(platform: Platform, glean: EmbeddedSandbox) -> None:
    before = await platform.fingerprint()
    assert await platform.fingerprint() == before

    tenant = glean.sandbox.replace_tenant(keep_content=True)

    assert await platform.fingerprint() == replace(before, tenant=tenant)
