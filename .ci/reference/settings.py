"""Reference of settings: docs/reference/settings.md, from the settings model."""

from __future__ import annotations

import inspect
import types
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Union, cast, get_args, get_origin

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from server.settings.connectors import ConnectorsSettings, TypeSettings
from server.settings.fields import Env, Section
from server.settings.model import Dataops

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

PAGE: Final = "settings.md"

_HEAD: Final = """\
# Settings

Generated from the settings model by `just reference`. A test compares the page with the code.

The configuration is the section `dataops` of a YAML file, and the environment, which overrides the file. The file is
the one that `--config` names, else `DATASET_LIFECYCLE_CONFIG`, else `./sdlc_config.yaml` if it exists. In the file,
`${NAME}` is replaced by an environment variable, and `${NAME:-default}` by one that may be missing. An unknown key is
refused. An empty variable and a key without a value count as not set.

Relative paths are resolved from the data folder: `--data-dir`, else `DATASET_LIFECYCLE_DATA_DIR`, else the platform's
folder for user data (`~/.local/share/dataset-lifecycle` on Linux).

```yaml
dataops:
  glean:
    api_key: ${GLEAN_API_KEY}
    base_url: https://acme-be.glean.com
  archival:
    retention_days: 30
  connectors:
    confluence_pages:
      stages:
        pilot:
          credential: ${CONFLUENCE_TOKEN}
      clients:
        ACME:
          config:
            baseUrl: https://acme.atlassian.net/wiki
```
"""


def render_page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for name, field in Dataops.model_fields.items():
        section = cast("type[BaseModel]", field.annotation)
        parts.append(f"## {name}\n\n{inspect.getdoc(section)}\n\n{_render_table(name, section)}")
    return "\n".join(parts)


def _render_table(name: str, section: type[BaseModel]) -> str:
    rows = ["| key | meaning | values | default | variable |", "|---|---|---|---|---|"]
    rows += [_render_row(key, field) for key, field in _rows(name, section)]
    return "\n".join(rows) + "\n"


def _rows(path: str, section: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    if section is ConnectorsSettings:
        path, section = f"{path}.{{type}}", TypeSettings
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _rows(f"{path}.{name}", field.annotation)
        else:
            yield f"{path}.{name}", field
            inner = next(iter(get_args(field.annotation)), None)
            if isinstance(inner, type) and issubclass(inner, Section):
                yield from _rows(f"{path}.{name}[]", inner)


def _render_row(key: str, field: FieldInfo) -> str:
    variables = [f"`{each.name}`" for each in field.metadata if isinstance(each, Env)]
    cells = (
        f"`{key}`",
        field.description or "",
        _describe_values(field),
        _render_default(field),
        ", ".join(variables),
    )
    return f"| {' | '.join(cells)} |"


def _describe_values(field: FieldInfo) -> str:
    kind = _unwrap_annotation(field.annotation)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{each}`" for each in get_args(kind))
    if get_origin(kind) is tuple:
        return "list"
    words = {
        int: "whole number",
        float: "number",
        bool: "`true`, `false`",
        str: "text",
        Path: "path",
        SecretStr: "secret",
        time: "time of day, `off`",
    }
    word = words.get(kind, "section")
    return " ".join([word, *_bounds(field)])


def _bounds(field: FieldInfo) -> Iterator[str]:
    signs = {"ge": "≥", "gt": ">", "le": "≤"}
    for mark in field.metadata:
        for name, sign in signs.items():
            if (bound := getattr(mark, name, None)) is not None:
                yield f"{sign} {bound:,}".replace(",", " ")


def _render_default(field: FieldInfo) -> str:
    default = field.default
    if isinstance(default, tuple):
        return ", ".join(f"`{each}`" for each in default)
    if default is PydanticUndefined:
        return "required"
    if default is None or default == {}:
        return ""
    if isinstance(default, time):
        return f"`{default:%H:%M}`"
    if isinstance(default, Path):
        return f"`./{default}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


# Any, because a type annotation has many forms.
def _unwrap_annotation(annotation: object) -> Any:  # noqa: ANN401
    """The annotation without metadata and None."""
    if get_origin(annotation) in {Union, types.UnionType}:
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    return _unwrap_annotation(get_args(annotation)[0]) if hasattr(annotation, "__metadata__") else annotation
