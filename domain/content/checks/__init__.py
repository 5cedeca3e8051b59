"""Checks of quality: what is counted while documents stream past, in bounded memory."""

from domain.content.checks.checker import QualityChecker
from domain.content.checks.counters import CHECK_WEIGHTS, CheckCounter, failure_example, quality_score
from domain.content.checks.duplicates import DuplicateDetector
from domain.content.checks.findings import DOCUMENT_PROBLEMS

__all__ = [
    "CHECK_WEIGHTS",
    "DOCUMENT_PROBLEMS",
    "CheckCounter",
    "DuplicateDetector",
    "QualityChecker",
    "failure_example",
    "quality_score",
]
