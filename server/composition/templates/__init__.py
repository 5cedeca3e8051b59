"""Templates as commands and servers use them: their configured repositories. Imports have a module of their own."""

from server.composition.templates.repositories import (
    CONNECTORS,
    FolderTemplates,
    LayeredTemplates,
    NewTemplate,
    Overview,
    Preview,
    TemplateReport,
    build_judgement,
    build_template_repository,
    find_templates_folder,
    first_words,
    preview_template,
    write_new_template,
)

__all__ = [
    "CONNECTORS",
    "FolderTemplates",
    "LayeredTemplates",
    "NewTemplate",
    "Overview",
    "Preview",
    "TemplateReport",
    "build_judgement",
    "build_template_repository",
    "find_templates_folder",
    "first_words",
    "preview_template",
    "write_new_template",
]
