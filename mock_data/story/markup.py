"""The HTML of pages: a line for each block."""

from __future__ import annotations


def join(*parts: str) -> str:
    """Return the blocks that say something, one a line."""
    return "\n".join(part for part in parts if part)


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{text}</p>"


def heading(text: str) -> str:
    """Return a heading of the second level."""
    return f"<h2>{text}</h2>"


def bullets(items: list[str], *, ordered: bool = False) -> str:
    """Return a list."""
    tag = "ol" if ordered else "ul"
    return f"<{tag}>" + "".join(f"<li>{item}</li>" for item in items) + f"</{tag}>"
