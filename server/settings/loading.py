"""Load the settings from file, environment and command line."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from platformdirs import user_data_path
from pydantic import BaseModel, ValidationError

from domain.errors import SettingsError
from domain.model import printable
from server.settings.fields import DATA_DIR, Env
from server.settings.model import Dataops, Settings
from server.settings.problems import require_replaced, require_variables_replaced, settings_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from server.settings.problems import KeyPath

CONFIG_VARIABLE: Final = "DATASET_LIFECYCLE_CONFIG"
DATA_DIR_VARIABLE: Final = "DATASET_LIFECYCLE_DATA_DIR"
DEFAULT_CONFIG_FILE: Final = "sdlc_config.yaml"
APPLICATION: Final = "dataset-lifecycle"


def load_settings(
    environ: Mapping[str, str],
    config_path: Path | None = None,
    data_dir: Path | None = None,
    *,
    cwd: Path | None = None,
) -> Settings:
    """Load the configuration. Only the file is opened, and nothing is created.

    Args:
        environ: the environment; an empty variable counts as not set.
        config_path: the value of `--config`; else DATASET_LIFECYCLE_CONFIG, else an existing `cwd`/sdlc_config.yaml.
        data_dir: the value of `--data-dir`; else DATASET_LIFECYCLE_DATA_DIR, else the platform's folder for user data.
            Relative paths in file and environment are resolved from it.
        cwd: the working folder, from which only those two paths are resolved.

    Raises:
        SettingsError: a key is invalid. The message names each, with file and line or the variable that set it.
    """
    folder, path, chosen = _resolve_places(environ, config_path, data_dir, cwd or Path.cwd())
    values: dict[str, Any] = {}
    lines: Mapping[KeyPath, int] = {}
    if path:
        # Imported here: without a file, which is the usual case, no parser is needed.
        from server.settings.yaml_file import read_yaml_section  # noqa: PLC0415

        section = read_yaml_section(path, environ, required=chosen)
        values, lines = section.values, section.lines
    marks = dict(_environment_keys(Dataops, environ))
    variables = {key: mark.name for key, mark in marks.items()}
    require_variables_replaced(environ, {name: ".".join(key) for key, name in variables.items()})
    for key, mark in marks.items():
        values = _overlay_value(values, key, mark.split_value(environ[mark.name]))

    def describe_origin(key: KeyPath) -> str:
        if key in variables:
            return f"{variables[key]}: "
        line = next((lines[key[:end]] for end in range(len(key), 0, -1) if key[:end] in lines), None)
        return f"{path}, line {line}: " if line else ""

    try:
        dataops = Dataops.model_validate(values, context={DATA_DIR: folder})
    except ValidationError as error:
        raise settings_error(error, Dataops, describe_origin) from None
    emptied = _emptied_glean_keys(values, environ) if dataops.glean.embedded else ()
    return Settings.model_construct(**dict(dataops), data_dir=folder, config_file=path, emptied=emptied)


def find_command_options(
    environ: Mapping[str, str],
    config_path: Path | None = None,
    data_dir: Path | None = None,
    *,
    cwd: Path | None = None,
) -> str:
    """The options with which other commands use the folder and file of this one, whatever is in the file.

    The arguments are those of `load_settings`. Raises SettingsError for a path that cannot be resolved.
    """
    folder, path, _ = _resolve_places(environ, config_path, data_dir, cwd or Path.cwd())
    return format_command_options(folder, path)


def format_command_options(folder: Path, path: Path | None) -> str:
    """The options with which a command of anybody on this machine uses a data folder and a configuration file.

    They are quoted for a shell, printable like all that is shown, and empty where the command would use both anyway.
    """
    options = [] if folder == user_data_path(APPLICATION) else ["--data-dir", str(folder)]
    return printable(shlex.join([*options, *(("--config", str(path)) if path else ())]))


def _resolve_places(
    environ: Mapping[str, str], config_path: Path | None, data_dir: Path | None, here: Path
) -> tuple[Path, Path | None, bool]:
    """The data folder, the configuration file if there is one, and whether that file was chosen."""
    require_variables_replaced(environ, {DATA_DIR_VARIABLE: "data_dir", CONFIG_VARIABLE: "config"})
    for argument, option in ((data_dir, "data_dir"), (config_path, "config")):
        require_replaced(str(argument or ""), f"--{option.replace('_', '-')}", option)
    folder = _resolve_path(here, data_dir, environ.get(DATA_DIR_VARIABLE)) or user_data_path(APPLICATION)
    require_replaced(str(folder), "XDG_DATA_HOME", "data_dir")
    chosen = _resolve_path(here, config_path, environ.get(CONFIG_VARIABLE))
    default = here / DEFAULT_CONFIG_FILE
    return folder, chosen or (default if default.is_file() else None), chosen is not None


def _resolve_path(here: Path, argument: Path | None, variable: str | None) -> Path | None:
    path = argument or (Path(variable) if variable else None)
    if path is None:
        return None
    try:
        return here / path.expanduser()
    except RuntimeError as error:
        raise SettingsError(f"{path}: {error}", field="data_dir" if argument else "config") from error


def _environment_keys(
    section: type[BaseModel], environ: Mapping[str, str], path: KeyPath = ()
) -> Iterator[tuple[KeyPath, Env]]:
    """The keys that the environment sets, each with the mark of its variable."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _environment_keys(kind, environ, (*path, name))
        for mark in field.metadata:
            if isinstance(mark, Env) and environ.get(mark.name):
                yield (*path, name), mark


def _emptied_glean_keys(values: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str, ...]:
    """What gives key and address of a Glean, by variable or key, when both are given without a value."""
    section = values.get("glean") or {}
    given = [
        variable if variable in environ else f"glean.{key}" if key in section else None
        for key, variable in (("base_url", "GLEAN_BASE_URL"), ("api_key", "GLEAN_API_KEY"))
    ]
    return tuple(each for each in given if each is not None) if all(given) else ()


def _overlay_value(values: dict[str, Any], path: KeyPath, value: str | list[str]) -> dict[str, Any]:
    """The values with one more. A section of a wrong type is left unchanged, so that the validation reports it."""
    head, *rest = path
    if not rest:
        return {**values, head: value}
    below = values.get(head)
    if below is not None and not isinstance(below, dict):
        return values
    return {**values, head: _overlay_value(below or {}, tuple(rest), value)}
