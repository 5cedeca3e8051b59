"""However a serving process ends, what it was doing is finished by the next, and its output is nothing but protocol."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

from domain.vocabulary import DatasetStatus
from server import presence
from server.wiring import pending
from tests.pictures import effects
from tests.processes.conftest import ONCE, over, stopped
from tests.processes.folder import WISH
from tests.waiting import eventually

if TYPE_CHECKING:
    import subprocess

    from tests.processes.conftest import Run
    from tests.processes.folder import Folder

SLOW_S: Final = 3600.0
GREETING: Final[list[dict[str, Any]]] = [
    {
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    },
    {"method": "notifications/initialized"},
]
CALL: Final[dict[str, Any]] = {
    "id": 2,
    "method": "tools/call",
    "params": {"name": "provision_dataset", "arguments": {**WISH, "wait_s": 50}},
}


def say(process: subprocess.Popen[str], *messages: dict[str, Any]) -> None:
    assert process.stdin
    process.stdin.write("".join(json.dumps({"jsonrpc": "2.0", **each}) + "\n" for each in messages))
    process.stdin.flush()


def only_protocol(output: str) -> list[dict[str, Any]]:
    messages = [json.loads(line) for line in output.splitlines()]
    assert all(each["jsonrpc"] == "2.0" for each in messages)
    return messages


def slow_syncs(folder: Folder) -> None:
    with folder.sandbox() as glean:
        glean.set_rate(1_000_000, minimum_seconds=SLOW_S)


def over_syncs(folder: Folder) -> None:
    """Let the sync that runs be over, and those that follow be quick."""
    with folder.sandbox() as glean:
        glean.set_rate(1_000_000, minimum_seconds=0)
        with glean.world.database.write() as connection:
            connection.execute("UPDATE job SET duration = 0")


async def ready(folder: Folder) -> None:
    """The dataset becomes ready, and everything was done once."""
    await eventually(lambda: not pending(folder.settings), 30)
    assert (await folder.dataset()).status is DatasetStatus.READY
    with folder.sandbox() as glean:
        assert effects(glean) == ONCE


@pytest.mark.parametrize(
    ("kind", "status"),
    [(None, 0), (signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["closed stdin", "SIGTERM", "SIGINT", "SIGKILL"],
)
async def test_the_next_server_finishes_what_one_was_doing_when_it_ended(
    folder: Folder, run: Run, kind: signal.Signals | None, status: int
) -> None:
    slow_syncs(folder)
    first = run(folder, folder.command("serve"))
    say(first, *GREETING, CALL)
    await folder.syncing()
    ended, out, log = await (stopped(first, kind) if kind else over(first))
    assert ended == status, log
    assert [each["id"] for each in only_protocol(out) if "result" in each] == [1]
    assert "Traceback" not in log
    assert pending(folder.settings)

    over_syncs(folder)
    second = run(folder, folder.command("serve"))
    say(second, GREETING[0])
    await ready(folder)
    ended, out, log = await over(second)
    assert (ended, [each["id"] for each in only_protocol(out)]) == (0, [1]), log


async def test_a_call_that_is_made_again_attaches_to_what_a_dead_server_began(
    folder: Folder, run: Run
) -> None:
    slow_syncs(folder)
    first = run(folder, folder.command("serve"))
    say(first, *GREETING, CALL)
    await folder.syncing()
    first.kill()
    over_syncs(folder)
    second = run(folder, folder.command("serve"))
    assert second.stdout
    say(second, *GREETING, CALL)
    with anyio.fail_after(60):
        answers = [json.loads(await anyio.to_thread.run_sync(second.stdout.readline)) for _ in range(2)]
    answer = answers[1]["result"]["structuredContent"]
    assert (answer["status"], answer["created"]) == ("ready", False)
    await ready(folder)


def provision(folder: Folder, *options: str) -> list[str]:
    wish = (word for name, value in WISH.items() for word in (f"--{name.replace('_', '-')}", value))
    return folder.command("provision", *wish, *options, "--json")


async def test_work_is_not_left_to_a_server_that_does_not_run(folder: Folder, run: Run) -> None:
    status, out, _ = await over(run(folder, provision(folder, "--no-wait")))
    assert (status, json.loads(out)["error"]["field"]) == (3, "no_wait")
    assert await folder.datasets() == []


async def test_a_running_server_does_what_a_command_leaves_to_it(folder: Folder, run: Run) -> None:
    server = run(folder, folder.command("serve", "--transport", "http", "--port", "0"))
    await eventually(lambda: presence.anybody(folder.data))
    status, out, _ = await over(run(folder, provision(folder, "--no-wait")))
    answer = json.loads(out)
    assert (status, answer["status"], answer["created"]) == (4, "provisioning", True)
    await ready(folder)
    status, out, log = await stopped(server, signal.SIGTERM)
    assert (status, out) == (0, ""), log
    assert not presence.anybody(folder.data)


async def test_a_command_that_is_interrupted_is_gone_on_with_when_it_is_called_again(
    folder: Folder, run: Run
) -> None:
    slow_syncs(folder)
    first = run(folder, provision(folder))
    await folder.syncing()
    status, out, log = await stopped(first, signal.SIGINT)
    assert (status, out) == (130, ""), log
    assert "not lost" in log
    over_syncs(folder)
    status, out, log = await over(run(folder, provision(folder)))
    assert (status, json.loads(out)["status"]) == (0, "ready"), log
    await ready(folder)
