"""Replicas: what processes on one store must have in common, and how each checks it at its start."""
