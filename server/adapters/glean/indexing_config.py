"""A datasource as it is registered in the Indexing dialect, with our mark in the address of its home page.

The API has no list of datasources and no room for a mark of its own. What it keeps and tells is the configuration, so
the mark is the fragment of `homeUrl`: it leads a person to the same page, and says whose the datasource is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from domain.model import Mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.platform import Source

_MARK: Final = re.compile(r"#dataset-lifecycle/(?P<installation>[^/#]+)/(?P<dataset>[^/#]*)/(?P<kind>[a-z]+)")


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
        "homeUrl": _home(source.site, source.mark.installation, source.mark.dataset_id, source.kind),
        "objectDefinitions": [
            {"name": name, "docCategory": category} for name, category in types if name is not None
        ],
        "connectorType": "PUSH_API",
        "isTestDatasource": source.test,
        "isUserReferencedByEmail": True,
        "trustUrlRegexForViewActivity": True,
    }
    return config | ({"renderConfigPreset": kind.preset} if kind.preset else {})


def released(config: Mapping[str, Any], owner: Owner) -> dict[str, Any]:
    """The configuration of a datasource that serves no dataset any more."""
    site = str(config["homeUrl"]).partition("#")[0]
    return {**config, "homeUrl": _home(site, owner.installation, "", owner.kind)}


def owner_of(config: Mapping[str, Any]) -> Owner | None:
    """Whose a datasource is; None for one that carries no mark."""
    found = _MARK.search(str(config.get("homeUrl", "")))
    return found and Owner(
        installation=found["installation"], dataset_id=found["dataset"], kind=found["kind"]
    )


def _home(site: str, installation: str, dataset_id: str, kind: str) -> str:
    return f"{site}#dataset-lifecycle/{installation}/{dataset_id}/{kind}"
