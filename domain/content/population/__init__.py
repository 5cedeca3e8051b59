"""Population: one pass over a template's records, which checks them and makes neutral documents of them."""

from domain.content.population.limits import MAX_DOCUMENT_BYTES
from domain.content.population.population import NO_FACTS, ConnectorFacts, Population
from domain.content.population.streams import ExtendedRecordStream
from domain.content.population.withholding import (
    CORRECT_EXPORT,
    LEAK_GATE,
    export_record_error,
    with_sanitization,
    withhold_values,
    without_values,
)

__all__ = [
    "CORRECT_EXPORT",
    "LEAK_GATE",
    "MAX_DOCUMENT_BYTES",
    "NO_FACTS",
    "ConnectorFacts",
    "ExtendedRecordStream",
    "Population",
    "export_record_error",
    "with_sanitization",
    "withhold_values",
    "without_values",
]
