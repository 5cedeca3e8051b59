"""GitHub's repositories: REST list and search, GraphQL, `gh repo list --json`; pages one after another.

Sources: https://docs.github.com/en/rest/repos/repos, https://docs.github.com/en/graphql/reference/objects#repository
and https://cli.github.com/manual/gh_repo_list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from domain.errors import ExportInvalidError
from server.adapters.templates.exports.instants import format_instant, parse_iso
from server.adapters.templates.exports.links import SiteLinks
from server.adapters.templates.exports.sources.json_documents import JsonRecords, decode_record, record_error
from server.adapters.templates.exports.vendors.export import as_list, as_mapping, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.adapters.templates.exports.vendors.export import Export, Record

_FULL_NAMES: Final = ("full_name", "nameWithOwner")
_STARS: Final = ("stargazers_count", "stargazerCount", "stargazers", "watchers_count")
_ISSUES: Final = ("open_issues_count", "issues", "openIssues", "open_issues")
_UPDATED: Final = ("updated_at", "updatedAt", "pushed_at", "pushedAt", "created_at", "createdAt")
_READ: Final = frozenset(
    {
        *_FULL_NAMES,
        *_STARS,
        *_ISSUES,
        *_UPDATED,
        "name",
        "owner",
        "description",
        "language",
        "primaryLanguage",
        "languages",
        "topics",
        "repositoryTopics",
        "readme",
        "object",
        "fork",
        "isFork",
        "archived",
        "isArchived",
        "html_url",
        "url",
    }
)
_ASK: Final = (
    "nameWithOwner,description,primaryLanguage,stargazerCount,issues,updatedAt,repositoryTopics,"
    "isFork,isArchived"
)
_DEPTH: Final = 6


def read_github(export: Export) -> Iterator[Record]:
    """The repositories of GitHub's answers. Raises ExportInvalidError."""
    records = JsonRecords(export.tree, ("items", "repositories"))
    found_names = (_full_name(each) for _, each in _read_repositories(records))
    owners = {each.partition("/")[0] for each in found_names if each}
    links = SiteLinks(export.hosts, owners)
    seen: set[str] = set()
    for position, found in _read_repositories(records):
        if found is None:
            export.tally.count_dropped("null in place of a repository")
            continue
        full_name = _full_name(found)
        if full_name is None:
            raise record_error(
                position, "has no full_name, nameWithOwner, or name: this is no repository of GitHub's"
            )
        if full_name in seen:
            export.tally.count_dropped("repository that is in the export a second time")
            continue
        seen.add(full_name)
        yield _make_record(found, position, export, links)
        export.tally.notes["link to the own site, rewritten"] = links.rewritten


def _read_repositories(records: JsonRecords) -> Iterator[tuple[int, Any]]:
    """Each repository with its position from 1."""
    position = 0
    for each in records.read():
        for found in _find_repositories(each) if isinstance(each, dict) else (each,):
            position += 1
            yield position, decode_record(found, position) if isinstance(found, bytes) else found


def _find_repositories(document: dict[str, Any]) -> list[Any]:
    """The repositories of a document that is one itself, or GraphQL's answer."""
    if any(each in document for each in _FULL_NAMES):
        return [document]
    if "data" not in document and document.get("errors"):
        raise ExportInvalidError(
            "GitHub answered with errors instead of repositories.",
            suggested_action="Correct the query, save its answer, and import that.",
        )
    return _find_nodes(document.get("data"), _DEPTH)


def _find_nodes(value: Any, depth: int) -> list[Any]:  # noqa: ANN401 - any JSON
    members = as_mapping(value)
    nodes = [
        *as_list(members.get("nodes")),
        *(as_mapping(each).get("node") for each in as_list(members.get("edges"))),
    ]
    if nodes or not depth:
        return nodes
    return [node for each in members.values() for node in _find_nodes(each, depth - 1)]


def _full_name(found: Any) -> str | None:  # noqa: ANN401 - any JSON
    """`owner/name` in lower case."""
    members = as_mapping(found)
    full_name = _first_text(members, _FULL_NAMES)
    if full_name is None and (name := as_text(members.get("name"))):
        owner = as_text(as_mapping(members.get("owner")).get("login")) or as_text(members.get("owner"))
        full_name = f"{owner or 'unknown'}/{name}"
    return full_name and full_name.lower()


def _make_record(found: dict[str, Any], position: int, export: Export, links: SiteLinks) -> Record:
    owner, _, name = (_first_text(found, _FULL_NAMES) or "").partition("/")
    owner = (
        owner
        or as_text(as_mapping(found.get("owner")).get("login"))
        or as_text(found.get("owner"))
        or "unknown"
    )
    name = name or as_text(found.get("name")) or "unknown"
    stars, issues = _count(found, _STARS), _count(found, _ISSUES)
    if stars is None or issues is None:
        missing = "its number of stars" if stars is None else "its number of open issues"
        raise ExportInvalidError(
            f"Record {position} of the export has not {missing}.",
            position=position,
            suggested_action=f"Ask for all fields: `gh repo list OWNER --limit 4000 --json {_ASK}`.",
        )
    description, readme = as_text(found.get("description")), _readme(found)
    for each in ("fork", "archived"):
        if found.get(each) is True or found.get(f"is{each.title()}") is True:
            export.tally.notes[
                f"{each if each == 'fork' else 'archived repository'}, taken as any other"
            ] += 1
    for member, value in found.items():
        if member not in _READ and value not in (None, "", [], {}):
            export.tally.count_unread(member)
    return {
        "name": name,
        "owner": owner,
        "description": links.rewrite(description) if description else None,
        "language": _language(found),
        "stars": stars,
        "issues": issues,
        "readme": links.rewrite(readme) if readme else None,
        "updated_at": format_instant(_updated_at(found)),
        "topics": _topics(found) or None,
    }


def _first_text(members: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((text for each in names if (text := as_text(members.get(each)))), None)


def _count(found: dict[str, Any], names: tuple[str, ...]) -> int | None:
    for each in names:
        value = found.get(each)
        count = value.get("totalCount") if isinstance(value, dict) else value
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
            return count
    return None


def _language(found: dict[str, Any]) -> str | None:
    named = as_text(found.get("language")) or as_text(as_mapping(found.get("primaryLanguage")).get("name"))
    languages = found.get("languages")
    listed = as_list(as_mapping(languages).get("nodes")) or as_list(languages)
    first = as_mapping(listed[0]) if listed else {}
    return named or as_text(first.get("name")) or as_text(as_mapping(first.get("node")).get("name"))


def _topics(found: dict[str, Any]) -> list[str]:
    given = found.get("topics") or found.get("repositoryTopics")
    topics = []
    for each in as_list(as_mapping(given).get("nodes")) or as_list(given):
        topic = as_mapping(each)
        name = (
            as_text(each) or as_text(topic.get("name")) or as_text(as_mapping(topic.get("topic")).get("name"))
        )
        topics += [name] if name else []
    return topics


def _readme(found: dict[str, Any]) -> str | None:
    readme = found.get("readme") or found.get("object")
    return as_text(readme) or as_text(as_mapping(readme).get("text"))


def _updated_at(found: dict[str, Any]) -> Any:  # noqa: ANN401 - the instant or None, as `parse_iso` gives it
    return next((at for each in _UPDATED if (at := parse_iso(as_text(found.get(each)) or ""))), None)
