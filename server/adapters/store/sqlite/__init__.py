"""The store on SQLite: the file, its migrations and its errors."""
