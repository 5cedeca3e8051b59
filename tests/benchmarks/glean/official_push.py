"""The same push by Glean's own Python code, of documents that are in Glean's own shape already.

Run by itself: `python official.py sdk|client ADDRESS TOKEN DATASOURCE FILE`, with `glean-indexing-sdk` installed for
`sdk` and `glean-api-client` for `client`; the first pins an old version of the second, so it needs its own environment.
Prints the CPU seconds for making the models and for the upload, and the peak memory in MB.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = 1000


def _by_sdk(base_url: str, token: str, datasource: str, documents: list[Any]) -> None:
    """As a connector that is made with the SDK: pages of 1000, five threads, a client for each page."""
    os.environ["GLEAN_SERVER_URL"], os.environ["GLEAN_INDEXING_API_TOKEN"] = base_url, token
    uploader = import_module("glean.indexing").PushUploader(datasource=datasource)
    uploader.bulk_index_documents(documents, force_restart_upload=True)


def _by_client(base_url: str, token: str, datasource: str, documents: list[Any]) -> None:
    """As a careful program does that has the bare client: one of it, used again."""
    upload = secrets.token_hex(8)
    starts = range(0, len(documents), PAGE)
    with import_module("glean.api_client").Glean(api_token=token, server_url=base_url) as client:
        for start in starts:
            first, last = start == 0, start == starts[-1]
            client.indexing.documents.bulk_index(
                upload_id=upload,
                datasource=datasource,
                documents=documents[start : start + PAGE],
                is_first_page=first,
                is_last_page=last,
                force_restart_upload=first or None,
                disable_stale_document_deletion_check=last or None,
            )


def main(who: str, base_url: str, token: str, datasource: str, path: str) -> dict[str, float]:
    """Make the models, send them, and tell what it took."""
    send = {"sdk": _by_sdk, "client": _by_client}[who]
    read = import_module("glean.api_client").models.DocumentDefinition.model_validate_json
    began = time.process_time()
    with Path(path).open("rb") as lines:
        documents = [read(each) for each in lines]
    made = time.process_time()
    send(base_url, token, datasource, documents)
    done = time.process_time()
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    return {"made_s": made - began, "cpu_s": done - made, "peak_mb": peak * 1024 / 1e6}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
