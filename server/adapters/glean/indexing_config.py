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

from domain.model import Mark
from server.adapters.glean.indexing_names import datasource_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.platform import Source

_MARK: Final = re.compile(
    r"#dataset-lifecycle/(?P<installation>[^/#]+)/(?P<dataset>[^/#]*)/(?P<kind>[a-z]+)(?:/(?P<digest>[0-9a-f]+))?$"
)
_DIGEST: Final = 16
"""Hexadecimal digits: enough against chance, and nobody gains by forging one."""
_SET: Final = (
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
class _Kind:
    """What Glean is to take a kind of connector for: categories of datasource, documents and containers."""

    category: str
    document: str
    container: str | None
    documents: str
    containers: str | None = None
    preset: str | None = None


# https://developers.glean.com/api-info/indexing/datasource/category; a preset shows results as those of that product.
_KINDS: Final[Mapping[str, _Kind]] = {
    "confluence": _Kind("KNOWLEDGE_HUB", "Page", "Space", "KNOWLEDGE_HUB", "KNOWLEDGE_HUB"),
    "github": _Kind("CODE_REPOSITORY", "Repository", None, "CODE_REPOSITORY"),
    "slack": _Kind("MESSAGING", "Message", "Channel", "MESSAGING", "MESSAGING"),
    "jira": _Kind("TICKETS", "Issue", "Project", "TICKETS", "TICKETS", preset="jira"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose a datasource is. Without a dataset it is nobody's any more: emptied, and free for another of ours."""

    installation: str
    dataset_id: str
    kind: str
    digest: str | None = field(default=None, compare=False)

    @property
    def mark(self) -> Mark | None:
        """The mark of the dataset that it serves."""
        return Mark(installation=self.installation, dataset_id=self.dataset_id) if self.dataset_id else None


def wanted(source: Source, datasource: str) -> dict[str, Any]:
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
    owner = Owner(installation=source.mark.installation, dataset_id=source.mark.dataset_id, kind=source.kind)
    return _marked(config | ({"renderConfigPreset": kind.preset} if kind.preset else {}), owner)


def released(config: Mapping[str, Any], datasource: str, owner: Owner) -> dict[str, Any]:
    """The configuration of a datasource that serves no dataset any more; of what stands, only what we set."""
    kept = {name: config[name] for name in _SET if name in config}
    free = Owner(installation=owner.installation, dataset_id="", kind=owner.kind)
    return _marked({"name": datasource, **kept, "homeUrl": site_of(config)}, free)


def owner_of(config: Mapping[str, Any]) -> Owner | None:
    """Whose a datasource is; None for one that carries no mark."""
    found = _MARK.search(str(config.get("homeUrl", "")))
    return found and Owner(
        installation=found["installation"],
        dataset_id=found["dataset"],
        kind=found["kind"],
        digest=found["digest"],
    )


def site_of(config: Mapping[str, Any]) -> str:
    """The address below which the documents of a datasource are."""
    return str(config.get("homeUrl", "")).partition("#")[0]


def changed(config: Mapping[str, Any]) -> bool | None:
    """Whether a datasource is configured otherwise than when it was marked; None when the mark does not say."""
    owner = owner_of(config)
    return None if owner is None or owner.digest is None else owner.digest != _digest(config)


def is_same(held: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Whether what stands in Glean is what is wanted; the name is told in a form of Glean's own."""
    return held.get("homeUrl") == config["homeUrl"] and _digest(held) == _digest(config)


def name_of(config: Mapping[str, Any], datasource: str, otherwise: str) -> str:
    """The name that we gave; `otherwise` where another stands by now, whose words are not ours to repeat."""
    told = config.get("displayName")
    return told if isinstance(told, str) and datasource_of(told) == datasource else otherwise


def _marked(config: dict[str, Any], owner: Owner) -> dict[str, Any]:
    mark = f"#dataset-lifecycle/{owner.installation}/{owner.dataset_id}/{owner.kind}/{_digest(config)}"
    return {**config, "homeUrl": config["homeUrl"] + mark}


def _digest(config: Mapping[str, Any]) -> str:
    """What was set, in few characters; False and nothing are told alike, and definitions may come in any order."""
    told = {name: config.get(name) or None for name in _SET}
    defined = told["objectDefinitions"]
    if isinstance(defined, list):
        each = [{name: one.get(name) for name in _DEFINED} for one in defined if isinstance(one, dict)]
        told["objectDefinitions"] = sorted(each, key=str)
    text = msgspec.json.encode([site_of(config), told], order="sorted")
    return sha256(text).hexdigest()[:_DIGEST]
