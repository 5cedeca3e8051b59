"""Staging in local folders: the adapter of the `Staging` port."""
