"""Glean behind the platform port: what all dialects share (`http`, `limiter`, `paging`), and the Admin dialect."""
