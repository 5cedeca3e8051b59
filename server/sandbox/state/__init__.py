"""What a Glean has, in one SQLite file that several processes share."""
