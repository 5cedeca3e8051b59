"""Custom datasources: registered by name; each registration replaces the whole former configuration."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from domain.model import decode_json
from server.sandbox.indexing_api.shapes import DatasourceConfig, ObjectDefinition
from server.sandbox.state.content.contents import CUSTOM_CONNECTOR
from server.sandbox.state.datasources import find_datasource_by_name, insert_datasource, update_config
from server.sandbox.state.refusals import RefusedError, invalid_field_error

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.state.state import SandboxState
    from server.sandbox.state.switches import Switches

_NAME: Final = re.compile(r"[A-Za-z0-9]+")
_TYPE: Final = re.compile(r"[A-Za-z0-9-]+")
BUILT_IN_NAMES: Final = frozenset(
    {
        "asana",
        "box",
        "confluence",
        "drive",
        "dropbox",
        "gdrive",
        "github",
        "gitlab",
        "gmail",
        "jira",
        "notion",
        "o365",
        "outlook",
        "salesforce",
        "servicenow",
        "sharepoint",
        "slack",
        "zendesk",
    }
)
"""Names of Glean's own connectors. The list is not published; these are the well-known ones."""


def register_datasource(
    world: SandboxState, connection: sqlite3.Connection, config: DatasourceConfig, switches: Switches
) -> sqlite3.Row:
    """Create the datasource or replace its configuration; return it. Raises RefusedError `invalid`."""
    _validate_config(config, switches)
    stored = msgspec.json.encode(config).decode()
    found = find_datasource_by_name(connection, config.name)
    if found is None:
        return insert_datasource(world, connection, config.name, CUSTOM_CONNECTOR, stored, "adddatasource")
    if found["connector"] != CUSTOM_CONNECTOR:
        raise invalid_field_error("name", "is taken by one of Glean's own connectors")
    return update_config(world, connection, found, stored)


def load_custom_datasource(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """Load the custom datasource of this name, compared without case. Raises RefusedError `invalid`."""
    found = find_datasource_by_name(connection, name)
    if found is None or found["connector"] != CUSTOM_CONNECTOR:
        raise RefusedError("invalid", f"Datasource {name} does not exist")
    return found


class RegisteredConfig(DatasourceConfig, kw_only=True):
    """Configuration as stored: registration refuses one without these fields."""

    url_regex: str
    object_definitions: list[ObjectDefinition]


def decode_config(datasource: sqlite3.Row) -> RegisteredConfig:
    """Decode the stored configuration of a datasource."""
    return decode_json(datasource["config"], RegisteredConfig)


def config_payload(datasource: sqlite3.Row) -> dict[str, Any]:
    """The configuration as Glean answers it, with the internal name of the datasource."""
    return {**json.loads(datasource["config"]), "name": f"CUSTOM_{datasource['name'].upper()}"}


def datasource_visibility(datasource: sqlite3.Row) -> str:
    """Visibility of a datasource that no administrator has changed."""
    return "ENABLED_FOR_TEST_GROUP" if decode_config(datasource).is_test_datasource else "NOT_ENABLED"


def _validate_config(config: DatasourceConfig, switches: Switches) -> None:
    if not _NAME.fullmatch(config.name):
        raise invalid_field_error("name", "may have letters and digits only")
    if len(config.name) > switches.longest_name:
        raise invalid_field_error("name", f"may have {switches.longest_name} characters at most")
    if config.name.casefold() in BUILT_IN_NAMES:
        raise invalid_field_error("name", "belongs to one of Glean's own connectors")
    if config.datasource_category in {UNSET, "UNCATEGORIZED"}:
        raise invalid_field_error("datasourceCategory", "is required")
    if not config.url_regex:
        raise invalid_field_error("urlRegex", "is required")
    try:
        re.compile(config.url_regex)
    except re.error as error:
        raise invalid_field_error("urlRegex", f"is no regular expression: {error}") from error
    if not config.object_definitions:
        raise invalid_field_error("objectDefinitions", "is required")
    for each in config.object_definitions:
        if not _TYPE.fullmatch(each.name):
            raise invalid_field_error(
                "objectDefinitions", f"the name {each.name!r} may have no spaces and no underscores"
            )
