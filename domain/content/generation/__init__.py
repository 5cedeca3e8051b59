"""Generation: the records of made-up companies, told from facts that are drawn first."""

from domain.content.generation.company import Company
from domain.content.generation.questions import derive_questions
from domain.content.generation.specification import CompanySpecification, parse_specification
from domain.content.generation.telling import TELLERS

GENERATED_TYPES = tuple(TELLERS)
"""The types of which records are generated."""

__all__ = ["GENERATED_TYPES", "Company", "CompanySpecification", "derive_questions", "parse_specification"]
