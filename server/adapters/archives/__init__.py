"""Adapters of the `Archives` port."""
