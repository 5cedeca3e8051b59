"""What is in the datasources: documents, the runs that bring them, the jobs that index them, and their index."""
