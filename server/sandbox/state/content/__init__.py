"""Content of the datasources: documents, their runs, the jobs that index them, and the full-text index."""
