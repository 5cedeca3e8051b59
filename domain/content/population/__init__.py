"""Population: one pass over a template's records, which checks them and makes neutral documents of them."""

from domain.content.population.population import Population
from domain.content.population.streams import ExtendedRecordStream

__all__ = ["ExtendedRecordStream", "Population"]
