"""The words that a model reads, each in a file of its own."""

from __future__ import annotations

from importlib.resources import files


def load_prompt(name: str) -> str:
    """The text `name`: `instructions`, or `tools/<tool>`. Raises FileNotFoundError for one that nobody wrote."""
    return files("prompts").joinpath(f"{name}.md").read_text(encoding="utf-8").strip()
