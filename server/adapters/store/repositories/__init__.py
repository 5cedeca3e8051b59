"""Repositories in SQL: one for each aggregate, over one connection inside a transaction."""
