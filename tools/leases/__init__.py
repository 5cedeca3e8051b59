"""The toolset `leases`: keep journeys and datasets protected for longer."""
