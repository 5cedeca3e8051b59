"""Templates of mock-data repositories: where they are found, how they are read, and how they are judged."""

from __future__ import annotations

from server.adapters.templates.catalogue.folder import FolderTemplates
from server.adapters.templates.validation import Judgement, TemplateReport

__all__ = ["FolderTemplates", "Judgement", "TemplateReport"]
