"""Noise, where a specification asks for it: near-duplicates, stale pages, and pages in the space of another team."""

from domain.content.generation.noise.disturbance import Disturbance

__all__ = ["Disturbance"]
