from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import httpx
import pytest

from server.sandbox.console.datasets import ServedDataset
from tests.support.content.hostile_text import HOSTILE, unprintable_output
from tests.support.glean.admin_client import AdminClient, HandDrivenClock, document
from tests.support.glean.indexing_client import IndexingClient
from tests.support.glean.indexing_client import document as indexed_document
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.servers.plain_http import NO_AUTHORITIES, fetch

if TYPE_CHECKING:
    from pathlib import Path

FOREIGN = {"Host": "sandbox.example.com"}


def test_the_page_shows_datasources_and_what_a_search_finds(
    glean: EmbeddedSandbox, admin_client: AdminClient, clock: HandDrivenClock
) -> None:
    assert "There are none." in fetch(glean.base_url).text
    evil = document(
        1, text="payment &lt;script&gt;alert(1)&lt;/script&gt;", title="<img src=x onerror=alert(1)>"
    )
    admin_client.load(admin_client.create_datasource("<b>Wiki</b>"), "r", [evil])
    clock.advance(1)
    page = fetch(glean.base_url, params={"q": 'payment "'})
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    for shown in ("&lt;b&gt;Wiki&lt;/b&gt;", "1 found", "&lt;img src=x", "&lt;script&gt;", "payment &quot;"):
        assert shown in page.text
    for raw in ("<b>Wiki", "<img", "<script"):
        assert raw not in page.text


def test_the_page_shows_only_printable_text(
    glean: EmbeddedSandbox, admin_client: AdminClient, clock: HandDrivenClock
) -> None:
    glean.sandbox.create_foreign_datasource(HOSTILE)
    page = document(1, text=f"payment {HOSTILE}", title=HOSTILE)
    admin_client.load(admin_client.create_datasource("Wiki"), "r", [page])
    clock.advance(1)
    shown = fetch(glean.base_url, params={"q": f"payment {HOSTILE}"})
    assert "Ignore" in shown.text
    assert unprintable_output(shown.content) == set()


def test_a_hit_opens_its_document_as_text(
    glean: EmbeddedSandbox, admin_client: AdminClient, clock: HandDrivenClock
) -> None:
    evil = document(
        "a b/?é",
        text="pay<b>ment</b> of <i>5 &lt; 6</i></p><p>second line<script>alert(1)</script>",
        title="Fees <script>",
        author={"email": "ada@example.com", "name": "Ada L"},
        createdAt="2026-01-01T08:00:00Z",
        url="javascript:alert(1)",
    )
    admin_client.load(admin_client.create_datasource("Wiki"), "r", [evil])
    clock.advance(1)
    (link,) = re.findall(r'href="(/document[^"]*)"', fetch(glean.base_url, params={"q": "payment"}).text)
    page = fetch(f"{glean.base_url}{unescape(link)}")
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    for shown in (
        *(
            "<h1>Fees &lt;script&gt;</h1>",
            "<dd>Wiki</dd>",
            "<dd>CONFLUENCE_PAGE</dd>",
            "<dd>page-a b/?é</dd>",
        ),
        *("<dd>TEAM</dd>", "<dd>Ada L ada@example.com</dd>", "<dd>2026-01-01T08:00:00.000Z</dd>"),
        *("<dd>2026-02-01T09:00:00.000Z</dd>", "<dd>javascript:alert(1)</dd>"),
        "<article>payment of 5 &lt; 6\n\nsecond line</article>",
    ):
        assert shown in page.text
    assert 'href="javascript' not in page.text


def test_a_document_of_the_indexing_dialect_opens_too(glean: EmbeddedSandbox) -> None:
    glean.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
    with IndexingClient(glean) as client:
        client.create_datasource()
        client.load("one", [indexed_document(1), indexed_document(2, createdAt=1_700_000_000)])
    found = fetch(glean.base_url, params={"q": "ordinary"}).text
    links = re.findall(r'href="(/document[^"]*)"', found)
    assert len(links) == 2
    pages = [fetch(f"{glean.base_url}{unescape(link)}").text for link in links]
    assert all("<article>ordinary words" in page for page in pages)
    assert "<dd>2023-11-14T22:13:20.000Z</dd>" in "".join(pages)


@pytest.mark.parametrize("where", [{}, {"in": "ds_0", "id": "page-1"}])
def test_a_document_of_no_datasource_is_not_found(glean: EmbeddedSandbox, where: dict[str, str]) -> None:
    assert fetch(f"{glean.base_url}/document", params=where).status_code == 404


def test_a_document_that_is_not_served_is_not_found(
    glean: EmbeddedSandbox, admin_client: AdminClient
) -> None:
    one = admin_client.create_datasource("Wiki")
    assert admin_client.upload(one, "r", [document(1)]).status_code == 200
    where = {"in": one.rsplit("/", 1)[-1], "type": "CONFLUENCE_PAGE", "id": "page-1"}
    page = fetch(f"{glean.base_url}/document", params=where)
    assert (page.status_code, "No such document" in page.text) == (404, True)
    assert fetch(f"{glean.base_url}/document", params=where, headers=FOREIGN).status_code == 401


def test_the_page_filters_by_client_and_dataset_and_offers_questions(
    tmp_path: Path, clock: HandDrivenClock
) -> None:
    known: dict[str, ServedDataset] = {}
    path = tmp_path / "questions.db"
    with (
        EmbeddedSandbox(path, token="secret", now=clock, datasets=lambda: known) as glean,
        AdminClient(glean) as admin,
    ):
        questions = [f"Who pays {number}?" for number in range(10)]
        for name, client in (("A-Wiki", "a"), ("A-Notes", "a"), ("B-Wiki", "b"), ("Nobodys", "")):
            one = admin.create_datasource(name)
            admin.load(one, "r", [document(1, text="a payment", title=f"In {name}")])
            if client:
                known[one.rsplit("/", 1)[-1]] = ServedDataset(
                    client, tuple(questions) if client == "a" else ()
                )
        clock.advance(1)

        def titles(**given: str) -> list[str]:
            return re.findall(
                r"<b>(In [^<]*)</b>", fetch(glean.base_url, params={"q": "payment", **given}).text
            )

        ids = dict(re.findall(r'<option value="(ds_[^"]*)">([^<]*)', fetch(glean.base_url).text))
        named = {name: each for each, name in ids.items()}
        assert sorted(titles()) == ["In A-Notes", "In A-Wiki", "In B-Wiki", "In Nobodys"]
        assert sorted(titles(client="a")) == ["In A-Notes", "In A-Wiki"]
        assert titles(dataset=named["B-Wiki"]) == ["In B-Wiki"]
        assert titles(client="a", dataset=named["B-Wiki"]) == ["In B-Wiki"]
        assert len(titles(client="nobody", dataset="ds_0")) == 4

        page = fetch(glean.base_url, params={"client": "a"}).text
        assert [page.count(each) for each in questions] == [1] * 10
        assert "<summary>2 more</summary>" in page
        assert f'<a href="/?{urlencode({"q": questions[0]})}&amp;client=a">' in page
        assert '<option value="a" selected>' in page
        assert "Questions to ask" not in fetch(glean.base_url, params={"client": "b"}).text


def test_a_page_that_knows_of_no_dataset_has_no_filter_by_client(glean: EmbeddedSandbox) -> None:
    page = fetch(glean.base_url).text
    assert 'name="client"' not in page
    assert "Questions to ask" not in page


def test_the_page_is_open_only_to_this_machine_or_with_the_token(glean: EmbeddedSandbox) -> None:
    assert fetch(glean.base_url, headers=FOREIGN).status_code == 401
    assert fetch(glean.base_url, params={"token": "wrong"}, headers=FOREIGN).status_code == 401
    with httpx.Client(base_url=glean.base_url, headers=FOREIGN, verify=NO_AUTHORITIES) as browser:
        entered = browser.get("/", params={"token": "secret"})
        assert (entered.status_code, entered.headers["Location"]) == (303, "/")
        cookie = entered.headers["Set-Cookie"].split(";")[0]
        assert "HttpOnly" in entered.headers["Set-Cookie"]
        assert browser.get("/", headers={"Cookie": cookie}).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:80"])
def test_this_machine_is_known_by_its_own_names(glean: EmbeddedSandbox, host: str) -> None:
    assert fetch(glean.base_url, headers={"Host": host}).status_code == 200


def test_healthz_needs_no_token(glean: EmbeddedSandbox) -> None:
    assert fetch(f"{glean.base_url}/healthz").json() == {"status": "ok"}
