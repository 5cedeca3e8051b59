"""Generation: the records of made-up companies, told from facts that are drawn first."""

from domain.content.generation.company import Company
from domain.content.generation.questions import derive_questions
from domain.content.generation.specification import CompanySpecification, parse_specification

__all__ = ["Company", "CompanySpecification", "derive_questions", "parse_specification"]
