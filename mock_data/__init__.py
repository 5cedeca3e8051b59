"""Bundled mock data: the template catalogue, the connector templates and the script that writes the catalogue."""
