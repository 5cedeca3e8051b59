"""State of one Glean, in one SQLite file that several processes share."""
