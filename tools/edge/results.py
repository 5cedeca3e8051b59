"""The common parts of all answers, for models over MCP and programs at the command line."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from domain.errors import format_timestamp
from domain.model import printable_json

if TYPE_CHECKING:
    from domain.model import Dataset, Fingerprint, Progress

POLL_AFTER_S: Final = 5
"""Seconds after which a client should ask again about running work."""

Instant = Annotated[
    datetime,
    PlainSerializer(format_timestamp, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant, written as RFC 3339 in UTC to the second."""


class Answer(BaseModel):
    """An answer, or a part of one. What is None is left out of it."""

    model_config = ConfigDict(frozen=True)

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON values with printable texts, without those that are None."""
        document: dict[str, Any] = printable_json(self.model_dump(mode="json", exclude_none=True))
        return document


class PlatformAnswer(Answer):
    """Which Glean it is in."""

    kind: Literal["embedded_sandbox", "admin", "indexing"] = Field(
        description="embedded_sandbox is this server's own: nobody else sees what is in it."
    )
    address: str = Field(description="Where it is.")


def platform_answer(platform: Fingerprint) -> PlatformAnswer:
    """Build the name of a Glean."""
    return PlatformAnswer.model_validate({"kind": platform.kind, "address": platform.shown_address})


class ProgressAnswer(Answer):
    """How far the work under way has come."""

    step: str = Field(description="The step that runs now.")
    done: int = Field(description="Records done in this step.")
    total: int | None = Field(default=None, description="Records of this step in all, where that is known.")
    message: str


def progress_answer(dataset: Dataset, progress: Progress | None) -> ProgressAnswer | None:
    """Build the progress of a dataset with a running saga; None for any other."""
    if dataset.run is None:
        return None
    if progress is None:
        return ProgressAnswer(step="begin", done=0, message="It is about to begin.")
    return ProgressAnswer(
        step=progress.step, done=progress.done, total=progress.total, message=progress.message
    )
