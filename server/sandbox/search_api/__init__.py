"""Glean's Client API at `/rest/api/v1`, as far as it searches."""
