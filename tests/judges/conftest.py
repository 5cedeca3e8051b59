"""A sandbox for judges from outside, and bodies in the words of Glean's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from server.sandbox.serve import EmbeddedSandbox

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
        running.sandbox.turn(limits_rate=False)
        running.sandbox.set_rate(1e9, minimum_seconds=0)
        yield running
