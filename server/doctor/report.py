"""The report of `doctor`: probes of everything that the server needs, which change nothing."""

from __future__ import annotations

import getpass
import shutil
import tempfile
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from anyio import to_thread

from domain.errors import ArchiveFailedError, LifecycleError, StagingFailedError
from domain.model import SCOPE_APPROVE, quote_foreign
from server.infra.filesystem.errors import translate_os_errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from domain.errors import SettingsError
    from domain.ports import Platform, Store, Templates, UnitOfWork
    from server.settings import Settings

_NO_DATASOURCE: Final = "dataset-lifecycle doctor"
_THREATS: Final = "docs/threat-model.md"
LITTLE_ROOM: Final = 1 << 30
"""Bytes; less free space than this on a folder's disk is a finding."""
Probe: TypeAlias = "Callable[[], Awaitable[str]]"
"""Checks one thing and describes it; raises a LifecycleError when something is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check, with what to do about a problem. A `warning` is a problem of something that works."""

    area: str
    ok: bool
    message: str
    action: str = ""
    warning: bool = False


class ProbeSkippedError(Exception):
    """There is nothing to check yet, or the check is impossible because of another finding."""


async def diagnose(
    settings: Settings | SettingsError,
    *,
    repository: Probe,
    glean: Probe,
    store: Probe,
    identity: Probe,
    sagas: Probe | None = None,
    replicas: Probe | None = None,
    further: Mapping[str, Callable[[], Awaitable[Sequence[Finding]]]] = MappingProxyType({}),
) -> list[Finding]:
    """Run all probes, in the order in which things depend on each other.

    Args:
        settings: the settings, or the error with which they could not be loaded; then nothing else is checked.
        repository: see `repository_probe`.
        glean: see `glean_probe`.
        store: see `store_probe`.
        identity: reads the issuer's keys and counts them; run only where an issuer is configured.
        sagas: describes dead letters; left out by default.
        replicas: describes the checks at a process's start; left out by default.
        further: checks that make several findings, by their area.
    """
    if isinstance(settings, LifecycleError):
        return [_failed_finding("configuration", settings)]
    source = (
        f"read from {settings.config_file}" if settings.config_file else "defaults and environment, no file"
    )
    served = (
        "the embedded sandbox, nobody else sees it" if settings.glean.embedded else settings.glean.base_url
    )
    if settings.glean.dialect == "indexing":
        served = f"{served}, in the dialect indexing"
    message = f"{source}; data folder {settings.data_dir}; Glean is {served}"
    return [
        Finding(area="configuration", ok=True, message=message),
        *_emptied_findings(settings.emptied),
        await _run_probe("identity", identity_probe(settings, identity)),
        Finding(area="confirmation", ok=True, message=describe_confirmation(settings)),
        await _run_probe("repository", repository),
        await _run_probe("glean", glean),
        await _run_probe("store", store),
        *([await _run_probe("sagas", sagas)] if sagas else []),
        await _run_probe("staging", folder_probe(settings.staging.url, StagingFailedError)),
        await _run_probe("archives", folder_probe(settings.archival.storage_path, ArchiveFailedError)),
        *([await _run_probe("replicas", replicas)] if replicas else []),
        *[found for area, check in further.items() for found in await _collect_findings(area, check)],
    ]


def _emptied_findings(emptied: Sequence[str]) -> list[Finding]:
    """A warning where key and address of a Glean are given and both empty: perhaps they were meant to have values."""
    if not emptied:
        return []
    message = f"{' and '.join(emptied)} are given and empty, so the embedded sandbox is used, which nobody else sees"
    action = "Give both their values to use a real Glean; leave both out to use the sandbox."
    return [Finding(area="configuration", ok=True, warning=True, message=message, action=action)]


def identity_probe(settings: Settings, keys: Probe) -> Probe:
    """Build the probe of identity: it says who may call, and counts the issuer's keys where one is configured."""
    identity, http, account = settings.identity, settings.http, getpass.getuser()
    may = "any scope" if identity.local.scopes is None else ", ".join(identity.local.scopes) or "no scope"
    on = "any client" if identity.local.clients is None else ", ".join(identity.local.clients) or "no client"
    local = f"agent:{account} and person:{account} have {may} on {on}"

    async def probe_identity() -> str:
        if not identity.configured:
            return f"none: HTTP listens on the loopback interface only; {local}"
        hosts = ", ".join([urlsplit(identity.audience or "").netloc, *http.allowed_hosts])
        return (
            f"bearers of tokens by {identity.issuer} for {identity.audience}, {await keys()}; hosts {hosts}; "
            f"on stdio and in commands {local}"
        )

    return probe_identity


_SANDBOX_PLACES: Final = {
    None: "on a terminal, or on stdio in the caller's program",
    "approval": "on a terminal",
    "elicitation": "on a terminal or in the caller's program, over HTTP too",
}
"""Where the name is typed that confirms a teardown at sandbox, by `confirmation.sandbox`."""


def describe_confirmation(settings: Settings) -> str:
    """Describe who must confirm a teardown under the configured identity, and what could defeat that."""
    identity, account = settings.identity, getpass.getuser()
    here = identity.local.scopes is None or SCOPE_APPROVE in identity.local.scopes
    terminal = f"person:{account}, who types on a terminal of this account,"
    if identity.configured:
        who = [
            "another subject than asked, at /approvals with a token that has datasets:approve and no act claim"
        ]
        who += [f"{terminal} when somebody else asked"] if here else []
    else:
        who = [f"{terminal} also what they ask themselves, kept as an approval by one person"] if here else []
    answered = "; or by ".join(who) or f"nobody, for this account lacks {SCOPE_APPROVE}"
    agents = "a server or a command without a terminal"
    if not identity.configured:
        agents = "a server, a command without a terminal or whoever calls /approvals"
    shell = f"; an agent with a shell on this account could type a name on a terminal, too ({_THREATS})"
    return (
        "past sandbox every teardown takes an approval, at sandbox the reason manual takes one or the name typed "
        f"{_SANDBOX_PLACES[settings.confirmation.sandbox]}; "
        f"approved by {answered}; agent:{account}, {agents}, approves nothing"
        f"{shell if here else ''}"
    )


def repository_probe(templates: Templates) -> Probe:
    """Build the probe of the template repository: it reads all templates."""

    async def probe_repository() -> str:
        found = await templates.list()
        return f"{len(found)} templates for {len({each.dataset_type for each in found})} dataset types"

    return probe_repository


def glean_probe(platform: Platform) -> Probe:
    """Build the probe of Glean: it reads the fingerprint and the datasources.

    Where Glean cannot list datasources, it asks for one that does not exist: a token that may not make datasources may
    not read one either, so this shows whether the token is good enough.
    """

    async def probe_glean() -> str:
        who = await platform.fetch_fingerprint()
        found = await platform.find_datasources(None if platform.capabilities.list else [_NO_DATASOURCE])
        tenant = f", tenant {quote_foreign(who.tenant)}" if who.tenant else ""
        there = f"{len(found)} datasources" if platform.capabilities.list else "and the token serves"
        return f"{who.url} answers ({who.dialect} dialect{tenant}), {there}"

    return probe_glean


def store_probe(store: Store) -> Probe:
    """Build the probe of the store: it reads the installation and counts live datasets."""

    def describe_store(uow: UnitOfWork) -> str:
        return f"installation {uow.installation}, {uow.datasets.count_live()} live datasets"

    async def probe_store() -> str:
        return await store.read(describe_store)

    return probe_store


def folder_probe(folder: Path, kind: type[LifecycleError], little_room: int = LITTLE_ROOM) -> Probe:
    """Build the probe of a folder: it writes a file there, or in the parent that exists, and checks the free space."""

    def check_folder() -> str:
        there = folder
        with translate_os_errors(kind, "use", folder):
            while not there.exists():
                there = there.parent
        with (
            translate_os_errors(kind, "write to", there),
            tempfile.NamedTemporaryFile(dir=there, prefix=".doctor-") as file,
        ):
            file.write(b"\0")
            file.flush()
            free = shutil.disk_usage(there).free
        if free < little_room:
            raise kind(
                f"The disk of {folder} has only {free >> 20} MiB left.",
                suggested_action="Free some space on it.",
            )
        made = "" if there == folder else " is made when first needed and"
        return f"{folder}{made} can be written, {free >> 30} GiB free"

    async def probe_folder() -> str:
        return await to_thread.run_sync(check_folder)

    return probe_folder


async def _collect_findings(
    area: str, check: Callable[[], Awaitable[Sequence[Finding]]]
) -> Sequence[Finding]:
    found: list[Finding] = []

    async def probe() -> str:
        found.extend(await check())
        return ""

    failed = await _run_probe(area, probe)
    return found if failed.ok else [failed]


async def _run_probe(area: str, probe: Probe) -> Finding:
    try:
        return Finding(area=area, ok=True, message=await probe())
    except ProbeSkippedError as skipped:
        return Finding(area=area, ok=True, message=str(skipped))
    except LifecycleError as error:
        return _failed_finding(area, error)
    except Exception as error:  # noqa: BLE001
        # A bug in one check must not keep the others from being made.
        message = f"The check failed because of a bug of this program ({type(error).__name__})."
        return Finding(area=area, ok=False, message=message, action="Report it, with what is in the log.")


def _failed_finding(area: str, error: LifecycleError) -> Finding:
    return Finding(area=area, ok=False, message=error.message, action=error.suggested_action)
