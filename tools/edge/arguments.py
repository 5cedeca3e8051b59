"""The arguments of the tools: their types, bounds, and descriptions in the published schema.

Types are strict, but hosts change them on the way: they make "50" of 50, 1042 of "1042", and "null" of an argument that
is left out. `restore_types` takes back what can only have meant one thing; everything else is refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

from pydantic import Field

from domain import model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from pydantic.fields import FieldInfo

IDENTIFIER_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""The form of every id, ours and the callers'. An id of this form is safe in a path."""

OTHER_NAMES: Final = {
    "client_id": ("customer", "customer_id", "account", "tenant", "company"),
    "journey_id": ("journey", "engagement"),
    "dataset_id": ("id", "dataset_name"),
    "stage": ("environment", "env", "phase"),
    "dataset_type": ("type", "kind", "source_type", "data_type"),
    "data_source": ("source",),
    "record_count": ("count", "size", "records", "num_records"),
    "retry": ("force", "rerun"),
    "wait_s": ("timeout", "timeout_s", "wait_seconds"),
    "limit": ("page_size", "max_results", "top"),
    "cursor": ("next_cursor", "page_token", "after"),
    "min_age_days": ("age", "days", "older_than"),
    "duration": ("for", "length"),
    "until": ("expires_at", "end", "protected_until"),
}
"""What callers also call the arguments; a refusal of such a name leads to the argument."""

MAX_WAIT_S: Final = 50
DEFAULT_WAIT_S: Final = 25
MAX_DAYS: Final = 36_500

ClientId = Annotated[str, Field(pattern=IDENTIFIER_PATTERN, max_length=64, description="The client's id.")]
JourneyId = Annotated[
    str, Field(pattern=IDENTIFIER_PATTERN, max_length=64, description="The id of the client's journey.")
]
DatasetId = Annotated[
    str,
    Field(
        pattern=IDENTIFIER_PATTERN,
        max_length=200,
        description="The dataset's id, as a provisioning answered it.",
    ),
]
ConnectorId = Annotated[
    str,
    Field(
        pattern=IDENTIFIER_PATTERN, max_length=200, description="The connector's id, as an answer gave it."
    ),
]
TemplateId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        description="A template's id, such as fintech/developer_productivity/confluence_pages. "
        "Left out: the best match for the client.",
    ),
]
Cursor = Annotated[
    str, Field(min_length=1, max_length=400, description="`next_cursor` of the answer before.")
]

Stage = Annotated[model.Stage, Field(strict=False, description="The stage of the client's journey.")]
DatasetType = Annotated[model.DatasetType, Field(strict=False, description="The kind of records.")]
DataSource = Annotated[
    model.DataSource,
    Field(
        strict=False,
        description=(
            "Where the records come from: mock_template is the template's own source, and the default; "
            "sanitized_production is for pilot only."
        ),
    ),
]
TeardownReason = Annotated[
    model.TeardownReason,
    Field(strict=False, description="Why it is taken down; checked against the facts."),
]

RecordCount = Annotated[
    int, Field(ge=1, description="How many records. Left out: the template's own number.")
]
Retry = Annotated[
    bool, Field(description="Run a failed dataset, or one below the quality threshold, again from the start.")
]
Wait = Annotated[
    float,
    Field(
        ge=0,
        le=MAX_WAIT_S,
        allow_inf_nan=False,
        description="How many seconds to wait for the end before answering how far it is.",
    ),
]
Limit = Annotated[int, Field(ge=1, le=200, description="The greatest number of items in one answer.")]
MinAgeDays = Annotated[
    int, Field(ge=0, le=MAX_DAYS, description="Only datasets of at least this age, in days.")
]
Duration = Annotated[
    str,
    Field(
        min_length=1,
        max_length=20,
        description="How long from now: a number with m, h or d for minutes, hours or days, such as 12h.",
    ),
]
Until = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40,
        description="An instant with its time zone (RFC 3339), such as 2026-03-05T18:00:00Z.",
    ),
]

_WRAPPERS: Final = frozenset({"arguments", "args", "input", "kwargs", "parameters", "params"})
"""Names under which hosts pass on all arguments as one."""
_LEFT_OUT: Final = frozenset({"", "null"})
"""What hosts write for an optional argument that is left out; no optional argument has a use for an empty text."""
_LEFT_OUT_UNLESS_AN_ID: Final = _LEFT_OUT | {"none", "undefined"}
"""The same where no id may be of that name: a list that was asked for the client `none` must not be that of all."""
_IDS: Final = frozenset({"client_id", "connector_id", "dataset_id", "journey_id"})
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_FLAGS: Final = {"true": True, "false": False}
_EXACT: Final = 2**53
"""Up to here a float is exactly the integer that it reads like."""


def restore_types(given: Mapping[str, Any], known: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """The arguments of a call with the types that the tool publishes, as far as they can only mean one thing.

    A number written as text, and a text that is a number, become what they were; so do `true` and `false`. An optional
    argument with no value is left out. Values of enumerations stay as they are, so a reason is never guessed, and no
    text is changed into another one.

    Args:
        given: the arguments as they came.
        known: the tool's arguments by name.
    """
    given = _unwrap(given, known)
    restored = {
        name: _restore_type(value, known[name].annotation) if name in known else value
        for name, value in given.items()
    }
    return {
        name: value
        for name, value in restored.items()
        if name not in known or known[name].is_required() or not _is_left_out(name, value)
    }


def _parse_object(text: object) -> dict[str, Any] | None:
    """The JSON object that a text is; None for anything else, also for an object that gives one name twice."""
    if not isinstance(text, str):
        return None
    try:
        found = json.loads(text, object_pairs_hook=_require_distinct_names)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _require_distinct_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _unwrap(given: Mapping[str, Any], known: Mapping[str, FieldInfo]) -> Mapping[str, Any]:
    """The arguments inside the one under which a host passed all of them on, as an object or as its JSON."""
    if len(given) != 1:
        return given
    [(name, value)] = given.items()
    if name in known or name not in _WRAPPERS:
        return given
    inner = value if isinstance(value, dict) else _parse_object(value)
    return given if inner is None else inner


def _is_left_out(name: str, value: object) -> bool:
    words = _LEFT_OUT if name in _IDS else _LEFT_OUT_UNLESS_AN_ID
    return value is None or (isinstance(value, str) and value.strip().casefold() in words)


# Any JSON may be given.
def _restore_type(value: Any, annotation: object) -> Any:  # noqa: ANN401
    kind, text = _find_kind(annotation), value.strip() if isinstance(value, str) else None
    if kind is str:
        return str(value) if type(value) is int else value
    if kind is bool and text is not None:
        return _FLAGS.get(text.casefold(), value)
    if kind in {int, float} and text is not None and _NUMBER.fullmatch(text):
        value = float(text) if "." in text else int(text)
    if kind is int and isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value


def _find_kind(annotation: object) -> object:
    """The type of an argument, also of an optional or annotated one."""
    inner = [each for each in get_args(annotation) if each is not NoneType]
    return _find_kind(inner[0]) if inner else annotation


class JsonArgumentsMiddleware:
    """Middleware around every request, which reads a call's arguments that a host passed on as one JSON text."""

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Answer the request."""
        params = ctx.params or {}
        if ctx.method == "tools/call" and (given := _parse_object(params.get("arguments"))) is not None:
            ctx = replace(ctx, params={**params, "arguments": given})
        return await call_next(ctx)
