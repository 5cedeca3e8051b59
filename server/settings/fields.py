"""Field types of settings, and how their values are validated."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo, model_validator

DATA_DIR: Final = "data_dir"
"""The name of the data folder in the validation context. Relative paths are resolved from it."""
WORDS_FOR_OFF: Final = frozenset({"off", "false", "no", "never", "none", "disabled"})
"""Words by which people mean that something is never to happen."""
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True)
class Env:
    """Marks a field that the environment variable of that name sets, overriding the file.

    With a `separator`, the variable may have several values.
    """

    name: str
    separator: str | None = None

    def split_value(self, value: str) -> str | list[str]:
        """The values of the variable when there are several, else its value."""
        if self.separator is None:
            return value
        # Not within `https://`, which is refused with better words as a whole.
        values = [each for each in re.split(rf"{re.escape(self.separator)}(?!//)", value) if each]
        return values if len(values) > 1 else value


@dataclass(frozen=True)
class NeverEmpty:
    """Marks a field by whose default something is deleted: without a value it is refused, as that may mean "off"."""


class Section(BaseModel):
    """A section of keys. An unknown key is refused; one without a value counts as unset, unless it is `NeverEmpty`."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_unset(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        may_be_unset = {
            name
            for name, field in cls.model_fields.items()
            if not any(isinstance(mark, NeverEmpty) for mark in field.metadata)
        }
        return {
            name: each for name, each in values.items() if each not in (None, "") or name not in may_be_unset
        }


# A missing section is read as an empty one, so that its defaults are validated and made absolute, too.
UNSET: Any = {}


def _require_number(value: object) -> object:
    if isinstance(value, bool):
        # A TypeError would end the validation: pydantic collects ValueError only.
        raise ValueError("must be a number")  # noqa: TRY004
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


def _resolve_local_path(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str) and (scheme := _SCHEME.match(value)):
        raise ValueError(f"must be a folder on this machine: {scheme[1]}:// storage is not available yet")
    if not isinstance(value, str | Path):
        # A TypeError would end the validation: pydantic collects ValueError only.
        raise ValueError("must be a path")  # noqa: TRY004
    if "\0" in str(value) or not str(value).strip():
        raise ValueError("must be a path")
    base: Path = (info.context or {})[DATA_DIR]
    try:
        return base / Path(value).expanduser()
    except RuntimeError:
        raise ValueError(
            "begins with the home folder of an account that does not exist on this machine"
        ) from None


def _resolve_local_paths(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, list | tuple):
        return _resolve_local_path(value, info)
    if not value:
        raise ValueError("must name at least one")
    return tuple(_resolve_local_path(each, info) for each in value)


def _require_inner_path(value: str) -> str:
    path = Path(value)
    if path.is_absolute() or ".." in path.parts or "\0" in value:
        raise ValueError("must be a path inside the repository, without '..'")
    return value


def _require_days(value: object) -> object:
    if value in (None, "", 0, False) or (isinstance(value, str) and value.strip().lower() in WORDS_FOR_OFF):
        raise ValueError(
            "must be a number of days, at least 1; to delete no archive at all, set schedules.archive_retention to off"
        )
    return value


WholeNumber = Annotated[int, BeforeValidator(_require_number)]
Number = Annotated[float, BeforeValidator(_require_number)]
RetentionDays = Annotated[WholeNumber, BeforeValidator(_require_days), NeverEmpty()]
LocalPath = Annotated[Path, BeforeValidator(_resolve_local_path)]
LocalPaths = Annotated[Path | tuple[Path, ...], BeforeValidator(_resolve_local_paths)]
"""One folder, or several in order."""
InnerPath = Annotated[str, AfterValidator(_require_inner_path)]
