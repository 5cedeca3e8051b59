"""Datasource configuration in the Indexing dialect, with our owner tag in the address of the home page.

The API has no list of datasources and no field for an owner. It does store and return the configuration, so the owner
tag is the fragment of `homeUrl`: the link still leads a person to the same page, and the fragment names the owner and a
digest of the configuration. The digest no longer fits once somebody changes the configuration in the console.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.model import OwnerTag
from server.adapters.glean.indexing.dataset_types import INDEXING_KINDS
from server.adapters.glean.indexing.names import datasource_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.ports import DatasourceSpec

_OWNER_TAG: Final = re.compile(
    r"#dataset-lifecycle/(?P<installation>[^/#]+)/(?P<dataset>[^/#]*)/(?P<kind>[a-z]+)(?:/(?P<digest>[0-9a-f]+))?$"
)
_DIGEST: Final = 16
"""Hexadecimal digits. They protect against accidents only: nobody gains anything by forging a digest."""
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
"""The fields that we set, beside name and home page. All other fields belong to Glean or to its admins."""
_DEFINED: Final = ("name", "docCategory")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasourceOwner:
    """The owner of a datasource. Without a dataset the datasource was emptied and released, for another one to use."""

    installation: str
    dataset_id: str
    kind: str
    digest: str | None = field(default=None, compare=False)

    @property
    def mark(self) -> OwnerTag | None:
        """The owner tag of the dataset that it serves; None when it was released."""
        return (
            OwnerTag(installation=self.installation, dataset_id=self.dataset_id) if self.dataset_id else None
        )


def desired_config(source: DatasourceSpec, datasource: str) -> dict[str, Any]:
    """The configuration that the datasource of a specification shall have."""
    kind = INDEXING_KINDS[source.kind]
    config: dict[str, Any] = {
        "name": datasource,
        "displayName": source.name,
        "datasourceCategory": kind.category,
        "urlRegex": f"{re.escape(source.site)}/.*",
        "homeUrl": source.site,
        "objectDefinitions": [
            {"name": each.name, "docCategory": each.category}
            for each in (kind.document, kind.container)
            if each
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
    """The configuration of a datasource that is released. Of the present one it keeps only the fields that we set."""
    managed = {name: config[name] for name in _MANAGED_FIELDS if name in config}
    free = DatasourceOwner(installation=owner.installation, dataset_id="", kind=owner.kind)
    return _with_owner_tag({"name": datasource, **managed, "homeUrl": site_of(config)}, free)


def owner_of(config: Mapping[str, Any]) -> DatasourceOwner | None:
    """The owner of a datasource; None when it has no owner tag."""
    match = _OWNER_TAG.search(str(config.get("homeUrl", "")))
    return match and DatasourceOwner(
        installation=match["installation"],
        dataset_id=match["dataset"],
        kind=match["kind"],
        digest=match["digest"],
    )


def site_of(config: Mapping[str, Any]) -> str:
    """The address below which all documents of a datasource are."""
    return str(config.get("homeUrl", "")).partition("#")[0]


def has_config_changed(config: Mapping[str, Any]) -> bool | None:
    """Whether the configuration changed since we wrote it; None when the owner tag has no digest."""
    owner = owner_of(config)
    return None if owner is None or owner.digest is None else owner.digest != _config_digest(config)


def is_same_config(current: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Whether Glean holds the desired configuration. The name is not compared: Glean returns it in its own form."""
    return current.get("homeUrl") == config["homeUrl"] and _config_digest(current) == _config_digest(config)


def display_name_of(config: Mapping[str, Any], datasource: str, otherwise: str) -> str:
    """The display name, when it is the one that we set; else `otherwise`, since a changed name is foreign text."""
    name = config.get("displayName")
    return name if isinstance(name, str) and datasource_of(name) == datasource else otherwise


def _with_owner_tag(config: dict[str, Any], owner: DatasourceOwner) -> dict[str, Any]:
    mark = f"#dataset-lifecycle/{owner.installation}/{owner.dataset_id}/{owner.kind}/{_config_digest(config)}"
    return {**config, "homeUrl": config["homeUrl"] + mark}


def _config_digest(config: Mapping[str, Any]) -> str:
    """A short digest of the fields that we set. Glean may return nothing for False, and definitions in any order."""
    fields = {name: config.get(name) or None for name in _MANAGED_FIELDS}
    definitions = fields["objectDefinitions"]
    if isinstance(definitions, list):
        each = [{name: one.get(name) for name in _DEFINED} for one in definitions if isinstance(one, dict)]
        fields["objectDefinitions"] = sorted(each, key=str)
    text = msgspec.json.encode([site_of(config), fields], order="sorted")
    return sha256(text).hexdigest()[:_DIGEST]
