"""Glean's own client as a judge: it drives the sandbox, and its models read what our adapter sends.

It is generated from Glean's OpenAPI files (`glean-api-client`, https://github.com/gleanwork/api-client-python). Its
models pass over what they do not know, so whatever they read is written again and compared with what was there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from glean.api_client import Glean, models
from glean.api_client.errors import GleanError

from domain.records import DatasetQuery
from domain.vocabulary import DatasetType
from server.adapters.glean.indexing import IndexingGlean
from tests.judges.conftest import CONFIG, DOCUMENT, NAME, USER
from tests.world import ALL, world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server.sandbox.serve import EmbeddedSandbox

REQUESTS = {
    "adddatasource": models.CustomDatasourceConfig,
    "getdatasourceconfig": models.GetDatasourceConfigRequest,
    "bulkindexdocuments": models.BulkIndexDocumentsRequest,
    "bulkindexusers": models.BulkIndexUsersRequest,
    "indexuser": models.IndexUserRequest,
    "documents": models.DebugDocumentsRequest,
}
ANSWERS = {
    "getdatasourceconfig": models.CustomDatasourceConfig,
    "status": models.DebugDatasourceStatusResponse,
    "documents": models.DebugDocumentsResponse,
    "document": models.DebugDocumentResponse,
    "checkdocumentaccess": models.CheckDocumentAccessResponse,
}


def reads(model: type[Any], raw: bytes) -> None:
    """The model reads it whole: nothing dropped, nothing changed, nothing filled in."""
    body = json.loads(raw)
    read = model.model_validate(body)
    assert read.model_dump(by_alias=True, mode="json", exclude_unset=True) == body


@pytest.fixture
def client(glean: EmbeddedSandbox) -> Iterator[Glean]:
    with Glean(api_token=glean.token, server_url=glean.base_url) as opened:
        yield opened


def test_the_official_client_takes_a_datasource_from_its_making_to_its_emptying(
    client: Glean, glean: EmbeddedSandbox
) -> None:
    ours = client.indexing
    ours.datasources.add(**CONFIG)
    told = ours.datasources.retrieve_config(datasource=NAME)
    assert (told.name, told.is_test_datasource) == (f"CUSTOM_{NAME.upper()}", True)
    ours.permissions.index_user(datasource=NAME, user=USER)
    ours.permissions.bulk_index_users(
        upload_id="v1", datasource=NAME, users=[USER], is_first_page=True, is_last_page=True
    )
    ours.permissions.authorize_beta_users(datasource=NAME, emails=[USER["email"]])
    ours.documents.bulk_index(upload_id="u1", datasource=NAME, documents=[DOCUMENT], is_first_page=True)
    with pytest.raises(GleanError, match="409"):
        ours.documents.bulk_index(upload_id="u2", datasource=NAME, documents=[], is_first_page=True)
    ours.documents.bulk_index(upload_id="u1", datasource=NAME, documents=[], is_last_page=True)
    ours.documents.add_or_update(document=DOCUMENT | {"id": "single"})
    ours.documents.index(datasource=NAME, documents=[DOCUMENT | {"id": "several"}])
    ours.documents.process_all(request={"datasource": NAME})
    status = ours.datasource.status(datasource=NAME)
    assert status.documents is not None
    assert status.documents.counts is not None
    assert [each.count for each in status.documents.counts.indexed or []] == [3]
    [seen] = (
        ours.documents.debug_many(
            datasource=NAME,
            debug_documents=[models.DebugDocumentRequest(object_type="Page", doc_id="single")],
        ).document_statuses
        or []
    )
    assert seen.debug_info is not None
    assert seen.debug_info.status is not None
    assert seen.debug_info.status.indexing_status == "INDEXED"
    access: Any = {"datasource": NAME, "object_type": "Page", "doc_id": "single", "user_email": USER["email"]}
    assert ours.documents.check_access(**access).has_access
    ours.documents.delete(datasource=NAME, object_type="Page", id="single")
    assert not ours.documents.check_access(**access).has_access
    ours.permissions.delete_user(datasource=NAME, email=USER["email"])
    ours.documents.bulk_index(
        upload_id="u3",
        datasource=NAME,
        documents=[],
        is_first_page=True,
        is_last_page=True,
        force_restart_upload=True,
        disable_stale_document_deletion_check=True,
    )
    assert glean.sandbox.documents(NAME) == []
    assert {status for (_, status) in glean.sandbox.requests()} == {200, 409}


@pytest.mark.parametrize("token", ["wrong", "a-client-token"])
def test_the_official_client_is_told_that_a_token_will_not_do(glean: EmbeddedSandbox, token: str) -> None:
    with (
        Glean(api_token=token, server_url=glean.base_url) as client,
        pytest.raises(GleanError, match="401"),
    ):
        client.indexing.datasources.retrieve_config(datasource=NAME)


async def test_everything_that_our_adapter_sends_and_is_answered_is_what_the_official_models_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, bytes, bytes]] = []
    send = httpx.AsyncClient.send

    async def recorded(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        response = await send(self, request, **options)
        operation = request.url.path.rpartition("/")[2]
        body = await response.aread() if response.status_code == httpx.codes.OK else b""
        sent.append((operation, request.content, body))
        response.aiter_raw = _once(body)  # type: ignore[method-assign]
        return response

    monkeypatch.setattr(httpx.AsyncClient, "send", recorded)
    async with world(tmp_path, records=12, dialect=IndexingGlean) as place, place.process() as process:
        await process.arrive()
        for each in DatasetType:
            await process.provision(dataset_type=each)
        await process.complete()
        for dataset in await process.services.datasets.list(DatasetQuery(), ALL):
            await process.tear_down(dataset)

    assert {operation for operation, _, _ in sent} == REQUESTS.keys() - {"indexuser"} | {"status"}
    for operation, body, answer in sent:
        if operation in REQUESTS:
            reads(REQUESTS[operation], body)
        if operation in ANSWERS and answer:
            reads(ANSWERS[operation], answer)


def _once(body: bytes) -> Any:  # noqa: ANN401 - takes the place of a method of httpx
    async def chunks(chunk_size: int | None = None) -> Any:  # noqa: ANN401 - the same
        if body:
            yield body

    return chunks
