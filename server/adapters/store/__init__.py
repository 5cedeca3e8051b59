"""Where clients, journeys, datasets, connectors and events are kept."""
