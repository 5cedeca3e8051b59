"""Repositories as they lie on the disk: a folder or a zip, with files that may be compressed."""

from __future__ import annotations

from server.adapters.templates.repositories.repository import Repository, StoredFile, resolve_sibling

__all__ = ["Repository", "StoredFile", "resolve_sibling"]
