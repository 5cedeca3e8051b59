"""Glean's own client drives the sandbox through every operation, and holds every answer whole, refusals too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from glean.api_client import Glean, models
from glean.api_client.errors import GleanError

from tests.conformance.glean.conftest import CONFIG, DOCUMENT, NAME, USER
from tests.support.glean.admin_client import HandDrivenClock
from tests.support.glean.official_models import MODELS, Exchange, public_operations, validate_exchange
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.settings import DOCUMENTED_DELAYS
from tests.support.servers.plain_http import NO_AUTHORITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ENDED: Final = models.BulkUploadHistoryEventStatus.SUCCESSFUL
ROTATED: Final = "token-to-be-rotated"
SEARCHING: Final = "token-that-searches"
ACCESS: Final[Any] = {
    "datasource": NAME,
    "object_type": "Page",
    "doc_id": "single",
    "user_email": USER["email"],
}
NOBODY: Final = "nobody"


class RecordingClient(httpx.Client):
    """Keeps everything that goes through it."""

    def __init__(self) -> None:
        super().__init__(event_hooks={"response": [self._record]}, verify=NO_AUTHORITIES)
        self.exchanges: list[Exchange] = []

    def _record(self, response: httpx.Response) -> None:
        self.exchanges.append(
            Exchange(
                path=response.request.url.path,
                request=response.request.content,
                status=response.status_code,
                content_type=response.headers.get("content-type", ""),
                answer=response.read(),
            )
        )


@pytest.fixture
def recording_client() -> Iterator[RecordingClient]:
    with RecordingClient() as client:
        yield client


@pytest.fixture
def make_official_client(glean: EmbeddedSandbox, recording_client: RecordingClient) -> Callable[[str], Glean]:
    """The official client with a token of that secret."""
    glean.sandbox.tokens.add(ROTATED, rotation_minutes=60)
    glean.sandbox.tokens.add(SEARCHING, "client", person=USER["email"])
    return lambda secret: official_client(glean, secret, recording_client)


def official_client(glean: EmbeddedSandbox, secret: str, recording_client: RecordingClient) -> Glean:
    return Glean(
        api_token=secret,
        server_url=glean.base_url,
        client=recording_client,
        async_client=httpx.AsyncClient(verify=NO_AUTHORITIES),  # else it makes one that loads them
    )


@pytest.fixture
def client(glean: EmbeddedSandbox, make_official_client: Callable[[str], Glean]) -> Glean:
    return make_official_client(glean.token)


def test_every_operation_has_a_judge() -> None:
    names = [each.name for each in public_operations()]
    assert sorted(names) == sorted(MODELS)
    assert set(REFUSED) == set(MODELS)


def test_the_official_client_takes_a_datasource_through_every_operation(
    client: Glean,
    make_official_client: Callable[[str], Glean],
    glean: EmbeddedSandbox,
    recording_client: RecordingClient,
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
    assert ours.documents.debug(datasource=NAME, object_type="Page", doc_id="1").status is not None
    ours.datasource.status(datasource=NAME)
    ours.documents.bulk_index(upload_id="u1", datasource=NAME, documents=[], is_last_page=True)
    ours.documents.add_or_update(document=DOCUMENT | {"id": "single"})
    ours.documents.index(datasource=NAME, documents=[DOCUMENT | {"id": "several"}])
    ours.documents.process_all(request={"datasource": NAME})
    ours.documents.process_all()
    status = ours.datasource.status(datasource=NAME)
    assert status.documents is not None
    assert status.documents.counts is not None
    assert [each.count for each in status.documents.counts.indexed or []] == [3]
    asked = [models.DebugDocumentRequest(object_type="Page", doc_id=each) for each in ("single", "absent")]
    [seen, absent] = ours.documents.debug_many(datasource=NAME, debug_documents=asked).document_statuses or []
    assert (indexing(seen), indexing(absent)) == ("INDEXED", "NOT_INDEXED")
    assert ours.documents.check_access(**ACCESS).has_access
    found = make_official_client(SEARCHING).client.search.query(query="call", page_size=2)
    assert (len(found.results or []), found.has_more_results) == (2, True)

    ours.documents.delete(datasource=NAME, object_type="Page", id="single")
    assert not ours.documents.check_access(**ACCESS).has_access
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
    rotated = make_official_client(ROTATED).indexing.authentication.rotate_token()
    assert rotated.raw_secret is not None
    make_official_client(rotated.raw_secret).indexing.datasources.retrieve_config(datasource=NAME)

    for exchange in recording_client.exchanges:
        validate_exchange(exchange)
    assert {(each.operation, each.status) for each in recording_client.exchanges} == {
        (each, 200) for each in MODELS
    }


def test_the_official_client_knows_every_state_that_an_upload_is_in(
    tmp_path: Path, recording_client: RecordingClient
) -> None:
    clock = HandDrivenClock()
    with EmbeddedSandbox(tmp_path / "glean.sqlite", now=clock) as glean:
        glean.sandbox.set_switches(**DOCUMENTED_DELAYS, deletion_s=60, limits_rate=False)
        ours = official_client(glean, glean.token, recording_client).indexing

        def states() -> list[tuple[models.BulkUploadHistoryEventStatus, models.ProcessingState]]:
            told = ours.datasource.status(datasource=NAME).documents
            assert told is not None
            events = sorted(told.bulk_upload_history or [], key=lambda each: str(each.upload_id))
            return [
                (each.status, each.processing_state)
                for each in events
                if each.status and each.processing_state
            ]

        ours.datasources.add(**CONFIG)
        ours.permissions.bulk_index_users(upload_id="v1", datasource=NAME, users=[USER], is_first_page=True)
        page: Any = {"datasource": NAME, "is_first_page": True, "is_last_page": True}
        ours.documents.bulk_index(upload_id="u1", documents=[DOCUMENT, DOCUMENT | {"id": "2"}], **page)
        assert states() == [(ENDED, models.ProcessingState.UPLOAD_COMPLETED)]
        clock.advance(20 * 60)
        assert states() == [(ENDED, models.ProcessingState.INDEXING_COMPLETED)]
        ours.documents.bulk_index(upload_id="u2", documents=[DOCUMENT], **page)
        clock.advance(20 * 60)
        assert states()[1:] == [(ENDED, models.ProcessingState.DELETION_PAUSED)]
        ours.documents.bulk_index(upload_id="u3", datasource=NAME, documents=[], is_first_page=True)
        active = models.BulkUploadHistoryEventStatus.ACTIVE
        assert states()[2:] == [(active, models.ProcessingState.UPLOAD_IN_PROGRESS)]

    for exchange in recording_client.exchanges:
        validate_exchange(exchange)


def indexing(seen: models.DebugDocumentsResponseItem) -> str | None:
    assert seen.debug_info is not None
    assert seen.debug_info.status is not None
    return seen.debug_info.status.indexing_status


REFUSED: Final[dict[str, tuple[Callable[[Glean], object], str]]] = {
    "adddatasource": (lambda ask: ask.indexing.datasources.add(**CONFIG | {"name": "Jira"}), "name"),
    "getdatasourceconfig": (
        lambda ask: ask.indexing.datasources.retrieve_config(datasource=NOBODY),
        NOBODY,
    ),
    "betausers": (
        lambda ask: ask.indexing.permissions.authorize_beta_users(datasource=NOBODY, emails=["a@b.c"]),
        NOBODY,
    ),
    "bulkindexdocuments": (
        lambda ask: ask.indexing.documents.bulk_index(upload_id="u", datasource=NAME, documents=[DOCUMENT]),
        "uploadId",
    ),
    "bulkindexusers": (
        lambda ask: ask.indexing.permissions.bulk_index_users(upload_id="u", datasource=NAME, users=[USER]),
        "uploadId",
    ),
    "indexuser": (lambda ask: ask.indexing.permissions.index_user(datasource=NOBODY, user=USER), NOBODY),
    "deleteuser": (
        lambda ask: ask.indexing.permissions.delete_user(datasource=NOBODY, email="a@b.c"),
        NOBODY,
    ),
    "indexdocument": (
        lambda ask: ask.indexing.documents.add_or_update(document=DOCUMENT | {"object_type": "Wiki_Page"}),
        "objectType",
    ),
    "indexdocuments": (
        lambda ask: ask.indexing.documents.index(datasource=NAME, documents=[DOCUMENT | {"id": "x" * 201}]),
        "id",
    ),
    "deletedocument": (
        lambda ask: ask.indexing.documents.delete(datasource=NOBODY, object_type="Page", id="1"),
        NOBODY,
    ),
    "processalldocuments": (
        lambda ask: ask.indexing.documents.process_all(request={"datasource": NOBODY}),
        NOBODY,
    ),
    "debug.status": (lambda ask: ask.indexing.datasource.status(datasource=NOBODY), NOBODY),
    "debug.documents": (
        lambda ask: ask.indexing.documents.debug_many(datasource=NOBODY, debug_documents=[]),
        NOBODY,
    ),
    "debug.document": (
        lambda ask: ask.indexing.documents.debug(datasource=NOBODY, object_type="Page", doc_id="1"),
        NOBODY,
    ),
    "checkdocumentaccess": (
        lambda ask: ask.indexing.documents.check_access(**ACCESS | {"datasource": NOBODY}),
        NOBODY,
    ),
    "rotatetoken": (lambda ask: ask.indexing.authentication.rotate_token(), "rotated"),
    "search": (lambda ask: ask.client.search.query(query="call", cursor="further"), "cursor"),
}


@pytest.mark.parametrize("operation", REFUSED)
def test_the_official_client_is_told_in_plain_text_what_is_refused(
    client: Glean, recording_client: RecordingClient, operation: str
) -> None:
    client.indexing.datasources.add(**CONFIG)
    client.indexing.permissions.index_user(datasource=NAME, user=USER)
    ask, named = REFUSED[operation]
    with pytest.raises(GleanError) as refused:
        ask(client)
    assert (refused.value.status_code, recording_client.exchanges[-1].operation) == (400, operation)
    assert named in refused.value.body
    validate_exchange(recording_client.exchanges[-1])


@pytest.mark.parametrize("operation", REFUSED)
def test_the_official_client_is_told_that_a_token_will_not_do(
    make_official_client: Callable[[str], Glean], recording_client: RecordingClient, operation: str
) -> None:
    with pytest.raises(GleanError) as refused:
        REFUSED[operation][0](make_official_client("wrong"))
    assert (refused.value.status_code, recording_client.exchanges[-1].operation) == (401, operation)
    validate_exchange(recording_client.exchanges[-1])


def test_the_official_client_is_told_of_a_second_upload_of_too_large_a_page_and_of_too_many_requests(
    client: Glean, recording_client: RecordingClient
) -> None:
    ours = client.indexing
    ours.datasources.add(**CONFIG)
    ours.permissions.index_user(datasource=NAME, user=USER)
    ours.documents.bulk_index(upload_id="u1", datasource=NAME, documents=[DOCUMENT], is_first_page=True)
    ours.documents.process_all(request={"datasource": NAME})
    large: Any = DOCUMENT | {"body": {"mime_type": "text/plain", "text_content": "x" * 5_300_000}}
    page: Any = {"upload_id": "u2", "datasource": NAME, "is_first_page": True}
    asked: list[tuple[int, Callable[[], object]]] = [
        (409, lambda: ours.documents.bulk_index(**page, documents=[])),
        (413, lambda: ours.documents.bulk_index(**page, documents=[DOCUMENT] * 1001)),
        (413, lambda: ours.documents.bulk_index(**page, documents=[large])),
        (429, lambda: ours.documents.process_all(request={"datasource": NAME})),
    ]
    for status, ask in asked:
        with pytest.raises(GleanError) as refused:
            ask()
        assert refused.value.status_code == status
        validate_exchange(recording_client.exchanges[-1])


@pytest.mark.filterwarnings("ignore:.*DEPRECATED:DeprecationWarning")
@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda ours: ours.documents.count(datasource=NAME), id="getdocumentcount"),
        pytest.param(
            lambda ours: ours.documents.status(datasource=NAME, object_type="Page", doc_id="1"),
            id="getdocumentstatus",
        ),
        pytest.param(lambda ours: ours.people.count(datasource=NAME), id="getusercount"),
    ],
)
def test_what_glean_has_removed_is_not_there(client: Glean, ask: Callable[[Any], object]) -> None:
    with pytest.raises(GleanError, match="404"):
        ask(client.indexing)
