"""Readers of template files: records as batches, in bounded memory, from JSON, JSON Lines and CSV."""
