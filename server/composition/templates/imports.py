"""Imports of vendors' exports, as templates of a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import InvalidArgumentError
from domain.model import quote_foreign
from server.adapters.templates.exports import (
    DateOrder,
    ImportOptions,
    ImportReport,
    ImportTarget,
    import_export,
    parse_target,
)
from server.infra.filesystem.threads import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

__all__ = ["ImportReport", "build_import_options", "build_import_target", "import_template"]

_worker: Final = Worker("import", at_once=1)


def build_import_target(to: str, repository: Path | None, subdir: str, *, replace: bool) -> ImportTarget:
    """The place of a template, from `INDUSTRY/USE_CASE` and the folder of a repository.

    Raises InvalidArgumentError, also without a repository: nothing is ever written to the bundled catalogue.
    """
    if repository is None:
        raise InvalidArgumentError(
            "No mock-data repository is configured, and an import does not write to the bundled catalogue.",
            field="repo",
            suggested_action="Name a folder with --repo, or set mock_data_repo.path (MOCK_DATA_REPO_PATH).",
        )
    industry, use_case = parse_target(to)
    return ImportTarget(
        repository=repository.absolute(), subdir=subdir, industry=industry, use_case=use_case, replace=replace
    )


def build_import_options(dates: str | None, hosts: Collection[str], *, private: bool) -> ImportOptions:
    """What a person says about an export. Raises InvalidArgumentError."""
    if dates is not None and dates not in set(DateOrder):
        raise InvalidArgumentError(
            f"{quote_foreign(dates)} is no order of dates.", field="dates", candidates=tuple(DateOrder)
        )
    return ImportOptions(
        dates=DateOrder(dates) if dates else None,
        private=private,
        hosts=frozenset(each.lower() for each in hosts),
    )


async def import_template(
    kind: str,
    source: Path,
    target: ImportTarget,
    options: ImportOptions,
    progress: Callable[[int, int, int], None],
) -> ImportReport:
    """Make a template of an export, as `import_export` does; an import that is cancelled leaves nothing behind."""

    def work(checkpoint: Callable[[], None]) -> ImportReport:
        def report_progress(read: int, total: int, records: int) -> None:
            checkpoint()
            progress(read, total, records)

        return import_export(kind, source, target, options, report_progress)

    return await _worker.run(work)
