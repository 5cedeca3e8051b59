"""Catalogue of a mock-data repository: its folders, its templates and its questions."""
