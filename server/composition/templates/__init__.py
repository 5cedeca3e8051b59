"""Templates as commands and servers use them: their configured repositories. Imports have a module of their own."""

from server.adapters.templates import (
    Judgement,
    LayeredTemplates,
    NewTemplate,
    Overview,
    Preview,
    RepositoryTemplates,
    TemplateReport,
    find_templates_folder,
    first_words,
    preview_template,
    write_new_template,
)
from server.composition.templates.repositories import (
    CONNECTORS,
    build_judgement,
    build_production_export,
    build_template_repository,
)

__all__ = [
    "CONNECTORS",
    "Judgement",
    "LayeredTemplates",
    "NewTemplate",
    "Overview",
    "Preview",
    "RepositoryTemplates",
    "TemplateReport",
    "build_judgement",
    "build_production_export",
    "build_template_repository",
    "find_templates_folder",
    "first_words",
    "preview_template",
    "write_new_template",
]
