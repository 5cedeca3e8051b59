"""What `doctor` says of webhooks and schedules, and that it changes nothing while it looks."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from domain.errors import StoreFailedError
from domain.governance.schedules import ScheduledRun, ScheduleStatus
from domain.model.delivery import Delivery, DeliveryState, WebhookCursor
from domain.model.schedule import Schedule
from server.adapters.clock import SystemClock
from server.adapters.store import schema
from server.adapters.store.postgres.migrations import NAMESPACE
from server.adapters.store.sqlite.store import SqliteStore
from server.adapters.webhooks import HttpCourier
from server.composition.diagnostics import run_doctor
from server.composition.replicas.presence import hold_folder_presence
from server.doctor.report import Finding, ProbeSkippedError, diagnose
from server.doctor.schedules import schedule_findings
from server.settings import load_settings
from tests.support.entities import NOW
from tests.support.webhooks.events import append_events
from tests.support.webhooks.receiver import (
    NEXT_SECRET,
    SECRET,
    WebhookReceiver,
    never_reply,
    reply_accepted,
    reply_error,
    reply_gone,
    reply_redirect,
    reply_retry_after,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from domain.ports import Store, UnitOfWork
    from server.settings import Settings
    from tests.support.stores.postgres_server import PostgresServer
    from tests.support.webhooks.receiver import Behaviour


def settings_with_webhooks(folder: Path, **hooks: str) -> Settings:
    """Settings with these webhooks, the first of them with two keys."""
    written = [
        {"name": name, "url": url, "secrets": [SECRET] if number else [SECRET, NEXT_SECRET]}
        for number, (name, url) in enumerate(hooks.items())
    ]
    file = folder / "config.yaml"
    file.write_text(json.dumps({"dataops": {"events": {"webhooks": written, "timeout_s": 5}}}))
    return load_settings({}, file, folder / "data")


async def findings_by_name(settings: Settings, area: str) -> dict[str, Finding]:
    """The findings of that area by the names of what they are about."""
    every = await run_doctor(settings)
    return {each.area.removeprefix(f"{area} "): each for each in every if each.area.startswith(f"{area} ")}


async def put_cursor(store: Store, webhook: str, *states: str, cursor: int = 0) -> None:
    """Have a webhook stand so, event by event."""

    def work(uow: UnitOfWork) -> None:
        uow.deliveries.put_cursor(WebhookCursor(webhook=webhook, cursor=cursor or len(states)))
        for seq, state in enumerate(states, 1):
            error = None if state == "delivered" else "answered 500"
            uow.deliveries.put(
                Delivery(
                    webhook=webhook,
                    seq=seq,
                    dataset_id="d",
                    due_at=NOW,
                    state=DeliveryState(state),
                    error=error,
                )
            )

    await store.transact(work)


async def test_each_webhook_is_told_with_whether_it_answers_its_keys_and_what_waits(tmp_path: Path) -> None:
    async with WebhookReceiver(reply_error).listen() as one, WebhookReceiver().listen() as two:
        settings = settings_with_webhooks(tmp_path, one=one.url, two=two.url, three=two.url, new=two.url)
        async with SqliteStore(settings.store_path) as store:
            await append_events(store, *"abcdef")
            await put_cursor(store, "one", *["delivered"] * 6)
            await put_cursor(store, "two", "delivered", "parked", "waiting", "waiting", cursor=4)
            await put_cursor(store, "three", "delivered", "waiting", cursor=6)
            await put_cursor(store, "gone", "waiting", cursor=6)
            await put_cursor(store, "over", "delivered", cursor=6)
        told = await findings_by_name(settings, "webhook")
    assert list(told) == ["one", "two", "three", "new", "gone"]
    assert (one.messages, two.messages) == ([], [])
    assert told["one"] == Finding(area="webhook one", ok=True, message="it answers, 2 keys, 0 wait, 0 parked")
    assert told["two"].message == (
        "it answers, 1 key, 2 wait since 2026-03-01T12:00:00Z, 2 more are not checked yet, 1 parked, "
        "last error: answered 500"
    )
    assert (told["two"].warning, "events list --parked" in told["two"].action) == (True, True)
    assert (told["three"].warning, "`dataset-lifecycle serve`" in told["three"].action) == (True, True)
    assert told["new"].message == "it answers, 1 key, no server has sent it anything yet"
    assert told["gone"].warning
    assert told["gone"].message.startswith("not configured here, 1 wait since ")
    with hold_folder_presence(settings.data_dir):
        assert not (await findings_by_name(settings, "webhook"))["three"].warning


async def test_a_webhook_that_cannot_be_reached_is_wrong_whatever_else_is(tmp_path: Path) -> None:
    async with WebhookReceiver().listen() as away:
        pass
    async with (
        WebhookReceiver(reply_redirect, checks=False).listen() as moved,
        WebhookReceiver(never_reply, checks=False).listen() as hangs,
    ):
        settings = settings_with_webhooks(tmp_path, away=away.url, moved=moved.url, hangs=hangs.url)
        settings = settings.model_copy(
            update={"events": settings.events.model_copy(update={"timeout_s": 0.3})}
        )
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "store.db").write_text("this is no database, however long one looks at it")
        every = await run_doctor(settings)
    told = {each.area: each for each in every}
    assert not told["store"].ok
    assert not told["webhook away"].ok
    assert told["webhook away"].message == "no answer: nothing listens there, 2 keys, what waits is not known"
    assert told["webhook moved"].message.startswith("answered 307, a redirect, which is not followed, ")
    assert told["webhook hangs"].message.startswith("no answer within 0.3 seconds, ")
    assert [each for each in told if each.startswith("schedule")] == []
    assert "127.0.0.1" not in str([each for each in every if each.area.startswith("webhook")])


@pytest.mark.parametrize(
    "behaviour",
    [reply_accepted, reply_error, reply_gone, reply_retry_after],
)
async def test_whoever_answers_at_all_is_reached(behaviour: Behaviour) -> None:
    async with (
        WebhookReceiver(behaviour, checks=False).listen() as receiver,
        HttpCourier(receiver.url, [SecretStr(SECRET)], clock=SystemClock(), timeout_s=20) as courier,
    ):
        assert await courier.check_reachability() is None


AT = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
DAILY = Schedule(name="orphan_scan", at=time(3, 0))
HAD = ScheduledRun(tick="2026-03-02", began_at=AT - timedelta(minutes=30), ended_at=AT, outcome="done")


def schedule_status(
    plan: Schedule, last: ScheduledRun | None, due: timedelta | None = None
) -> ScheduleStatus:
    return ScheduleStatus(plan=plan, last=last, next_at=None if plan.off else AT + (due or timedelta(days=1)))


@pytest.mark.parametrize(
    ("given", "serving", "message", "ok", "warning"),
    [
        (schedule_status(replace(DAILY, off=True), None), True, "off", True, False),
        (schedule_status(DAILY, None), False, "no run yet; a server runs it daily at 03:00 UTC", True, False),
        (schedule_status(DAILY, None), True, "no run yet", True, True),
        (
            schedule_status(DAILY, HAD),
            True,
            "last run 2026-03-02T03:00:00Z: done; next 2026-03-03T03:30:00Z",
            True,
            False,
        ),
        (
            schedule_status(DAILY, HAD, timedelta(hours=-2)),
            True,
            "last run 2026-03-02T03:00:00Z: done; the next one is due since 2026-03-02T01:30:00Z",
            True,
            True,
        ),
        (
            schedule_status(Schedule(name="health"), HAD, timedelta(minutes=-6)),
            False,
            "last run 2026-03-02T03:00:00Z: done; the next one is due since 2026-03-02T03:24:00Z",
            True,
            True,
        ),
        (
            schedule_status(DAILY, replace(HAD, outcome="failed", error={"message": "no"})),
            True,
            "last run 2026-03-02T03:00:00Z: failed, no",
            False,
            False,
        ),
        (
            schedule_status(DAILY, replace(HAD, outcome="refused", error={"message": "too many"})),
            True,
            "last run 2026-03-02T03:00:00Z: refused, too many",
            True,
            True,
        ),
        (
            schedule_status(DAILY, replace(HAD, outcome="running", began_at=AT - timedelta(hours=2))),
            True,
            "last run 2026-03-02T01:30:00Z: running",
            True,
            True,
        ),
    ],
)
def test_a_schedule_is_told_by_its_last_turn_and_what_to_do(
    given: ScheduleStatus,
    serving: bool,
    message: str,
    ok: bool,
    warning: bool,
) -> None:
    [told] = schedule_findings([given], AT, serving=serving)
    assert (told.message, told.ok, told.warning) == (message, ok, warning)
    assert bool(told.action) is (warning or not ok)
    if warning and "refused" not in message:
        assert told.action.startswith("A server runs" if serving else "Start `dataset-lifecycle serve`")


@pytest.mark.parametrize("last", [None, HAD])
def test_before_the_first_dataset_no_schedule_is_late(last: ScheduledRun | None) -> None:
    given = replace(schedule_status(DAILY, last), next_at=AT - timedelta(days=3))
    [told] = schedule_findings([given], AT, serving=True, needed=False)
    assert told.ok
    assert not told.warning
    if last is None:
        assert told.message == "no run yet; once there is a dataset, a server runs it daily at 03:00 UTC"


async def test_a_look_makes_nothing_where_nothing_is(tmp_path: Path) -> None:
    every = await run_doctor(load_settings({}, data_dir=tmp_path / "data", cwd=tmp_path))
    told = {each.area: each.message for each in every}
    assert all(each.ok for each in every)
    assert told["store"] == f"{tmp_path / 'data' / 'store.db'}: {schema.NOT_CREATED}"
    assert told["glean"] == "the embedded sandbox is made at the first start"
    assert not _all(tmp_path)


def _all(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize("emptied", [False, True])
async def test_a_look_migrates_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    emptied: bool,
) -> None:
    settings = load_settings({}, data_dir=tmp_path, cwd=tmp_path)
    if emptied:
        settings.store_path.touch()
    else:
        with monkeypatch.context() as older:
            older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:3])
            async with SqliteStore(settings.store_path):
                pass
    before = _migrations(settings.store_path)
    told = {each.area: each for each in await run_doctor(settings)}
    words = schema.NOT_CREATED if emptied else schema.OUTDATED
    assert told["store"] == Finding(area="store", ok=True, message=f"{settings.store_path}: {words}")
    why = (
        "there is no store yet"
        if emptied
        else "the store is of an older version, and the next start migrates it"
    )
    assert told["sagas"].message == f"not checked: {why}"
    assert _migrations(settings.store_path) == before


async def test_a_store_of_a_newer_version_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings({}, data_dir=tmp_path, cwd=tmp_path)
    async with SqliteStore(settings.store_path):
        pass
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:-1])
    told = {each.area: each for each in await run_doctor(settings)}
    assert not told["store"].ok
    assert "newer version" in told["store"].message
    why = "the store is of a newer version, and only that version can use it"
    assert (told["sagas"].ok, told["sagas"].message) == (True, f"not checked: {why}")


async def test_a_store_that_cannot_be_opened_is_told_as_such(tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path, cwd=tmp_path)
    settings.store_path.write_bytes(b"no database" * 1000)
    told = {each.area: each for each in await run_doctor(settings)}
    assert not told["store"].ok
    assert told["sagas"].message == "not checked: the store cannot be opened"


def _migrations(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("select name, sql from sqlite_master").fetchall()


async def test_a_look_at_a_database_without_our_tables_makes_none_and_says_who_may(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.create_database()
    postgres.execute("create role bystander login")
    environ: Mapping[str, str] = {"GLEAN_API_KEY": "k", "GLEAN_BASE_URL": "http://127.0.0.1:9"}

    async def store(address: str) -> Finding:
        settings = load_settings({**environ, "DATABASE_URL": address}, data_dir=tmp_path, cwd=tmp_path)
        [told] = [each for each in await run_doctor(settings) if each.area == "store"]
        return told

    name = url.partition("?")[0].rpartition("/")[2]
    assert (await store(url)).message.endswith(schema.NOT_CREATED)
    refused = await store(postgres.url(name, user="bystander"))
    assert (refused.ok, "may not create tables" in refused.message) == (False, True)
    postgres.execute(f"create schema {NAMESPACE} authorization bystander", url)
    assert (await store(postgres.url(name, user="bystander"))).ok
    tables = f"select count(*) from pg_tables where schemaname = '{NAMESPACE}'"  # noqa: S608 - a name of ours
    assert postgres.execute(tables, url) == [(0,)]
    postgres.drop_database(url)


async def test_whatever_one_look_meets_the_others_are_made(tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path, cwd=tmp_path)

    async def fine() -> str:
        return "fine"

    async def fail_by_bug() -> str:
        raise ZeroDivisionError

    async def nothing() -> str:
        raise ProbeSkippedError("nothing yet")

    async def fail_by_disk() -> Sequence[Finding]:
        raise StoreFailedError("The disk is gone.")

    async def several() -> Sequence[Finding]:
        return [Finding(area="one", ok=True, message="1"), Finding(area="two", ok=True, message="2")]

    every = await diagnose(
        settings,
        repository=fail_by_bug,
        glean=nothing,
        store=fine,
        identity=fine,
        further={"webhooks": fail_by_disk, "schedules": several},
    )
    told = {each.area: (each.ok, each.message) for each in every}
    assert told["repository"] == (
        False,
        "The check failed because of a bug of this program (ZeroDivisionError).",
    )
    assert told["glean"] == (True, "nothing yet")
    assert list(told.items())[-3:] == [
        ("webhooks", (False, "The disk is gone.")),
        ("one", (True, "1")),
        ("two", (True, "2")),
    ]
