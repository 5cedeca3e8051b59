"""Bundled mock data: the template catalogue and the connector templates."""
