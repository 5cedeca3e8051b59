"""Write every generated page: `python -m server.reference`."""

from __future__ import annotations

from server.reference.pages import write_pages

if __name__ == "__main__":
    write_pages()
