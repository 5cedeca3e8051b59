"""What whoever speaks to PostgreSQL shares: the address, the words for its failures, and our SQL in its dialect."""
