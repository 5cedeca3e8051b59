"""Views of what is said of a content: the findings of its checks, and the report of its sanitization."""
