"""Handling of requests, the same for every dialect: body, token, rate limit, answer."""
