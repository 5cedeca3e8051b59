"""Forms of records: which families of sentences each of them is made of.

The slots for facts are those of a story (`domain.content.generation.story`), among them `w` a colleague, `e` an earlier
and `f` a later date; and those for figures of a sentence's own: `a` a number of four or five digits, `b` of two, `c` of
three, `d` one like `a` and one like `c`, `p` a percentage, `h` a host, `r` a commit, `q` a time of the day, `x` a ticket
of the help desk, `z` a long trace.
"""

from __future__ import annotations

from typing import NamedTuple

Family = tuple[str, ...]


class IssueForm(NamedTuple):
    """Form of an issue: its type, summary and description, and after how many days it is begun and done at the latest."""

    issue_type: str
    summary: Family
    description: tuple[Family, ...]
    begun_after: int
    done_after: int


class PageForm(NamedTuple):
    """Form of a page: its label, its title, and its sections, each with a heading (or none) and sentences."""

    label: str
    title: Family
    sections: tuple[tuple[str, tuple[Family, ...]], ...]


class StoryForms(NamedTuple):
    """Forms of the records that tell of one kind of story, in the order in which they are written."""

    messages: tuple[tuple[Family, ...], ...]
    issues: tuple[IssueForm, ...]
    pages: tuple[PageForm, ...]
