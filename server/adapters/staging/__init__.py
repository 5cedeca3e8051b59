"""Adapters of the `Staging` port."""
