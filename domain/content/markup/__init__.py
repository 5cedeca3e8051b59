"""Markup: HTML, Confluence's, Slack's and Jira's formats and Markdown, as text that a search finds and people read."""

from __future__ import annotations

from domain.content.markup.adf import adf_to_text
from domain.content.markup.html_text import html_to_text
from domain.content.markup.markdown import markdown_to_text
from domain.content.markup.records import (
    body_to_text,
    clean_issue_description,
    clean_page_body,
)
from domain.content.markup.slack import slack_to_text
from domain.content.markup.storage import storage_to_html
from domain.content.markup.wiki import wiki_to_text

__all__ = [
    "adf_to_text",
    "body_to_text",
    "clean_issue_description",
    "clean_page_body",
    "html_to_text",
    "markdown_to_text",
    "slack_to_text",
    "storage_to_html",
    "wiki_to_text",
]
