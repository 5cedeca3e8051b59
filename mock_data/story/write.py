"""Where the catalogue's files go, and in which format each of them is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from mock_data.story import fintech, general, healthcare
from mock_data.story.confluence import confluence_pages
from mock_data.story.formats import comma_separated, json_array, json_lines, json_v1, v2_file, v2_inline
from mock_data.story.github import github_repos
from mock_data.story.jira import jira_issues
from mock_data.story.plan import make_plan
from mock_data.story.questions import golden_questions
from mock_data.story.slack import slack_messages

if TYPE_CHECKING:
    from pathlib import Path

    from mock_data.story.formats import Records, Writer
    from mock_data.story.world import World

WORLDS: Final = (fintech.WORLD, healthcare.WORLD, general.WORLD)


# Every format has a template, so that the catalogue is an example of each.
_FORMATS: Final[dict[str, dict[str, Writer]]] = {
    "fintech": {
        "confluence_pages": json_v1,
        "github_repos": comma_separated,
        "slack_messages": json_lines,
        "jira_issues": v2_file,
    },
    "healthcare": {
        "confluence_pages": v2_inline,
        "github_repos": json_v1,
        "slack_messages": v2_file,
        "jira_issues": comma_separated,
    },
    "default": {
        "confluence_pages": json_v1,
        "github_repos": json_array,
        "slack_messages": json_lines,
        "jira_issues": v2_inline,
    },
}


def tell(world: World) -> dict[str, Records]:
    """Return the records of a world by dataset type."""
    plan = make_plan(world)
    return {
        "confluence_pages": confluence_pages(plan),
        "github_repos": github_repos(plan),
        "slack_messages": slack_messages(plan),
        "jira_issues": jira_issues(plan),
    }


def catalogue() -> dict[str, str]:
    """Return the text of every file of the catalogue by its path under `templates/`."""
    files = {}
    for world in WORLDS:
        told = tell(world)
        for dataset_type, records in told.items():
            for name, text in _FORMATS[world.industry][dataset_type](world, dataset_type, records).items():
                files[f"{world.industry}/{world.use_case}/{name}"] = text
        questions = {"questions": golden_questions(world, told)}
        text = json.dumps(questions, ensure_ascii=False, indent=1) + "\n"
        files[f"{world.industry}/{world.use_case}/questions.json"] = text
    return files


def write(folder: Path) -> list[Path]:
    """Write the catalogue under a folder and return the paths of its files."""
    paths = []
    for name, text in catalogue().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        paths.append(path)
    return paths
