"""Requests and answers, the same for every dialect: reading, letting in, limiting, sending."""
