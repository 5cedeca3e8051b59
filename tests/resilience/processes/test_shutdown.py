"""However a serving process ends, what it was doing is finished by the next, and its output is nothing but protocol."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx
import pytest

from domain.model.enums import DatasetStatus
from server.composition.replicas.presence import is_server_on_folder
from server.composition.stores import has_pending_work
from tests.resilience.processes.conftest import EFFECTS_OF_ONE_PROVISION, stop_process, wait_for_exit
from tests.support.polling import wait_for
from tests.support.servers.data_folder import PROVISION_ARGUMENTS
from tests.support.state_snapshot import visible_effects

if TYPE_CHECKING:
    import subprocess

    from tests.resilience.processes.conftest import Run
    from tests.support.servers.data_folder import DataFolder

SLOW_S: Final = 3600.0
LISTENS: Final = re.compile(r"Listening on 127\.0\.0\.1 port (\d+)")
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
    "params": {"name": "provision_dataset", "arguments": {**PROVISION_ARGUMENTS, "wait_s": 50}},
}


def send_line(process: subprocess.Popen[str], *messages: dict[str, Any]) -> None:
    assert process.stdin
    process.stdin.write("".join(json.dumps({"jsonrpc": "2.0", **each}) + "\n" for each in messages))
    process.stdin.flush()


def check_protocol_only(output: str) -> list[dict[str, Any]]:
    messages = [json.loads(line) for line in output.splitlines()]
    assert all(each["jsonrpc"] == "2.0" for each in messages)
    return messages


def slow_down_syncs(folder: DataFolder) -> None:
    with folder.open_sandbox() as glean:
        glean.set_indexing_rate(1_000_000, minimum_seconds=SLOW_S)


def finish_syncs(folder: DataFolder) -> None:
    """Let the sync that runs be over, and those that follow be quick."""
    with folder.open_sandbox() as glean:
        glean.set_indexing_rate(1_000_000, minimum_seconds=0)
        with glean.world.database.write() as connection:
            connection.execute("UPDATE job SET duration = 0")


def check_running(answer: dict[str, Any]) -> None:
    """The answer of a call whose time was over before the work was."""
    assert answer["status"] == "provisioning"
    assert answer["progress"]["step"]
    assert answer["poll_after_s"] > 0


async def check_ready_once(folder: DataFolder) -> None:
    """The dataset becomes ready, and everything was done once."""
    await wait_for(lambda: not has_pending_work(folder.settings), 30)
    assert (await folder.load_only_dataset()).status is DatasetStatus.READY
    with folder.open_sandbox() as glean:
        assert visible_effects(glean) == EFFECTS_OF_ONE_PROVISION


@pytest.mark.parametrize(
    ("kind", "left", "status"),
    [
        (signal.SIGTERM, True, 0),
        (signal.SIGTERM, False, 0),
        (signal.SIGINT, False, 0),
        (signal.SIGKILL, False, -signal.SIGKILL),
    ],
    ids=["closed stdin, then SIGTERM", "SIGTERM", "SIGINT", "SIGKILL"],
)
async def test_the_next_server_finishes_what_one_was_doing_when_it_ended(
    data_folder: DataFolder, start_process: Run, kind: signal.Signals, *, left: bool, status: int
) -> None:
    """A call that waits answers as its server ends, unless its client has left or the server is killed."""
    slow_down_syncs(data_folder)
    first = start_process(data_folder, data_folder.command_line("serve"))
    send_line(first, *GREETING, CALL)
    await data_folder.wait_for_sync()
    if left and first.stdin:
        first.stdin.close()
        first.stdin = None
    ended, out, log = await stop_process(first, kind)
    assert ended == status, log
    answers = [each for each in check_protocol_only(out) if "result" in each]
    answered = not left and status == 0
    assert [each["id"] for each in answers] == ([1, 2] if answered else [1])
    if answered:
        check_running(answers[1]["result"]["structuredContent"])
    assert "Traceback" not in log
    assert has_pending_work(data_folder.settings)

    finish_syncs(data_folder)
    second = start_process(data_folder, data_folder.command_line("serve"))
    send_line(second, GREETING[0])
    await check_ready_once(data_folder)
    ended, out, log = await wait_for_exit(second)
    assert (ended, [each["id"] for each in check_protocol_only(out)]) == (0, [1]), log


async def test_a_server_whose_client_left_finishes_what_runs_and_then_ends(
    data_folder: DataFolder, start_process: Run
) -> None:
    slow_down_syncs(data_folder)
    server = start_process(data_folder, data_folder.command_line("serve"))
    send_line(server, *GREETING, CALL)
    await data_folder.wait_for_sync()
    assert server.stdin
    server.stdin.close()
    server.stdin = None
    assert server.stderr
    with anyio.fail_after(60):
        while "The client has left" not in await anyio.to_thread.run_sync(server.stderr.readline):
            assert server.poll() is None
    finish_syncs(data_folder)
    ended, _, log = await wait_for_exit(server)
    assert ended == 0, log
    assert not has_pending_work(data_folder.settings)
    await check_ready_once(data_folder)


async def test_over_http_a_call_that_waits_answers_as_its_server_ends(
    data_folder: DataFolder, start_process: Run
) -> None:
    slow_down_syncs(data_folder)
    server = start_process(
        data_folder, data_folder.command_line("serve", "--transport", "http", "--port", "0")
    )
    assert server.stderr
    with anyio.fail_after(60):
        while not (found := LISTENS.search(await anyio.to_thread.run_sync(server.stderr.readline))):
            assert server.poll() is None
    answers: list[dict[str, Any]] = []

    async def call() -> None:
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.post(
                f"http://127.0.0.1:{found[1]}/mcp",
                json={"jsonrpc": "2.0", **CALL},
                headers={"Accept": "application/json, text/event-stream"},
            )
        lines = [line for line in answer.text.splitlines() if line.startswith("data: {")]
        answers.append(json.loads(lines[-1].removeprefix("data: "))["result"]["structuredContent"])

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await data_folder.wait_for_sync()
            ended, _, log = await stop_process(server, signal.SIGTERM)
    assert ended == 0, log
    check_running(answers[0])


async def test_a_call_that_is_made_again_attaches_to_what_a_dead_server_began(
    data_folder: DataFolder, start_process: Run
) -> None:
    slow_down_syncs(data_folder)
    first = start_process(data_folder, data_folder.command_line("serve"))
    send_line(first, *GREETING, CALL)
    await data_folder.wait_for_sync()
    first.kill()
    finish_syncs(data_folder)
    second = start_process(data_folder, data_folder.command_line("serve"))
    assert second.stdout
    send_line(second, *GREETING, CALL)
    with anyio.fail_after(60):
        answers = [json.loads(await anyio.to_thread.run_sync(second.stdout.readline)) for _ in range(2)]
    answer = answers[1]["result"]["structuredContent"]
    assert (answer["status"], answer["created"]) == ("ready", False)
    await check_ready_once(data_folder)


def start_provision(folder: DataFolder, *options: str) -> list[str]:
    wish = (
        word for name, value in PROVISION_ARGUMENTS.items() for word in (f"--{name.replace('_', '-')}", value)
    )
    return folder.command_line("provision", *wish, *options, "--json")


async def test_work_is_not_left_to_a_server_that_does_not_run(
    data_folder: DataFolder, start_process: Run
) -> None:
    status, out, _ = await wait_for_exit(
        start_process(data_folder, start_provision(data_folder, "--no-wait"))
    )
    assert (status, json.loads(out)["error"]["field"]) == (3, "no_wait")
    assert await data_folder.load_datasets() == []


async def test_a_running_server_does_what_a_command_leaves_to_it(
    data_folder: DataFolder, start_process: Run
) -> None:
    server = start_process(
        data_folder, data_folder.command_line("serve", "--transport", "http", "--port", "0")
    )
    await wait_for(lambda: is_server_on_folder(data_folder.data))
    status, out, _ = await wait_for_exit(
        start_process(data_folder, start_provision(data_folder, "--no-wait"))
    )
    answer = json.loads(out)
    assert (status, answer["status"], answer["created"]) == (4, "provisioning", True)
    await check_ready_once(data_folder)
    status, out, log = await stop_process(server, signal.SIGTERM)
    assert (status, out) == (0, ""), log
    assert not is_server_on_folder(data_folder.data)


async def test_a_command_that_is_interrupted_is_gone_on_with_when_it_is_called_again(
    data_folder: DataFolder, start_process: Run
) -> None:
    slow_down_syncs(data_folder)
    first = start_process(data_folder, start_provision(data_folder))
    await data_folder.wait_for_sync()
    status, out, log = await stop_process(first, signal.SIGINT)
    assert (status, out) == (130, ""), log
    assert "not lost" in log
    finish_syncs(data_folder)
    status, out, log = await wait_for_exit(start_process(data_folder, start_provision(data_folder)))
    assert (status, json.loads(out)["status"]) == (0, "ready"), log
    await check_ready_once(data_folder)
