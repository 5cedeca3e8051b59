"""Recognition: what an export is, from the names of its files and the beginning of the first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.errors import ExportInvalidError
from server.adapters.templates.readers import vendors

if TYPE_CHECKING:
    from server.adapters.templates.exports.sources.tree import SourceTree
    from server.adapters.templates.readers.vendors import Vendor

_OPENING: Final = 1 << 16


class _Signature(NamedTuple):
    vendor: Vendor
    names: re.Pattern[str] | None
    opening: tuple[re.Pattern[bytes], ...]


_SIGNATURES: Final = (
    _Signature(
        vendors.CONFLUENCE_XML,
        re.compile(r"(?:.*/)?entities\.xml"),
        (re.compile(rb"<hibernate-generic\b"),),
    ),
    _Signature(
        vendors.SLACK_EXPORT,
        re.compile(r"(?:.*/)?(?:channels|groups|dms|mpims)\.json"),
        (re.compile(rb'"ts"\s*:\s*"\d{9,11}\.\d{3,9}"'), re.compile(rb'"type"\s*:\s*"message"')),
    ),
    _Signature(
        vendors.JIRA_REST,
        None,
        (re.compile(rb'"fields"\s*:\s*\{'), re.compile(rb'"key"\s*:\s*"[A-Z][A-Z0-9_]*-\d+"')),
    ),
    _Signature(
        vendors.CONFLUENCE_REST,
        None,
        (
            re.compile(rb'"(?:spaceId|space|_expandable|ancestors)"\s*:'),
            re.compile(rb'"(?:storage|version|webui)"\s*:'),
            re.compile(rb'"title"\s*:'),
        ),
    ),
    _Signature(
        vendors.GITHUB,
        None,
        (re.compile(rb'"(?:full_name|nameWithOwner|stargazers_count|stargazerCount|primaryLanguage)"\s*:'),),
    ),
    _Signature(
        vendors.JIRA_CSV,
        None,
        (
            re.compile(rb"\A[^\n]*(?<![\w ])Issue key(?![\w ])", re.IGNORECASE),
            re.compile(rb"\A[^\n]*(?<![\w ])Summary(?![\w ])", re.IGNORECASE),
        ),
    ),
)


def require_kind(tree: SourceTree, kind: str) -> None:
    """Require that an export is not clearly of another kind. Raises ExportInvalidError, which names the right one."""
    found = _recognize(tree, kind)
    if found is None or found.vendor.kind == kind:
        return
    vendor = found.vendor
    if vendor is vendors.SLACK_EXPORT and not _has_names(tree, found):
        vendor = vendors.SLACK_EXPORT_PART
    raise ExportInvalidError(
        f"{tree.shown} is {vendor.what}, not what {kind} reads.",
        field="kind",
        kind=vendor.kind,
        suggested_action=vendors.import_action(vendor),
    )


def _recognize(tree: SourceTree, kind: str) -> _Signature | None:
    """The signature that fits; that of the `kind` itself before any other."""
    named = [each for each in _SIGNATURES if _has_names(tree, each)]
    opening = tree.read_opening(tree.names[0], _OPENING) if tree.names else b""
    fitting = named or [each for each in _SIGNATURES if all(one.search(opening) for one in each.opening)]
    return next((each for each in fitting if each.vendor.kind == kind), fitting[0] if fitting else None)


def _has_names(tree: SourceTree, signature: _Signature) -> bool:
    return signature.names is not None and any(map(signature.names.fullmatch, tree.names))
