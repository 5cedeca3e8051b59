"""The probes of `doctor`, and the findings that they make."""
