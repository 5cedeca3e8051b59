"""Archives in local folders: the adapter of the `Archives` port."""
