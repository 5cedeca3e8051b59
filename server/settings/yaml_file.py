"""YAML file: read its section `dataops`, with `${NAME:-default}` replaced, and the line of every key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

import yaml

from domain.errors import SettingsError
from domain.model import same_names
from server.settings.problems import KeyPath, require_replaced

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECTION: Final = "dataops"
_LARGEST: Final = 1 << 20
_SIGNED: Final = "a value that begins with '*', '&' or '!' must be in quotes"
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}")
_TEXT: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"
_MERGE: Final = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class YamlSection:
    """The values of a file's section, and the line of each key."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)


def read_yaml_section(path: Path, environ: Mapping[str, str], *, required: bool) -> YamlSection:
    """Read the section of a file; with `required` it must exist.

    Raises SettingsError that names file and line.
    """
    try:
        with path.open("rb") as file:
            # Bounded, since somebody may name a device or a log by mistake.
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise SettingsError(
            f"The configuration {path} cannot be read: {error.strerror}.", field="config"
        ) from error
    if len(data) > _LARGEST:
        raise SettingsError(f"{path} is too large for a configuration.", field="config")
    try:
        return _SectionReader(path, environ).read_section(data, required=required)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise SettingsError(f"{path}, line {line}: not YAML: {_problem(error)}.", field="config") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SettingsError(f"{path} is not a YAML file that can be read.", field="config") from error


def _problem(error: yaml.MarkedYAMLError) -> str:
    """What is wrong, without the text after a sign: a key or password may begin with one."""
    problem = error.problem or "it cannot be read"
    return _SIGNED if any(each in problem for each in ("alias", "anchor", "tag")) else problem


class _SectionReader:
    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ
        self._lines: dict[KeyPath, int] = {}
        self._seen: set[yaml.Node] = set()
        self._above: list[yaml.Node] = []

    def read_section(self, data: bytes, *, required: bool) -> YamlSection:
        loader = yaml.SafeLoader(data)
        try:
            root = loader.get_single_node()
            section = self._find_section(root, required=required)
            if section is None:
                return YamlSection()
            self._process_node(section, ())
            values = loader.construct_document(section)
        finally:
            loader.dispose()
        return YamlSection(values or {}, self._lines)

    def _find_section(self, root: yaml.Node | None, *, required: bool) -> yaml.Node | None:
        names: list[str] = []
        if isinstance(root, yaml.MappingNode):
            self._normalize_keys(root, ())
            for key, value in root.value:
                if key.value == SECTION:
                    return self._require_section(value)
                names.append(key.value)
        near = same_names(SECTION, names)
        if near or required:
            hint = f"; its section `{near[0]}` may be misspelled" if near else ""
            raise SettingsError(f"{self._path} has no section `{SECTION}`{hint}.", field=SECTION)
        return None

    def _require_section(self, node: yaml.Node) -> yaml.Node | None:
        if isinstance(node, yaml.ScalarNode) and not node.value:
            return None
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, (), f"`{SECTION}` must be a section of keys")
        return node

    def _process_node(self, node: yaml.Node, path: KeyPath) -> None:
        if node in self._above:
            self._refuse(node, path, "includes itself")
        if node in self._seen:  # an alias of a node that was processed already
            return
        self._seen.add(node)
        self._above.append(node)
        self._process_children(node, path)
        self._above.pop()

    def _process_children(self, node: yaml.Node, path: KeyPath) -> None:
        if isinstance(node, yaml.ScalarNode):
            self._substitute_variables(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for index, each in enumerate(node.value):
                self._process_node(each, (*path, str(index)))
        else:
            self._normalize_keys(node, path)
            for key, value in node.value:
                below = (*path, key.value)
                self._lines[below] = key.start_mark.line + 1
                self._process_node(value, below)

    def _normalize_keys(self, node: yaml.Node, path: KeyPath) -> None:
        """Turn every key into text, and refuse a repeated key."""
        names: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, path, "has a key that is not text")
            if key.value in names:
                self._refuse(key, (*path, key.value), "is set twice")
            names.add(key.value)
            if key.tag != _MERGE:
                key.tag = _TEXT

    def _substitute_variables(self, node: yaml.ScalarNode, path: KeyPath) -> None:
        if "${" not in node.value:
            return
        if "${" in _VARIABLE.sub("", node.value):
            self._refuse(node, path, "has a `${` that is neither `${NAME}` nor `${NAME:-default}`")

        def variable_value(match: re.Match[str]) -> str:
            value = self._environ.get(match[1]) or match[2]
            if value is None:
                self._refuse(node, path, f"needs the environment variable {match[1]}, which is not set")
            require_replaced(value, f"The variable {match[1]}", ".".join(path))
            return value

        node.value = _VARIABLE.sub(variable_value, node.value)
        # The value of a variable is never read as YAML, so that a secret may contain any character.
        node.tag = _TEXT if node.value else _NULL

    def _refuse(self, node: yaml.Node, path: KeyPath, problem: str) -> NoReturn:
        key = ".".join(path)
        message = f"{key} {problem}" if key else problem
        raise SettingsError(
            f"{self._path}, line {node.start_mark.line + 1}: {message}.", field=key or SECTION
        )
