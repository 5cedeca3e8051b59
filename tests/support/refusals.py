"""Refusals of tools, read from every place where clients look for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mcp_types import TextContent

if TYPE_CHECKING:
    from mcp_types import CallToolResult


def read_texts(result: CallToolResult) -> list[str]:
    """The texts of a result, which has nothing else."""
    texts = [each.text for each in result.content if isinstance(each, TextContent)]
    assert len(texts) == len(result.content)
    return texts


def read_refusal(result: CallToolResult) -> dict[str, Any]:
    """The error object of a refusal: the same one in `_meta` and in the second text, after a plain sentence."""
    assert result.is_error, result.content
    assert result.structured_content is None
    assert result.meta is not None
    error: dict[str, Any] = result.meta["dataset-lifecycle/error"]
    sentence, document = read_texts(result)
    assert sentence.startswith(error["message"])
    assert json.loads(document) == {"error": error}
    return dict(error)
