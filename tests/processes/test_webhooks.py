"""A server tells webhooks of what happens, and neither a dead nor a slow one holds it up."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

from server.cli.exits import Exit
from tests import receivers
from tests.processes.conftest import over, stopped
from tests.processes.test_endings import provision
from tests.receivers import SECRET, Receiver
from tests.waiting import eventually, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.processes.conftest import Run
    from tests.processes.folder import Folder


def configured(path: Path, *hooks: Receiver) -> Path:
    """A configuration that names these webhooks."""
    webhooks = [
        {"name": f"hook-{number}", "url": each.url, "secrets": [SECRET]} for number, each in enumerate(hooks)
    ]
    path.write_text(json.dumps({"dataops": {"events": {"webhooks": webhooks, "timeout_s": 60}}}))
    return path


async def test_a_server_makes_a_dataset_while_webhooks_hang_fail_and_babble_and_tells_the_one_that_listens(
    folder: Folder, tmp_path: Path, run: Run
) -> None:
    async with (
        Receiver(receivers.hang).up() as hanging,
        Receiver(receivers.fail).up() as failing,
        Receiver(receivers.babble).up() as babbling,
        Receiver().up() as well,
    ):
        config = configured(tmp_path / "config.yaml", hanging, failing, babbling, well)
        server = run(
            folder, folder.command("serve", "--transport", "http", "--port", "0", "--config", str(config))
        )
        async with folder.store() as store:

            async def known() -> bool:
                return len(await store.read(lambda records: records.posts())) == 4

            await until(known, 60)
        left = run(folder, provision(folder, "--no-wait"))
        assert (await over(left))[0] == Exit.RUNNING
        await eventually(lambda: len(well.heard) == 3 and bool(hanging.heard and failing.heard), 30)
        assert (await folder.dataset()).status == "ready"
        status, out, log = await stopped(server, signal.SIGTERM)
    assert (status, out) == (0, "")
    assert [each["type"] for each in well.heard] == [
        "dataset:provisioning_started",
        "dataset:quality_evaluated",
        "dataset:provisioned",
    ]
    assert len(hanging.heard) == 1
    assert SECRET not in log
    assert "/hook" not in log
