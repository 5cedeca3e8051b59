"""Connector configuration by dataset type, validated before any call; names and site addresses.

The configurations are data (`mock_data/connectors/`), overridden per stage and client; this module checks them
against the connector schema of their type. An error names the setting by its full path,
`connectors.confluence_pages.config.baseUrl`, and never shows a value that could be a secret.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn
from urllib.parse import quote, urlsplit

from domain.connectors.setting_checks import setting_problem
from domain.content import RECORD_KINDS, ConnectorFacts
from domain.errors import SettingsError
from domain.model import (
    ConstantForm,
    Dataset,
    DatasetType,
    NameListForm,
    OwnerTag,
    SettingForm,
    SettingForms,
    Stage,
    UrlForm,
    closest_names,
)
from domain.ports import DatasourceSpec

_SECRET: Final = re.compile(
    r"token|secret|passw|credential|api_?key|private_?key|bearer|oauth_?key", re.IGNORECASE
)
_STAGES: Final = frozenset(each.value for each in Stage)
_NO_STAGE: Final = "~"
"""Distinguishes a client that has the name of a stage from the stage: no client's id contains this character."""


def dataset_name(client_id: str, stage: Stage, dataset_type: DatasetType) -> str:
    """The name of a dataset and its connector: `ACME-Sandbox-Confluence`."""
    return f"{client_id.upper()}-{stage.value.title()}-{RECORD_KINDS[dataset_type].connector.label}"


def placeholder_token(dataset_id: str) -> str:
    """The token of a sandbox connector: deterministic, and without any rights."""
    return hashlib.sha256(f"{dataset_id}-mock-token".encode()).hexdigest()


def merge_settings(template: Mapping[str, Any], *overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Merge each override into the template in turn; objects are merged, other values replaced."""
    merged = {
        name: merge_settings(value) if isinstance(value, Mapping) else value
        for name, value in template.items()
    }
    for override in overrides:
        for name, value in override.items():
            former = merged.get(name)
            if isinstance(value, Mapping):
                merged[name] = merge_settings(former if isinstance(former, Mapping) else {}, value)
            else:
                merged[name] = value
    return merged


def build_datasource_spec(
    dataset: Dataset,
    containers: Sequence[str],
    settings: Mapping[str, Any],
    *,
    installation: str,
    site: str = "",
) -> DatasourceSpec:
    """Build the specification of the datasource that serves a dataset.

    Args:
        dataset: the dataset that the connector serves.
        containers: the spaces, repositories, channels or projects of its content; settings that list them win.
        settings: `{connector, collect, config}`, merged from template and overrides; `site` is optional.
        installation: the installation for the owner tag.
        site: the base address of every document.

    Raises:
        SettingsError: names the first invalid setting, by its path.
    """
    dataset_type = dataset.dataset_type
    root = f"connectors.{dataset_type.value}"
    _refuse_secrets(settings, root)
    schema = RECORD_KINDS[dataset_type].connector
    container_setting = schema.container_setting
    config = settings.get("config")
    if isinstance(config, Mapping):
        config = {container_setting: list(dict.fromkeys(containers)), **config}
    forms: dict[str, SettingForm | SettingForms] = {
        "connector": ConstantForm(dataset_type.connector_kind),
        "collect": ConstantForm(container_setting),
        "config": schema.config,
    }
    if "site" in settings:
        forms["site"] = UrlForm()
    _check_settings({**settings, "config": config} if "config" in settings else settings, forms, root)
    return DatasourceSpec(
        name=dataset.name,
        kind=dataset_type.connector_kind,
        config=merge_settings(config or {}),
        mark=OwnerTag(installation=installation, dataset_id=dataset.dataset_id),
        site=site,
        test=dataset.stage is not Stage.PRODUCTION,
    )


def find_connector_facts(
    settings_by_type: Mapping[DatasetType, Mapping[str, Any]], dataset_type: DatasetType
) -> ConnectorFacts:
    """What the settings say of the records that a type's connector serves; they may be invalid."""
    config = {each: found.get("config") for each, found in settings_by_type.items()}
    own, github = config[dataset_type], config[DatasetType.GITHUB_REPOS]
    named = github.get("organization") if isinstance(github, Mapping) else None
    return ConnectorFacts(
        organization=named if isinstance(named, str) and named else None,
        lists_containers=isinstance(own, Mapping)
        and RECORD_KINDS[dataset_type].connector.container_setting in own,
    )


def build_site_urls(
    settings_by_type: Mapping[DatasetType, Mapping[str, Any]], *, client_id: str, stage: Stage
) -> Mapping[DatasetType, str]:
    """The site of each type for one client and stage: the base of document addresses and of links between records.

    No site of another client, stage or type is equal to it or below it, so a link never leads to another client's copy,
    and every address belongs to exactly one datasource. Raises SettingsError.
    """
    client = quote(client_id.lower(), safe="")
    path = f"{client}{_NO_STAGE if client in _STAGES else ''}/{stage.value}"
    bases = {each: _base_url(each, settings) for each, settings in settings_by_type.items()}
    uses = Counter(each.casefold() for each in bases.values())
    return {
        each: f"{base}/{path}{f'/{each.connector_kind}' if uses[base.casefold()] > 1 else ''}"
        for each, base in bases.items()
    }


def _base_url(dataset_type: DatasetType, settings: Mapping[str, Any]) -> str:
    base = _site_url(dataset_type, settings).rstrip("/")
    if named := next((each for each in urlsplit(base).path.split("/") if each in _STAGES), None):
        field = (
            "site" if "site" in settings else f"config.{RECORD_KINDS[dataset_type].connector.site_setting}"
        )
        _refuse(
            f"connectors.{dataset_type.value}.{field}",
            f"must not have {named!r} in its path: the name of a stage marks where documents of that stage begin",
        )
    return base


def _site_url(dataset_type: DatasetType, settings: Mapping[str, Any]) -> str:
    root = f"connectors.{dataset_type.value}"
    if "site" in settings:
        _check_setting(settings["site"], UrlForm(), f"{root}.site")
        return str(settings["site"])
    schema = RECORD_KINDS[dataset_type].connector
    name = schema.site_setting
    config = settings.get("config")
    value = config.get(name) if isinstance(config, Mapping) else None
    _check_setting(value, schema.config[name], f"{root}.config.{name}")
    return f"{schema.host}/{value}" if schema.host else str(value)


def _refuse_secrets(settings: Mapping[str, Any], path: str) -> None:
    for name, value in settings.items():
        if _SECRET.search(str(name)):
            _refuse(f"{path}.{name}", "looks like a secret, and connector settings must not hold secrets")
        if isinstance(value, Mapping):
            _refuse_secrets(value, f"{path}.{name}")


def _check_settings(value: Mapping[str, Any], forms: SettingForms, path: str) -> None:
    for name in value:
        if name not in forms:
            near = closest_names(str(name), forms)
            hint = f"; the nearest known setting is {near[0]}" if near else ""
            _refuse(f"{path}.{name}", f"is not known{hint}", near)
    for name, form in forms.items():
        if name not in value:
            _refuse(f"{path}.{name}", "is missing")
        _check_setting(value[name], form, f"{path}.{name}")


def _check_setting(value: object, form: SettingForm | SettingForms, path: str) -> None:
    if isinstance(form, Mapping):
        if not isinstance(value, Mapping):
            _refuse(path, "must be an object")
        _check_settings(value, form, path)
    elif isinstance(form, NameListForm):
        if not isinstance(value, list | tuple):
            _refuse(path, "must be a list")
        if not value:
            _refuse(path, "is empty: neither the template's records nor the settings name one")
        for index, each in enumerate(value):
            if not isinstance(each, str) or not form.form.fullmatch(each):
                _refuse(f"{path}[{index}]", form.rule)
    elif problem := setting_problem(value, form):
        _refuse(path, problem)


def _refuse(path: str, problem: str, candidates: tuple[str, ...] = ()) -> NoReturn:
    raise SettingsError(f"{path} {problem}.", field=path, candidates=candidates)
