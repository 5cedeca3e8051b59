"""Full-text search: the index over the documents, and the queries that it answers."""
