"""The Admin dialect: datasources are created, synced, observed and deleted through Glean's Admin API."""
