"""A server tells webhooks of what happens, and neither a dead nor a slow one holds it up."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

from server.cli.exit_codes import ExitCode
from tests.resilience.processes.conftest import stop_process, wait_for_exit
from tests.resilience.processes.test_shutdown import start_provision
from tests.support.polling import wait_for, wait_for_async
from tests.support.webhooks.receiver import SECRET, WebhookReceiver, never_reply, reply_error, send_huge_body

if TYPE_CHECKING:
    from pathlib import Path

    from tests.resilience.processes.conftest import Run
    from tests.support.servers.data_folder import DataFolder


def write_config(path: Path, *hooks: WebhookReceiver) -> Path:
    """A configuration that names these webhooks."""
    webhooks = [
        {"name": f"hook-{number}", "url": each.url, "secrets": [SECRET]} for number, each in enumerate(hooks)
    ]
    path.write_text(json.dumps({"dataops": {"events": {"webhooks": webhooks, "timeout_s": 60}}}))
    return path


async def test_a_server_makes_a_dataset_while_webhooks_hang_fail_and_babble_and_tells_the_one_that_listens(
    data_folder: DataFolder, tmp_path: Path, start_process: Run
) -> None:
    async with (
        WebhookReceiver(never_reply).listen() as hanging,
        WebhookReceiver(reply_error).listen() as failing,
        WebhookReceiver(send_huge_body).listen() as babbling,
        WebhookReceiver().listen() as well,
    ):
        config = write_config(tmp_path / "config.yaml", hanging, failing, babbling, well)
        server = start_process(
            data_folder,
            data_folder.command_line("serve", "--transport", "http", "--port", "0", "--config", str(config)),
        )
        async with data_folder.open_store() as store:

            async def has_every_cursor() -> bool:
                return len(await store.read(lambda uow: uow.deliveries.list_cursors())) == 4

            await wait_for_async(has_every_cursor, 60)
        left = start_process(data_folder, start_provision(data_folder, "--no-wait"))
        assert (await wait_for_exit(left))[0] == ExitCode.RUNNING
        await wait_for(lambda: len(well.messages) == 3 and bool(hanging.messages and failing.messages), 30)
        assert (await data_folder.load_only_dataset()).status == "ready"
        status, out, log = await stop_process(server, signal.SIGTERM)
    assert (status, out) == (0, "")
    assert [each["type"] for each in well.messages] == [
        "dataset:provisioning_started",
        "dataset:quality_evaluated",
        "dataset:provisioned",
    ]
    assert len(hanging.messages) == 1
    assert SECRET not in log
    assert "/hook" not in log
