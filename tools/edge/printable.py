"""What the SDK itself says of names that it does not know: it repeats them, so it is made printable here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from mcp import MCPError
from mcp_types import INTERNAL_ERROR
from pydantic import ValidationError

from domain.model import printable, printable_json

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

_log: Final = logging.getLogger(__name__)


class PrintableMiddleware:
    """Middleware around every request, which makes the errors of the SDK printable. Those of the tools are already."""

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Answer the request."""
        try:
            result = await call_next(ctx)
        except MCPError as error:
            raise MCPError(error.code, printable(error.message), printable_json(error.data)) from error
        except ValidationError:  # the SDK says that the request's parameters are invalid, and nothing more
            raise
        except Exception as error:
            # To a client of an earlier protocol the SDK would send the exception's own words.
            _log.exception("A request failed by a fault of this program.")
            raise MCPError(INTERNAL_ERROR, "Internal server error") from error
        if isinstance(result, dict) and result.get("isError"):
            return {**result, "content": [_printable_block(each) for each in result["content"]]}
        return result


def _printable_block(block: dict[str, Any]) -> dict[str, Any]:
    # It is not cut: a refusal is of texts that were cut before, and JSON of them.
    return {**block, "text": printable(block["text"], len(block["text"]))}
