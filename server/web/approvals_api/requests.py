"""Requests of the approvals API: read their JSON bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from domain.errors import InvalidArgumentError
from server.web.approvals_api.answers import BodyTooLargeError, NotJsonError
from tools.edge.errors import invalid_arguments_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    from starlette.requests import Request

    M = TypeVar("M", bound="Form")

LONGEST_BODY: Final = 64 << 10
_JSON: Final = "application/json"


class Form(BaseModel):
    """A form with strict types and no further fields."""

    model_config = ConfigDict(strict=True, extra="forbid")


async def read_json_body(request: Request) -> Mapping[str, Any]:
    """Read the JSON object in a request's body. Raises NotJsonError, BodyTooLargeError or InvalidArgumentError."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != _JSON:
        raise NotJsonError("The body is not declared as JSON.")
    whole = bytearray()
    async for chunk in request.stream():
        whole += chunk
        if len(whole) > LONGEST_BODY:
            raise BodyTooLargeError(f"The body is longer than {LONGEST_BODY} bytes.")
    try:
        found = from_json(bytes(whole))
    except ValueError:
        raise InvalidArgumentError("The body is not JSON.", field="body") from None
    if not isinstance(found, dict):
        raise InvalidArgumentError("The body is not a JSON object.", field="body")
    return found


def parse_form(form: type[M], given: Mapping[str, Any]) -> M:
    """Parse values as a form. Raises InvalidArgumentError, which says what is wrong with them."""
    try:
        return form.model_validate(given)
    except ValidationError as error:
        raise invalid_arguments_error(error, form) from None
