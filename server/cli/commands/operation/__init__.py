"""Commands that operate an installation: serve, drain, back up, diagnose, and the demo."""
