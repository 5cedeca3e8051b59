"""The arguments of the tools: their types, bounds, and descriptions in the published schema.

Types are strict: text is not accepted as a number. Only enumerations are given as text, because JSON has no others.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from domain import model

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
    Field(strict=False, description="Where the records come from. Left out: mock_template."),
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
