"""A sandbox for judges from outside, and bodies in the words of Glean's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from tests.support.glean.official_models import Exchange, validate_exchange
from tests.support.sandbox.embedded import EmbeddedSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME: Final = "acmewiki"
USER: Final[Any] = {"email": "ada@example.com", "name": "Ada"}
CONFIG: Final[dict[str, Any]] = {
    "name": NAME,
    "display_name": "Acme's wiki",
    "datasource_category": "KNOWLEDGE_HUB",
    "url_regex": r"https://wiki\.example\.com/.*",
    "object_definitions": [{"name": "Page", "doc_category": "KNOWLEDGE_HUB"}],
    "is_test_datasource": True,
}
DOCUMENT: Final[Any] = {
    "datasource": NAME,
    "object_type": "Page",
    "id": "1",
    "title": "On call",
    "view_url": "https://wiki.example.com/1",
    "body": {"mime_type": "text/plain", "text_content": "Who answers first."},
    "permissions": {"allowed_users": [{"email": "ada@example.com"}]},
    "updated_at": 1_767_323_045,
}


@pytest.fixture
def glean(tmp_path: Path) -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox(tmp_path / "glean.sqlite") as running:
        running.sandbox.set_switches(limits_rate=False)
        running.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
        yield running


@pytest.fixture
def recorded_exchanges(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Exchange]]:
    """Everything that is sent from here on; in the end each exchange is judged."""
    exchanges: list[Exchange] = []
    send = httpx.AsyncClient.send

    async def heard(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        path, content = request.url.path, await request.aread()
        try:
            response = await send(self, request, **options)
        except httpx.TransportError:
            exchanges.append(Exchange(path, content, status=0, content_type="", answer=b""))
            raise
        body = await response.aread()
        kind = response.headers.get("content-type", "")
        exchanges.append(Exchange(path, content, response.status_code, kind, body))
        response.aiter_raw = _single_chunk_stream(body)  # type: ignore[method-assign]
        return response

    monkeypatch.setattr(httpx.AsyncClient, "send", heard)
    yield exchanges
    for each in exchanges:
        validate_exchange(each)


def _single_chunk_stream(body: bytes) -> Any:  # noqa: ANN401 - takes the place of a method of httpx
    async def chunks(chunk_size: int | None = None) -> Any:  # noqa: ANN401 - the same
        if body:
            yield body

    return chunks
