"""HTTP transport to Glean: client, rate limiter, paging, errors and remedies, shared by every dialect."""
