"""The configured repositories of templates, and what commands do with templates."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.connectors import build_site_urls, find_connector_facts
from domain.model import DatasetType, Stage
from server.adapters.connector_templates import FileConnectorTemplates
from server.adapters.templates import Judgement, LayeredTemplates, RepositoryTemplates

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.ports import ProductionExport
    from server.settings import MockDataRepoSettings, SanitizationSettings, Settings

_BUNDLED: Final = Path(__file__).parents[3]
"""The folder above the bundled catalogue."""
CONNECTORS: Final = _BUNDLED / "mock_data" / "connectors"
"""The connector templates."""
_CLIENT: Final = "client"


def build_template_repository(settings: MockDataRepoSettings) -> LayeredTemplates:
    """Build the configured repositories of templates, one over the other; the last is the bundled catalogue."""
    layers = {str(path): RepositoryTemplates(path, settings.templates_subdir) for path in settings.paths}
    if settings.bundled:
        layers["bundled"] = RepositoryTemplates(_BUNDLED)
    return LayeredTemplates(layers)


def build_production_export(settings: SanitizationSettings) -> ProductionExport | None:
    """Build the export of production records that is configured; None without any."""
    if settings.export_path is None or settings.key is None:
        return None
    # Imported here: the sanitizer takes a tenth of a second to load, and few installations have one.
    from server.composition.templates.sanitized import build_folder_export

    return build_folder_export(settings, settings.export_path, settings.key.get_secret_value().encode())


def build_judgement(
    settings: Settings, progress: Callable[[int, int | None], None] = lambda _done, _total: None
) -> Judgement:
    """Build the circumstances of a provision now, at sandbox and for a client of no name. Raises SettingsError."""
    connectors = FileConnectorTemplates(CONNECTORS, settings.connectors.overrides)
    by_type = {each: connectors.settings(each, Stage.SANDBOX, _CLIENT) for each in DatasetType}
    return Judgement(
        now=datetime.now(UTC),
        sites=build_site_urls(by_type, client_id=_CLIENT, stage=Stage.SANDBOX),
        limit=settings.limits.records_per_dataset,
        connectors={each: find_connector_facts(by_type, each) for each in DatasetType},
        progress=progress,
    )
