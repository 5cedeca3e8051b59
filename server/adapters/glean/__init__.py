"""Glean behind the platform port: the Admin and the Indexing dialect, search, and the transport that they share."""
