"""The composition root: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

from server.composition.diagnostics import run_doctor
from server.composition.glean import open_platform, sandbox_path, serve_sandbox
from server.composition.process import open_call_audit, open_services
from server.composition.stores import (
    build_store,
    build_template_repository,
    has_pending_work,
    is_server_running,
)
from server.composition.use_cases import build_sagas, build_schedule_sagas, build_services

__all__ = [
    "build_sagas",
    "build_schedule_sagas",
    "build_services",
    "build_store",
    "build_template_repository",
    "has_pending_work",
    "is_server_running",
    "open_call_audit",
    "open_platform",
    "open_services",
    "run_doctor",
    "sandbox_path",
    "serve_sandbox",
]
