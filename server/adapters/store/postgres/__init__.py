"""The store on PostgreSQL: connections, migrations and errors."""
