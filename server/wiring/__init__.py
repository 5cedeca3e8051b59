"""The composition root: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

from server.wiring.composing import composed, sagas_of, turns_of
from server.wiring.diagnosing import diagnosed
from server.wiring.glean import reaching, sandbox_path, serve_sandbox
from server.wiring.processes import recording, running
from server.wiring.stores import pending, repository, serving, store_of

__all__ = [
    "composed",
    "diagnosed",
    "pending",
    "reaching",
    "recording",
    "repository",
    "running",
    "sagas_of",
    "sandbox_path",
    "serve_sandbox",
    "serving",
    "store_of",
    "turns_of",
]
