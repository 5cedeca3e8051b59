"""Search in Glean: the Client API, and the running of many queries."""
