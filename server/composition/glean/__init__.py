"""The configured Glean, its clients by dialect, and what is said of it at the start."""
