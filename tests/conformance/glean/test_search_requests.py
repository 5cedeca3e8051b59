"""What our adapter asks of the Client API, and is answered, is what the official models hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
from glean.api_client import models

from domain.model.connector import OwnerTag
from server.adapters.glean.indexing.names import datasource_of
from server.adapters.glean.search.client import ACT_AS
from tests.support.glean.datasources import MARK, NAME, datasource_spec, serve_run, staged_line
from tests.support.glean.official_models import Exchange, validate_exchange
from tests.support.glean.searching_client import searchable_platform

if TYPE_CHECKING:
    import pytest

    from tests.support.sandbox.embedded import EmbeddedSandbox

ADA = "ada@example.com"


async def test_every_search_of_ours_is_in_the_official_clients_words(
    glean: EmbeddedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    glean.sandbox.tokens.add("token-that-searches", "client")
    heard: list[tuple[httpx.Request, Exchange]] = []
    send = httpx.AsyncClient.send

    async def record_response(
        self: httpx.AsyncClient, request: httpx.Request, **options: Any
    ) -> httpx.Response:
        response = await send(self, request, **options)
        if request.url.path.startswith("/rest/"):
            content = await response.aread()
            kind = response.headers.get("content-type", "")
            exchange = Exchange(request.url.path, request.content, response.status_code, kind, content)
            heard.append((request, exchange))
            response.aiter_raw = _once(content)  # type: ignore[method-assign]
        return response

    monkeypatch.setattr(httpx.AsyncClient, "send", record_response)
    async with searchable_platform(glean, client_token=lambda: "token-that-searches", act_as=ADA) as platform:
        await serve_run(platform, "run-1", [staged_line(number) for number in range(5)])
        another = OwnerTag(installation=MARK.installation, dataset_id="another")
        await platform.ensure(datasource_spec("Another", another))
        assert len(await platform.search("ledger")) == 5
        assert len(await platform.search("ledger", name=NAME, limit=2)) == 2
        [first, second] = await platform.search_each(
            ["Why was the ledger late?", "nothing"], name=NAME, limit=3, seconds=5
        )
        assert (len(first), second) == (3, [])
    assert len(heard) == 4
    for request, exchange in heard:
        validate_exchange(exchange)
        assert request.headers[ACT_AS] == ADA
        read = models.SearchRequest.model_validate(json.loads(request.content))
        assert read.request_options is not None
        named = read.request_options.datasources_filter
        assert named in (None, [datasource_of(NAME)])


def _once(body: bytes) -> Any:  # noqa: ANN401 - takes the place of a method of httpx
    async def chunks(chunk_size: int | None = None) -> Any:  # noqa: ANN401 - the same
        yield body

    return chunks
