"""The pages that people read, taken apart: headings, links, code, and the commands in it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[3]
_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PROGRAM = "dataset-lifecycle"


class CodeBlock(NamedTuple):
    """A block of code: its language, its text, and the line of prose before it."""

    language: str
    text: str
    before: str


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """The file as one would link to it from the root."""
        return str(self.path.relative_to(CHECKOUT))

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """All but the blocks of code."""
        return _FENCE.sub("", self.text)

    def code_blocks(self, *languages: str) -> list[CodeBlock]:
        """The blocks of code in these languages, in any when none is named."""
        text = self.text
        return [
            CodeBlock(found[1], found[2], text[: found.start()].rstrip().rpartition("\n")[2])
            for found in _FENCE.finditer(text)
            if not languages or found[1] in languages
        ]

    @property
    def anchors(self) -> set[str]:
        """Where a link into the page can lead, as GitHub names its headings."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}

    @property
    def links(self) -> list[str]:
        """Every target that is no address."""
        found = re.findall(r"\]\(([^)\s]+)\)", self.prose)
        return [each for each in found if not re.match(r"[a-z]+:", each)]

    @property
    def shown_commands(self) -> list[tuple[list[str], str]]:
        """Commands with the output that the page shows of them, in order."""
        blocks = chain.from_iterable(each.text.split("\n$ ") for each in self.code_blocks("console"))
        parted = (each.removeprefix("$ ").partition("\n") for each in blocks)
        return [(command_arguments(command), output) for command, _, output in parted]

    @property
    def commands(self) -> list[list[str]]:
        """The arguments of our program, wherever a block of code calls it."""
        lines = chain.from_iterable(each.text.splitlines() for each in self.code_blocks("sh", "cron"))
        return [command_arguments(line) for line in lines if _PROGRAM in shlex.split(line)] + [
            command for command, _ in self.shown_commands
        ]

    @property
    def mentioned_commands(self) -> list[list[str]]:
        """The arguments of our program, wherever a sentence names a command."""
        return [command_arguments(each) for each in re.findall(rf"`({_PROGRAM} [^`]+)`", self.prose)]


def command_arguments(line: str) -> list[str]:
    """What follows our program's name in a line of shell."""
    words = shlex.split(line)
    return words[len(words) - words[::-1].index(_PROGRAM) :]


def load_pages() -> list[Page]:
    """Every page, README first."""
    found = [CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md", CHECKOUT / "mock_data" / "README.md"]
    return [Page(each) for each in (*found, *sorted((CHECKOUT / "docs").rglob("*.md")))]


def load_page(name: str) -> Page:
    """The page of that name, from the root."""
    return Page(CHECKOUT / name)
