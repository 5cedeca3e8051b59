"""The search of Glean's Client API, at `/rest/api/v1`."""
