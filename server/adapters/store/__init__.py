"""The store: every entity of the domain in a SQLite file or a PostgreSQL database."""
