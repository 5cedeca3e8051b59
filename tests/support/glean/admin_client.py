"""A plain client of the Admin dialect, and a clock that is set by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from server.sandbox.state.content.connectors import CONNECTORS
from tests.support.sandbox.example_configs import EXAMPLE_CONFIGS
from tests.support.servers.plain_http import NO_AUTHORITIES

if TYPE_CHECKING:
    from server.sandbox import serve
    from server.sandbox.state.content.connectors import Connector

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class HandDrivenClock:
    def __init__(self) -> None:
        self.instant = START

    def __call__(self) -> datetime:
        return self.instant

    def advance(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)


def document(number: int | str, text: str = "ordinary words", **changes: Any) -> dict[str, Any]:
    return {
        "objectType": "CONFLUENCE_PAGE",
        "documentId": f"page-{number}",
        "title": f"Page {number}",
        "body": {"mimeType": "text/html", "textContent": f"<p>{text}</p>"},
        "container": "TEAM",
        "author": {"email": "ada@example.com"},
        "updatedAt": "2026-02-01T09:00:00Z",
        **changes,
    }


class AdminClient(httpx.Client):
    """The client, and the few steps that most tests begin with."""

    def __init__(self, glean: serve.EmbeddedSandbox, **options: Any) -> None:
        super().__init__(
            base_url=f"{glean.base_url}/api/v1",
            headers={"Authorization": f"Bearer {glean.token}"},
            timeout=30,
            verify=NO_AUTHORITIES,
            **options,
        )

    def create_datasource(
        self, name: str = "ACME-Sandbox-Confluence", connector: Connector = "confluence"
    ) -> str:
        made = self.post(
            "/datasources", json={"name": name, "connector": connector, "config": EXAMPLE_CONFIGS[connector]}
        )
        assert made.status_code == 201, made.text
        one = f"/datasources/{made.json()['id']}"
        auth = {"authConfig": {"type": CONNECTORS[connector].authentication, "token": "placeholder"}}
        assert self.put(f"{one}/auth", json=auth).json() == {"status": "AUTHENTICATED"}
        return one

    def upload(self, one: str, run: str, documents: list[dict[str, Any]]) -> httpx.Response:
        return self.post(f"{one}/uploads/{run}/documents", json={"documents": documents})

    def sync(self, one: str, run: str, *, incremental: bool = False) -> httpx.Response:
        return self.post(f"{one}/sync", json={"incremental": incremental, "uploadId": run})

    def load(self, one: str, run: str, documents: list[dict[str, Any]], *, incremental: bool = False) -> str:
        assert self.upload(one, run, documents).status_code == 200
        started = self.sync(one, run, incremental=incremental)
        assert started.status_code == 202, started.text
        return str(started.json()["job_id"])

    def search_document_ids(self, query: str, **narrowed: Any) -> list[str]:
        answer = self.post("/search", json={"query": query, "limit": 100, **narrowed})
        assert answer.status_code == 200, answer.text
        return sorted(hit["documentId"] for hit in answer.json()["results"])


def error_of(response: httpx.Response) -> tuple[int, str, list[str]]:
    """Status, code and the fields named."""
    error = response.json()["error"]
    assert error["message"]
    return response.status_code, error["code"], [detail["field"] for detail in error.get("details", [])]
