"""The teams of the hospitals."""

from __future__ import annotations

from mock_data.story.world import Team

TEAMS = (
    Team("flow", "Patient Flow", "FLOW", "FLOW", "patient-flow", "finds the right bed at the right time"),
    Team(
        "theatres",
        "Theatres and Surgery",
        "SURG",
        "SURG",
        "theatres-and-surgery",
        "lets operations begin on time",
    ),
    Team(
        "pharmacy",
        "Pharmacy Systems",
        "PHAR",
        "PHAR",
        "pharmacy-systems",
        "brings the right medicine to the right patient",
    ),
    Team(
        "diagnostics", "Diagnostics", "DIAG", "DIAG", "diagnostics", "gets results to the clinician who asked"
    ),
    Team(
        "workforce",
        "Workforce and Rotas",
        "WORK",
        "WORK",
        "workforce-and-rotas",
        "makes rotas that are safe and fair",
    ),
    Team(
        "integration",
        "Integration",
        "INTG",
        "INTG",
        "integration",
        "connects systems that were never meant to meet",
    ),
    Team(
        "quality",
        "Quality and Safety",
        "QSAF",
        "QSAF",
        "quality-and-safety",
        "turns what went wrong into what we do differently",
    ),
    Team(
        "informatics",
        "Clinical Informatics",
        "CINF",
        "CINF",
        "clinical-informatics",
        "keeps screens and words close to clinical work",
    ),
)
