"""Texts for models: the server's instructions and the descriptions of the tools."""
