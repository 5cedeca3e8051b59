"""Forms of records: which families of sentences each of them is made of.

The slots for facts are those of a story (`domain.content.generation.company`) and of a record: `a` a number of three or
four digits, `b` of two, `c` of three, `p` a percentage, `h` a host, `r` a commit, `w` a colleague, `q` a time of the
day, `e` an earlier and `f` a later date, `x` a ticket of the help desk.
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
