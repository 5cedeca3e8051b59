"""The Indexing dialect: documents are pushed in bulk uploads to a custom datasource, which can only be emptied."""
