"""Templates of mock-data repositories: where they are found, how they are read, and how they are judged."""

from __future__ import annotations

from server.adapters.templates.catalogue.layers import LayeredTemplates, Overview
from server.adapters.templates.catalogue.location import find_templates_folder
from server.adapters.templates.catalogue.preview import Preview, first_words, preview_template
from server.adapters.templates.catalogue.repository import RepositoryTemplates
from server.adapters.templates.catalogue.validation import Judgement, TemplateReport
from server.adapters.templates.new_template import NewTemplate, write_new_template

__all__ = [
    "Judgement",
    "LayeredTemplates",
    "NewTemplate",
    "Overview",
    "Preview",
    "RepositoryTemplates",
    "TemplateReport",
    "find_templates_folder",
    "first_words",
    "preview_template",
    "write_new_template",
]
