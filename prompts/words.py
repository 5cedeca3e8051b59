"""Loading of the texts for models; each is a file of its own."""

from __future__ import annotations

from importlib.resources import files


def load_prompt(name: str) -> str:
    """Load a text by name: `instructions` or `tools/<tool>`. Raises FileNotFoundError for an unknown name."""
    return files("prompts").joinpath(f"{name}.md").read_text(encoding="utf-8").strip()
