"""Sources of an import: files, folders and zips, and the JSON and CSV in them, read as streams."""
