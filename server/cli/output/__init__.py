"""Output of a command: its streams, and what it prints there."""

from server.cli.output.indented import IndentedText
from server.cli.output.streams import ItemStream, Output
from server.cli.output.tables import FittedTable, render_facts, render_section, render_table
from server.cli.output.values import format_duration, format_value, render_value

__all__ = [
    "FittedTable",
    "IndentedText",
    "ItemStream",
    "Output",
    "format_duration",
    "format_value",
    "render_facts",
    "render_section",
    "render_table",
    "render_value",
]
