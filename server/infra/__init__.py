"""Infrastructure: helpers for files, PostgreSQL, logging and imports that know nothing of the domain's entities."""
