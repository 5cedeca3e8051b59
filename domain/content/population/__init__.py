"""Population: one pass over a template's records, which checks them and makes neutral documents of them."""

from domain.content.population.limits import MAX_DOCUMENT_BYTES
from domain.content.population.population import NO_FACTS, ConnectorFacts, Population
from domain.content.population.streams import ExtendedRecordStream

__all__ = ["MAX_DOCUMENT_BYTES", "NO_FACTS", "ConnectorFacts", "ExtendedRecordStream", "Population"]
