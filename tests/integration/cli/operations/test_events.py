from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from domain.model.delivery import Delivery, DeliveryState, WebhookCursor
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW
from tests.support.webhooks.receiver import SECRET

if TYPE_CHECKING:
    from domain.ports import UnitOfWork
    from tests.support.servers.command_line import CommandLine


def _park_event(commands: CommandLine) -> None:
    """The first event is parked at one webhook, waits for a second, and was delivered to a third."""

    def work(uow: UnitOfWork) -> None:
        dataset_id = uow.events.get(1).dataset_id
        uow.deliveries.put_cursor(WebhookCursor(webhook="one", cursor=uow.events.last_number()))
        for name, state in zip(("one", "three", "two"), ("parked", "delivered", "waiting"), strict=True):
            made = Delivery(
                webhook=name,
                seq=1,
                dataset_id=dataset_id,
                due_at=NOW,
                state=DeliveryState(state),
                attempts=20 if state == "parked" else 1,
                settled_at=None if state == "waiting" else NOW,
                error=None if state == "delivered" else "answered 500",
            )
            uow.deliveries.put(made)

    async def put() -> None:
        async with SqliteStore(commands.folder / "store.db") as store:
            await store.transact(work)

    anyio.run(put)


def test_events_are_listed_with_how_they_stand_and_sent_again(command_line: CommandLine) -> None:
    command_line.add_client_and_journey()
    assert "Nothing has happened yet." in command_line.run_ok("events", "list")
    dataset_id = command_line.provision_dataset()
    listed = command_line.run_json("events", "list")
    assert [each["kind"] for each in listed["items"]] == [
        "dataset:provisioning_started",
        "dataset:quality_evaluated",
        "dataset:provisioned",
    ]
    assert listed["items"][0]["deliveries"] == []
    assert "Nothing is parked." in command_line.run_ok("events", "list", "--parked")
    _park_event(command_line)
    said = (
        "The webhook one is not configured here, so a server with these settings sends it nothing: "
        "0 events wait, 1 are parked."
    )
    assert said in command_line.run_ok("events", "list")
    [parked] = command_line.run_json("events", "list", "--parked")["items"]
    assert parked["deliveries"] == [
        {
            "webhook": "one",
            "state": "parked",
            "attempts": 20,
            "settled_at": "2026-03-01T12:00:00Z",
            "error": "answered 500",
        },
        {"webhook": "three", "state": "delivered", "attempts": 1, "settled_at": "2026-03-01T12:00:00Z"},
        {
            "webhook": "two",
            "state": "waiting",
            "attempts": 1,
            "due_at": "2026-03-01T12:00:00Z",
            "error": "answered 500",
        },
    ]
    shown = command_line.run_ok("events", "list", "--dataset-id", dataset_id, "--limit", "3")
    assert shown.count(dataset_id) == 5
    told = command_line.run_ok("events", "redeliver", parked["id"])
    assert f"{parked['id']} is queued to be sent to one, two." in told
    left = command_line.run_json("events", "list", "--parked")
    assert (left["count"], left["not_configured"]) == (
        0,
        [{"webhook": "one", "waiting": 1, "behind": 0, "parked": 0}],
    )
    Path("sdlc_config.yaml").write_text(
        "dataops: {events: {webhooks: [{name: one, url: 'https://hooks.example.com', secrets: ["
        + SECRET
        + "]}]}}"
    )
    assert "not configured here" not in command_line.run_ok("events", "list")
    again = command_line.run_json("events", "redeliver", parked["id"], "--webhook", "three")
    assert [each["state"] for each in again["deliveries"]] == ["waiting"] * 3


def test_what_cannot_be_sent_again_is_refused_by_name(command_line: CommandLine) -> None:
    command_line.add_dataset()
    [event, *_] = command_line.run_json("events", "list")["items"]
    for code, arguments in (
        ("unknown_event", ("evt_none_1",)),
        ("invalid_argument", (event["id"],)),
        ("invalid_argument", (event["id"], "--webhook", "nowhere")),
    ):
        assert command_line.run_json("events", "redeliver", *arguments, code=3)["error"]["code"] == code
    assert command_line.run("events", "list", "--parked", "--dataset-id", "d").exit_code == 2
