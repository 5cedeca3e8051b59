"""The Admin dialect at `/api/v1`: its operations, what they refuse, and its shape of an error."""
