"""What only this dialect has: lost answers settled by reading back, and the API's own word that something is gone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace as replaced

from domain.errors import (
    PlatformConflictError,
    PlatformInvalidError,
    PlatformMismatchError,
    PlatformUnavailableError,
)
from domain.model.connector import Fingerprint
from domain.model.enums import ConnectorOutcome
from domain.ports.platform import Datasource, Observation, Removal, SyncJob
from server.adapters.glean.admin import platform as dialect
from tests.support.glean.datasources import (
    MARK,
    NAME,
    admin_platform,
    datasource_spec,
    push_run,
    serve_run,
    staged_line,
    staged_pages,
    sync_run,
)
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from server.adapters.glean.admin.platform import AdminPlatform
    from tests.support.sandbox.embedded import EmbeddedSandbox


def answers(operation: str, body: bytes) -> Fault:
    """A fault that gives this answer in place of the true one, once."""
    return Fault(kind="garbage", operation=operation, content=body, applied=False)


async def test_the_fingerprint_is_dialect_address_and_tenant(glean: EmbeddedSandbox) -> None:
    async with admin_platform(glean) as platform:
        assert await platform.fetch_fingerprint() == Fingerprint(
            dialect="admin", url=glean.base_url, tenant=glean.sandbox.tenant_id()
        )
    async with admin_platform(glean, identity_url="sandbox:/data") as platform:
        assert (await platform.fetch_fingerprint()).url == "sandbox:/data"


async def test_a_glean_that_does_not_say_who_it_is_has_no_tenant(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.faults.add(Fault(kind="status", status=404, operation="tenant.get"))

    assert (await platform.fetch_fingerprint()).tenant is None


async def test_a_create_whose_answer_was_lost_is_settled_by_reading_back(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.faults.add(Fault(kind="drop_after", operation="datasources.create"))

    handle = await platform.ensure(datasource_spec())

    assert [each["id"] for each in glean.sandbox.datasources()] == [handle]
    assert [each.operation for each in glean.sandbox.ledger()] == ["datasources.create"]


async def test_a_name_that_is_taken_and_not_listed_stays_a_conflict(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.faults.add(Fault(kind="status", status=409, operation="datasources.create"))

    with pytest.raises(PlatformConflictError):
        await platform.ensure(datasource_spec())


async def test_a_name_that_somebody_took_meanwhile_is_not_adopted(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.create_foreign_datasource(NAME)
    glean.sandbox.faults.add(answers("datasources.list", b'{"datasources": []}'))

    with pytest.raises(PlatformMismatchError):
        await platform.ensure(datasource_spec())


async def test_every_effect_of_a_provision_is_there_once_though_every_answer_was_lost(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    for operation in ("datasources.create", "auth.set", "documents.upload", "sync.start"):
        glean.sandbox.faults.add(Fault(kind="drop_after", operation=operation))

    await serve_run(platform, "run-1", [staged_line(number) for number in range(20)])

    assert glean.sandbox.faults.fired_count() == 4
    assert len(glean.sandbox.datasources()) == 1
    assert len(glean.sandbox.documents(NAME)) == 20
    assert [each["status"] for each in glean.sandbox.sync_jobs(NAME)] == ["SUCCEEDED"]


async def test_the_list_is_read_to_its_end(
    platform: AdminPlatform, glean: EmbeddedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "_LIST_LIMIT", 2)
    names = [f"n{number}" for number in range(5)]
    for name in names:
        glean.sandbox.create_foreign_datasource(name)

    assert [each.name for each in await platform.find_datasources()] == names

    monkeypatch.setattr(dialect, "_MOST_LIST_PAGES", 2)
    with pytest.raises(PlatformUnavailableError, match="does not end"):
        await platform.find_datasources()


async def test_documents_go_in_pages_of_at_most_five_hundred(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await platform.ensure(datasource_spec())

    told = await push_run(platform, handle, "run-1", [staged_line(number) for number in range(1100)])

    assert told[-1] == 1100
    sizes = [
        each.detail["received"] for each in glean.sandbox.ledger() if each.operation == "documents.upload"
    ]
    assert sorted(sizes) == [100, 500, 500]


async def test_large_documents_go_in_pages_below_five_mebibytes(
    glean: EmbeddedSandbox,
) -> None:
    lines = [staged_line(number, "x" * 2_000_000) for number in range(5)]

    async with admin_platform(
        glean
    ) as platform:  # one that waits: a page that is sent again would count twice
        await push_run(platform, await platform.ensure(datasource_spec()), "run-1", lines)

    sizes = [
        each.detail["received"] for each in glean.sandbox.ledger() if each.operation == "documents.upload"
    ]
    assert sorted(sizes) == [1, 2, 2]


async def test_a_document_that_is_too_large_is_refused_before_it_is_sent(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await platform.ensure(datasource_spec())

    with pytest.raises(PlatformInvalidError, match="Document 1 has"):
        await push_run(platform, handle, "run-1", [staged_line(1, "x" * 5_300_000)])

    assert glean.sandbox.request_counts().get(("documents.upload", 200)) is None


async def test_a_page_that_was_taken_in_part_is_an_error(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await platform.ensure(datasource_spec())
    glean.sandbox.faults.add(answers("documents.upload", b'{"accepted": 1}'))

    with pytest.raises(PlatformInvalidError, match="accepted 1 of the 2 documents"):
        await push_run(platform, handle, "run-1", [staged_line(1), staged_line(2)])


async def test_a_sync_that_runs_is_known_to_a_process_that_did_not_start_it(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    await push_run(platform, handle, "run-2", [staged_line(2)])
    glean.sandbox.faults.add(Fault(kind="sync_hangs"))
    started = await platform.start_sync(handle, MARK, "run-2")

    async with admin_platform(glean) as other:
        assert await other.fetch_sync_job(handle, "run-2") == started
        ended = await other.fetch_sync_job(handle, "run-1")
        seen = await other.observe(handle)
    assert ended is not None
    assert ended.state == "succeeded"
    assert (started.state, seen.syncing_since) == ("running", started.started_at)


async def test_a_sync_that_goes_on_is_told_by_its_status_when_its_job_is_gone(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    glean.sandbox.faults.add(answers("health.get", b'{"status": "NEW", "runningJob": "job_0"}'))

    seen = await platform.observe(handle)

    assert seen == Observation(present=True, at=seen.at, mark=MARK, syncing=True)


async def test_a_sync_whose_job_is_gone_at_once_is_told_as_it_was_started(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    glean.sandbox.faults.add(Fault(kind="status", status=404, operation="sync.find"))

    assert await platform.start_sync(handle, MARK, "run-1") == SyncJob(run="run-1", state="succeeded")


async def test_a_delete_whose_answer_was_lost_counts_when_the_list_agrees(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    glean.sandbox.faults.add(Fault(kind="drop_after", operation="datasources.delete"))

    assert await platform.delete_datasource(handle, MARK) == Removal(outcome=ConnectorOutcome.DELETED)
    assert glean.sandbox.datasources() == []


@pytest.mark.parametrize("status", [204, 404])
async def test_what_is_still_listed_after_its_deletion_is_not_gone(
    platform: AdminPlatform, glean: EmbeddedSandbox, status: int
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    fault = Fault(kind="status", status=status, operation="datasources.delete")
    glean.sandbox.faults.add(replaced(fault, body="empty" if status == 204 else "api"))

    with pytest.raises(PlatformUnavailableError, match="still lists it"):
        await platform.delete_datasource(handle, MARK)

    assert len(glean.sandbox.documents(NAME)) == 1


async def test_a_proxys_404_is_never_gone(platform: AdminPlatform, glean: EmbeddedSandbox) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    for operation in ("datasources.get", "datasources.delete"):
        glean.sandbox.faults.add(
            Fault(kind="status", status=404, body="html", times=None, operation=operation)
        )

    for call in (
        platform.delete_datasource(handle, MARK),
        platform.observe(handle),
        platform.stop_sync(handle, MARK),
    ):
        with pytest.raises(PlatformUnavailableError, match="answered 404"):
            await call


async def test_what_is_not_listed_is_asked_for_by_its_id_before_it_counts_as_gone(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    glean.sandbox.faults.add(answers("datasources.list", b'{"datasources": []}'))

    assert await platform.delete_datasource(handle, MARK) == Removal(outcome=ConnectorOutcome.DELETED)
    assert glean.sandbox.datasources() == []


async def test_a_tenant_that_changes_during_a_removal_is_told(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    glean.sandbox.faults.add(answers("tenant.get", b'{"id": "another"}'))

    with pytest.raises(PlatformMismatchError, match="Another tenant"):
        await platform.delete_datasource(handle, MARK)


async def test_a_glean_that_contradicts_itself_is_not_believed(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    glean.sandbox.faults.add(Fault(kind="status", status=404, operation="health.get", times=None))

    with pytest.raises(
        PlatformUnavailableError, match="lists a datasource, but answers that it does not exist"
    ):
        await platform.observe(handle)
    seen = await platform.observe_all([handle], await platform.find_datasources())
    assert [type(each) for each in seen.values()] == [PlatformUnavailableError]


async def test_one_that_went_between_the_list_and_the_look_is_absent(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1)])
    found = await platform.find_datasources()
    glean.sandbox.delete_datasource(NAME)

    seen = (await platform.observe_all([handle], found))[handle]

    assert isinstance(seen, Observation)
    assert not seen.present


async def test_a_run_that_is_being_synced_cannot_be_discarded(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await platform.ensure(datasource_spec())
    await platform.authorise(handle, MARK, "token")
    await push_run(platform, handle, "run-1", [staged_line(1)])
    glean.sandbox.faults.add(Fault(kind="sync_hangs"))
    await platform.start_sync(handle, MARK, "run-1")

    with pytest.raises(PlatformConflictError):
        await platform.discard_run(handle, MARK, "run-1")


@pytest.mark.parametrize(
    "handle", ["", "../tenant", "..", "a/b", "a?b", "a#b", "%2e%2e", "a\\b", "a b", "x" * 201]
)
async def test_an_id_never_leads_to_another_path(
    platform: AdminPlatform, glean: EmbeddedSandbox, handle: str
) -> None:
    source_handle = await platform.ensure(datasource_spec())
    before = glean.sandbox.request_counts()

    with pytest.raises(PlatformInvalidError, match="characters that no id has"):
        await platform.observe(handle)
    with pytest.raises(PlatformInvalidError, match="characters that no id has"):
        await platform.discard_run(source_handle, MARK, handle)

    assert sum(glean.sandbox.request_counts().values()) == sum(before.values()) + 1


async def test_an_id_in_other_letters_is_quoted(platform: AdminPlatform) -> None:
    assert not (await platform.observe("é&=+")).present


async def test_a_search_is_cut_to_what_the_api_takes(platform: AdminPlatform) -> None:
    await serve_run(platform, "run-1", [staged_line(1)])

    assert len(await platform.search("ledger " * 1000, limit=100_000)) == 1
    assert await platform.search("ledger", name="another", limit=-1) == []


async def test_pages_that_are_no_generator_will_do(platform: AdminPlatform) -> None:
    handle = await platform.ensure(datasource_spec())

    class Once:
        def __init__(self) -> None:
            self.left = [[staged_line(1)], [staged_line(2)]]

        def __aiter__(self) -> Once:
            return self

        async def __anext__(self) -> list[bytes]:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    assert await platform.push(handle, MARK, "run-1", Once(), lambda _: None) == 2


async def test_a_push_that_fails_closes_what_gave_the_pages(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    handle = await platform.ensure(datasource_spec())
    glean.sandbox.faults.add(Fault(kind="status", status=500, operation="documents.upload", times=None))
    given = staged_pages([staged_line(number) for number in range(9000)], size=500)

    with pytest.raises(PlatformUnavailableError):
        await platform.push(handle, MARK, "run-1", given, lambda _: None)

    assert [each async for each in given] == []


async def test_two_datasources_of_ours_are_two(platform: AdminPlatform) -> None:
    one = await platform.ensure(datasource_spec())
    other = await platform.ensure(datasource_spec("OTHER", replace(MARK, dataset_id="other")))

    assert one != other


async def test_it_tells_all_of_each_step_of_a_life(platform: AdminPlatform, glean: EmbeddedSandbox) -> None:
    handle = await platform.ensure(datasource_spec())
    [listed] = await platform.find_datasources()
    assert listed == Datasource(
        handle=handle,
        name=NAME,
        kind="confluence",
        mark=MARK,
        document_count=0,
        config=datasource_spec().config,
    )
    assert await platform.ensure(datasource_spec(spaceKeys=["ENG", "OPS"])) == handle
    [held] = glean.sandbox.datasources()
    assert held["config"]["spaceKeys"] == ["ENG", "OPS"]

    await platform.authorise(handle, MARK, "token-of-the-connector")
    await push_run(platform, handle, "run-1", [staged_line(number) for number in range(20)])
    assert await platform.search("ledger", name=NAME) == []
    job = await sync_run(platform, handle, "run-1")
    assert job == SyncJob(run="run-1", state="succeeded", total=20, indexed=20, started_at=job.started_at)
    assert await sync_run(platform, handle, "run-1") == job
    assert len(glean.sandbox.sync_jobs(NAME)) == 1
    found = await platform.search("ledger", name=NAME, limit=50)
    assert {(each.datasource, each.document_id) for each in found} == {
        (NAME, f"page-{number}") for number in range(20)
    }
    seen = await platform.observe(handle)
    assert (seen.document_count, seen.error_count_24h) == (20, 0)

    for _ in range(2):
        assert await platform.delete_datasource(handle, MARK) == Removal(outcome=ConnectorOutcome.DELETED)
    assert (await platform.find_datasources(), await platform.search("ledger")) == ([], [])
    assert glean.sandbox.snapshot() == {}
    assert not (await platform.observe(handle)).present
