"""The Client API's answers, in whatever form they come, and who is searched as."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import PlatformDeniedError, PlatformUnavailableError, SettingsError
from domain.ports.platform import SearchHit
from server.adapters.clock import SystemClock
from server.adapters.glean.indexing.dataset_types import OBJECT_TYPES
from server.adapters.glean.indexing.platform import IndexingPlatform
from server.adapters.glean.search.client import ACT_AS, ClientSearch, pushed_id
from tests.support.glean.datasources import NAME, serve_run, staged_line, without_pace
from tests.support.glean.searching_client import searchable_platform
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sandbox.embedded import EmbeddedSandbox

DATASOURCE = "acmewiki7k2m"
SECRET = "client-token"


def client(base_url: str = "http://127.0.0.1:9", token: str = SECRET, **given: Any) -> ClientSearch:
    return ClientSearch(
        base_url,
        lambda: token,
        clock=SystemClock(),
        limiter=without_pace(),
        object_types=OBJECT_TYPES,
        **{"waits": 0.001, **given},
    )


@pytest.fixture
def answer_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[httpx.Request]]:
    """Have every request answered with that JSON; gives the requests."""

    def answer(payload: Any) -> list[httpx.Request]:  # noqa: ANN401 - any JSON
        requests: list[httpx.Request] = []

        async def send(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
            requests.append(request)
            return httpx.Response(200, stream=httpx.ByteStream(json.dumps(payload).encode()), request=request)

        monkeypatch.setattr(httpx.AsyncClient, "send", send)
        return requests

    return answer


@pytest.mark.parametrize(
    ("found", "pushed"),
    [
        ("CUSTOM_ACMEWIKI7K2M_Page_1001", "1001"),
        ("CUSTOM_ACMEWIKI7K2M_1001", "1001"),
        ("acmewiki7k2m_page_1001", "1001"),
        ("acmewiki7k2m_Issue_PAY-1", "PAY-1"),
        ("CUSTOM_ACMEWIKI7K2M_Repository_mock-org/billing_api", "mock-org/billing_api"),
        ("1001", "1001"),
        ("CUSTOM_OTHER_Page_1001", "CUSTOM_OTHER_Page_1001"),
        ("CUSTOM_ACMEWIKI7K2M_", "CUSTOM_ACMEWIKI7K2M_"),
        ("", ""),
    ],
)
def test_the_id_that_was_pushed_is_read_from_whatever_form_it_is_told_in(found: str, pushed: str) -> None:
    assert pushed_id(found, DATASOURCE, OBJECT_TYPES) == pushed


@given(
    kind=st.sampled_from(OBJECT_TYPES),
    pushed=st.text(st.characters(categories=["L", "N"], include_characters="/-._:"), min_size=1),
)
def test_every_id_comes_back_from_the_form_with_its_type(kind: str, pushed: str) -> None:
    assert pushed_id(f"CUSTOM_{DATASOURCE.upper()}_{kind}_{pushed}", DATASOURCE, OBJECT_TYPES) == pushed


def test_without_a_datasource_an_id_is_left_as_it_is() -> None:
    assert pushed_id("_Page_1", "", OBJECT_TYPES) == "_Page_1"


async def test_what_an_answer_leaves_out_is_taken_from_where_else_it_may_stand(
    answer_with: Callable[[Any], list[httpx.Request]],
) -> None:
    answer_with(
        {
            "results": [
                {"url": "u1", "title": "One", "document": {"id": "CUSTOM_ACMEWIKI7K2M_Page_1"}},
                {
                    "url": "u2",
                    "document": {
                        "title": "Two",
                        "metadata": {
                            "datasource": "CUSTOM_ACMEWIKI7K2M",
                            "documentId": "acmewiki7k2m_Page_2",
                        },
                    },
                },
                {"url": "u3", "document": {"id": None, "datasource": DATASOURCE.upper(), "url": "u4"}},
                {"url": "u5", "document": {"id": "x", "datasource": "confluence"}},
                {"url": "u6", "structuredResults": [{"person": {}}]},
            ],
            "trackingToken": "t",
            "experimentIds": [1],
        }
    )
    async with client() as search:
        found = await search.search("q", datasource=DATASOURCE, limit=9)
    assert found == [
        SearchHit(datasource="", document_id="CUSTOM_ACMEWIKI7K2M_Page_1", title="One", url="u1"),
        SearchHit(datasource=DATASOURCE, document_id="2", title="Two", url="u2"),
        SearchHit(datasource=DATASOURCE, document_id="", title="", url="u4"),
    ]


async def test_more_results_than_were_asked_for_are_cut(
    answer_with: Callable[[Any], list[httpx.Request]],
) -> None:
    answer_with({"results": [{"url": "u", "document": {"id": str(each)}} for each in range(20)]})
    async with client() as search:
        assert [each.document_id for each in await search.search("q", datasource=None, limit=3)] == [
            "0",
            "1",
            "2",
        ]


@pytest.mark.parametrize("payload", [{}, {"results": None}, {"results": []}])
async def test_an_answer_without_results_is_none(
    answer_with: Callable[[Any], list[httpx.Request]], payload: dict[str, Any]
) -> None:
    answer_with(payload)
    async with client() as search:
        assert await search.search("q", datasource=None, limit=3) == []


@pytest.mark.parametrize(
    "payload", [[], "found", {"results": "many"}, {"results": [{"document": {"id": 5}}]}, {"results": [1]}]
)
async def test_an_answer_of_another_shape_is_no_answer(
    answer_with: Callable[[Any], list[httpx.Request]], payload: object
) -> None:
    requests = answer_with(payload)
    async with client() as search:
        with pytest.raises(PlatformUnavailableError, match="sent an unexpected response"):
            await search.search("q", datasource=None, limit=3)
    assert len(requests) == 4


@pytest.mark.parametrize("act_as", [None, "ada@example.com"])
async def test_a_person_is_named_only_when_there_is_one_to_act_as(
    answer_with: Callable[[Any], list[httpx.Request]], act_as: str | None
) -> None:
    requests = answer_with({})
    async with client("https://acme-be.glean.com/", act_as=act_as) as search:
        await search.search("Who?", datasource=DATASOURCE, limit=3)
        await search.search("Who?", datasource=None, limit=3)
    assert [each.headers.get(ACT_AS) for each in requests] == [act_as, act_as]
    assert {str(each.url) for each in requests} == {"https://acme-be.glean.com/rest/api/v1/search"}
    assert {each.headers["Authorization"] for each in requests} == {"Bearer client-token"}
    asked = {"query": "Who?", "pageSize": 3}
    options = {"facetBucketSize": 1, "responseHints": ["RESULTS"]}
    assert [json.loads(each.content) for each in requests] == [
        {**asked, "requestOptions": {**options, "datasourcesFilter": [DATASOURCE]}},
        {**asked, "requestOptions": options},
    ]


async def test_a_token_that_will_not_do_is_told_without_what_the_other_side_says(
    glean: EmbeddedSandbox,
) -> None:
    async with client(glean.base_url, "wrong") as search:
        with pytest.raises(PlatformDeniedError) as denied:
            await search.search("ledger", datasource=None, limit=3)
    assert "it answered 401" in denied.value.message
    async with client(glean.base_url, "") as search:
        with pytest.raises(PlatformDeniedError, match="key is empty"):
            await search.search("ledger", datasource=None, limit=3)


async def test_a_search_that_fails_once_is_tried_again(glean: EmbeddedSandbox) -> None:
    glean.sandbox.faults.add(Fault(kind="status", operation="search", status=503, times=2))
    async with client(glean.base_url, glean.token) as search:
        assert await search.search("ledger", datasource=None, limit=3) == []
    assert glean.sandbox.faults.fired_count() == 2


def test_an_address_that_cannot_be_used_is_refused_at_once() -> None:
    with pytest.raises(SettingsError):
        client("http://acme-be.glean.com")


async def test_what_only_a_search_still_finds_is_not_gone(
    glean: EmbeddedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> bool:
        return False

    lines = [staged_line(number) for number in range(3)]
    async with searchable_platform(glean) as platform:
        handle = await serve_run(platform, "run-1", lines)
        monkeypatch.setattr(IndexingPlatform, "is_still_served", nothing)
        assert await platform.is_still_served(handle, NAME, lines)
        assert not await platform.is_still_served(handle, "Another", lines)
        for refused in (400, 401, 403):
            glean.sandbox.faults.clear()
            glean.sandbox.faults.add(Fault(kind="status", operation="search", status=refused, times=None))
            assert not await platform.is_still_served(handle, NAME, lines)
        glean.sandbox.faults.clear()
        glean.sandbox.faults.add(Fault(kind="status", operation="search", status=503, times=None))
        with pytest.raises(PlatformUnavailableError):
            await platform.is_still_served(handle, NAME, lines)
