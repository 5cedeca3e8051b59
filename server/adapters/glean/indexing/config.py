"""A datasource as it is registered in the Indexing dialect, with our mark in the address of its home page.

The API has no list of datasources and no room for a mark of its own. What it keeps and tells is the configuration, so
the mark is the fragment of `homeUrl`: it leads a person to the same page, and says whose the datasource is and, by a
digest, how it was configured. What somebody changes in the console afterwards no longer fits the digest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.model import OwnerTag
from server.adapters.glean.indexing.names import datasource_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.ports import DatasourceSpec

_OWNER_TAG: Final = re.compile(
    r"#dataset-lifecycle/(?P<installation>[^/#]+)/(?P<dataset>[^/#]*)/(?P<kind>[a-z]+)(?:/(?P<digest>[0-9a-f]+))?$"
)
_DIGEST: Final = 16
"""Hexadecimal digits: enough against chance, and nobody gains by forging one."""
_MANAGED_FIELDS: Final = (
    "displayName",
    "datasourceCategory",
    "urlRegex",
    "objectDefinitions",
    "connectorType",
    "isTestDatasource",
    "isUserReferencedByEmail",
    "trustUrlRegexForViewActivity",
    "renderConfigPreset",
)
"""What we set, beside name and home page; what else stands in a configuration is Glean's, or a person's, own."""
_DEFINED: Final = ("name", "docCategory")


@dataclass(frozen=True, slots=True)
class _ConnectorKind:
    """What Glean is to take a kind of connector for: categories of datasource, documents and containers."""

    category: str
    document: str
    container: str | None
    documents: str
    containers: str | None = None
    preset: str | None = None


# https://developers.glean.com/api-info/indexing/datasource/category; a preset shows results as those of that product.
_KINDS: Final[Mapping[str, _ConnectorKind]] = {
    "confluence": _ConnectorKind("KNOWLEDGE_HUB", "Page", "Space", "KNOWLEDGE_HUB", "KNOWLEDGE_HUB"),
    "github": _ConnectorKind("CODE_REPOSITORY", "Repository", None, "CODE_REPOSITORY"),
    "slack": _ConnectorKind("MESSAGING", "Message", "Channel", "MESSAGING", "MESSAGING"),
    "jira": _ConnectorKind("TICKETS", "Issue", "Project", "TICKETS", "TICKETS", preset="jira"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasourceOwner:
    """Whose a datasource is. Without a dataset it is nobody's any more: emptied, and free for another of ours."""

    installation: str
    dataset_id: str
    kind: str
    digest: str | None = field(default=None, compare=False)

    @property
    def mark(self) -> OwnerTag | None:
        """The mark of the dataset that it serves."""
        return (
            OwnerTag(installation=self.installation, dataset_id=self.dataset_id) if self.dataset_id else None
        )


def desired_config(source: DatasourceSpec, datasource: str) -> dict[str, Any]:
    """The configuration that serves a source."""
    kind = _KINDS[source.kind]
    types = [(kind.document, kind.documents), (kind.container, kind.containers)]
    config: dict[str, Any] = {
        "name": datasource,
        "displayName": source.name,
        "datasourceCategory": kind.category,
        "urlRegex": f"{re.escape(source.site)}/.*",
        "homeUrl": source.site,
        "objectDefinitions": [
            {"name": name, "docCategory": category} for name, category in types if name is not None
        ],
        "connectorType": "PUSH_API",
        "isTestDatasource": source.test,
        "isUserReferencedByEmail": True,
        "trustUrlRegexForViewActivity": True,
    }
    owner = DatasourceOwner(
        installation=source.mark.installation, dataset_id=source.mark.dataset_id, kind=source.kind
    )
    return _with_owner_tag(config | ({"renderConfigPreset": kind.preset} if kind.preset else {}), owner)


def released_config(config: Mapping[str, Any], datasource: str, owner: DatasourceOwner) -> dict[str, Any]:
    """The configuration of a datasource that serves no dataset any more; of what stands, only what we set."""
    kept = {name: config[name] for name in _MANAGED_FIELDS if name in config}
    free = DatasourceOwner(installation=owner.installation, dataset_id="", kind=owner.kind)
    return _with_owner_tag({"name": datasource, **kept, "homeUrl": site_of(config)}, free)


def owner_of(config: Mapping[str, Any]) -> DatasourceOwner | None:
    """Whose a datasource is; None for one that carries no mark."""
    found = _OWNER_TAG.search(str(config.get("homeUrl", "")))
    return found and DatasourceOwner(
        installation=found["installation"],
        dataset_id=found["dataset"],
        kind=found["kind"],
        digest=found["digest"],
    )


def site_of(config: Mapping[str, Any]) -> str:
    """The address below which the documents of a datasource are."""
    return str(config.get("homeUrl", "")).partition("#")[0]


def has_config_changed(config: Mapping[str, Any]) -> bool | None:
    """Whether a datasource is configured otherwise than when it was marked; None when the mark does not say."""
    owner = owner_of(config)
    return None if owner is None or owner.digest is None else owner.digest != _config_digest(config)


def is_same_config(held: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Whether what stands in Glean is what is wanted; the name is told in a form of Glean's own."""
    return held.get("homeUrl") == config["homeUrl"] and _config_digest(held) == _config_digest(config)


def display_name_of(config: Mapping[str, Any], datasource: str, otherwise: str) -> str:
    """The name that we gave; `otherwise` where another stands by now, whose words are not ours to repeat."""
    told = config.get("displayName")
    return told if isinstance(told, str) and datasource_of(told) == datasource else otherwise


def _with_owner_tag(config: dict[str, Any], owner: DatasourceOwner) -> dict[str, Any]:
    mark = f"#dataset-lifecycle/{owner.installation}/{owner.dataset_id}/{owner.kind}/{_config_digest(config)}"
    return {**config, "homeUrl": config["homeUrl"] + mark}


def _config_digest(config: Mapping[str, Any]) -> str:
    """What was set, in few characters; False and nothing are told alike, and definitions may come in any order."""
    told = {name: config.get(name) or None for name in _MANAGED_FIELDS}
    defined = told["objectDefinitions"]
    if isinstance(defined, list):
        each = [{name: one.get(name) for name in _DEFINED} for one in defined if isinstance(one, dict)]
        told["objectDefinitions"] = sorted(each, key=str)
    text = msgspec.json.encode([site_of(config), told], order="sorted")
    return sha256(text).hexdigest()[:_DIGEST]
