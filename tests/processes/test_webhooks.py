"""A server tells webhooks of what happens, and neither a dead nor a slow one holds it up."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

from tests import receivers
from tests.processes.conftest import host, over, stopped
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


async def test_a_dataset_is_made_while_a_webhook_hangs_and_the_other_is_told_by_the_server(
    folder: Folder, tmp_path: Path, run: Run
) -> None:
    async with Receiver(receivers.hang).up() as hanging, Receiver().up() as well:
        config = configured(tmp_path / "config.yaml", hanging, well)
        server = run(
            folder, folder.command("serve", "--transport", "http", "--port", "0", "--config", str(config))
        )
        async with folder.store() as store:

            async def known() -> bool:
                return len(await store.read(lambda records: records.posts())) == 2

            await until(known, 60)
        made = run(folder, host(folder, "provision"))
        assert (await over(made))[0] == 0
        assert (await folder.dataset()).status == "ready"
        await eventually(lambda: len(well.heard) == 3 and bool(hanging.heard), 30)
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
