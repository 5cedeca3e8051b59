"""A plain client of the Indexing dialect, and bodies that Glean takes, to be spoiled one field at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from tests.support.servers.plain_http import NO_AUTHORITIES

if TYPE_CHECKING:
    from tests.support.sandbox.embedded import EmbeddedSandbox

NAME = "acmewiki"
SITE = "https://wiki.example.com/acme"


def config(**changes: Any) -> dict[str, Any]:
    return {
        "name": NAME,
        "displayName": "Acme's wiki",
        "datasourceCategory": "KNOWLEDGE_HUB",
        "urlRegex": r"https://wiki\.example\.com/acme/.*",
        "objectDefinitions": [
            {"name": "Page", "docCategory": "KNOWLEDGE_HUB"},
            {"name": "Space", "docCategory": "KNOWLEDGE_HUB"},
        ],
        "isTestDatasource": True,
        **changes,
    }


def document(number: int | str, text: str = "ordinary words", **changes: Any) -> dict[str, Any]:
    return {
        "datasource": NAME,
        "objectType": "Page",
        "id": f"p{number}",
        "title": f"Page {number}",
        "viewURL": f"{SITE}/{number}",
        "body": {"mimeType": "text/plain", "textContent": text},
        "permissions": {"allowAnonymousAccess": True},
        "updatedAt": 1_767_323_045,
        **changes,
    }


def without(body: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != field}


class IndexingClient(httpx.Client):
    """The client, and the few steps that most tests begin with."""

    def __init__(self, glean: EmbeddedSandbox, **options: Any) -> None:
        super().__init__(
            base_url=f"{glean.base_url}/api/index/v1",
            headers={"Authorization": f"Bearer {glean.token}"},
            timeout=30,
            verify=NO_AUTHORITIES,
            **options,
        )

    def call_operation(self, operation: str, **body: Any) -> httpx.Response:
        return self.post(f"/{operation}", json=body)

    def create_datasource(self, **changes: Any) -> None:
        made = self.call_operation("adddatasource", **config(**changes))
        assert (made.status_code, made.content) == (200, b""), made.text

    def send_page(
        self,
        upload: str,
        documents: list[dict[str, Any]],
        *,
        first: bool = False,
        last: bool = False,
        **flags: Any,
    ) -> httpx.Response:
        return self.call_operation(
            "bulkindexdocuments",
            uploadId=upload,
            datasource=NAME,
            documents=documents,
            isFirstPage=first,
            isLastPage=last,
            **flags,
        )

    def load(self, upload: str, documents: list[dict[str, Any]], **flags: Any) -> None:
        done = self.send_page(upload, documents, first=True, last=True, **flags)
        assert done.status_code == 200, done.text

    def status(self) -> dict[str, Any]:
        told = self.call_operation(f"debug/{NAME}/status")
        assert told.status_code == 200, told.text
        answer: dict[str, Any] = told.json()
        return answer

    def upload_states(self) -> dict[str, str]:
        """The processing state of every upload of documents."""
        history = self.status()["documents"]["bulkUploadHistory"]
        return {each["uploadId"]: each["processingState"] for each in history}

    def indexed(self) -> int:
        return sum(each["count"] for each in self.status()["documents"]["counts"]["indexed"])


def refusal_text(response: httpx.Response, status: int = 400) -> str:
    """The refusal's text, which is all that there is of it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    return response.text
