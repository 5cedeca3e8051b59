"""The Admin dialect at `/api/v1`: its operations, their checks, and the shape of its errors."""
