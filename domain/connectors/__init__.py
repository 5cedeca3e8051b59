"""Connectors: configuration, ownership, drift and health of the datasources in Glean."""

from __future__ import annotations

from domain.connectors.config import (
    build_datasource_spec,
    build_site_urls,
    dataset_name,
    find_connector_facts,
    merge_settings,
    placeholder_token,
)
from domain.connectors.drift import DriftItem
from domain.connectors.health_service import ConnectorHealth, HealthPage, HealthService
from domain.connectors.home_platform import (
    HomePlatformService,
    HomeStatus,
    claim_home_platform,
    identify_platform,
    is_dataset_here,
    load_dataset_platform,
    load_home_platform,
    load_home_status,
    may_run_saga,
    require_dataset_here,
    require_home_platform,
    require_movable,
)
from domain.connectors.monitor import RECHECK, ConnectorMonitor
from domain.connectors.ownership import record_abandoned_connector, require_same_platform

__all__ = [
    "RECHECK",
    "ConnectorHealth",
    "ConnectorMonitor",
    "DriftItem",
    "HealthPage",
    "HealthService",
    "HomePlatformService",
    "HomeStatus",
    "build_datasource_spec",
    "build_site_urls",
    "claim_home_platform",
    "dataset_name",
    "find_connector_facts",
    "identify_platform",
    "is_dataset_here",
    "load_dataset_platform",
    "load_home_platform",
    "load_home_status",
    "may_run_saga",
    "merge_settings",
    "placeholder_token",
    "record_abandoned_connector",
    "require_dataset_here",
    "require_home_platform",
    "require_movable",
    "require_same_platform",
]
