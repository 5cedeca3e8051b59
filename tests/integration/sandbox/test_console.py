from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.content.hostile_text import HOSTILE, unprintable_output
from tests.support.glean.admin_client import AdminClient, HandDrivenClock, document
from tests.support.servers.plain_http import NO_AUTHORITIES, fetch

if TYPE_CHECKING:
    from tests.support.sandbox.embedded import EmbeddedSandbox

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
