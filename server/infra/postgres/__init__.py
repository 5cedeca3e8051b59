"""PostgreSQL: the address, the meaning of errors, our SQL in its dialect, and the presence of servers."""
