"""Back-up of an installation on SQLite while it is in use: a copy that is a complete data folder.

All databases are copied as of one instant at which nobody wrote to any of them. Otherwise a store that is older than
the saga engine's journal would lack what finished steps have done, and a newer one would have sagas that the journal
does not know. Folders are copied before that instant and again after it, so files that are removed meanwhile are kept.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from domain.errors import InvalidArgumentError, Recovery, StoreFailedError, format_timestamp
from server.infra.filesystem.durable import draft_target_name, flush_folder
from server.infra.filesystem.errors import describe_os_error, translate_os_errors
from server.infra.sqlite import interpret_sqlite_error
from server.infra.state_keys import STATE_KEY_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from server.settings import Settings

STORE: Final = "store.db"
ENGINE: Final = "engine.sqlite"
SANDBOX: Final = "glean-sandbox.sqlite"
STAGING: Final = "staging"
ARCHIVES: Final = "archives"
MANIFEST_FILE: Final = "backup.json"
"""The file in a back-up with its `BackupManifest`."""

_BUSY_S: Final = 30.0
_AT_REST: Final = "select dataset_id from datasets where status = 'ready' and running = 0 order by dataset_id"
_RUNNING: Final = "select count(*) from datasets where running = 1"
_EVENT: Final = "select coalesce(max(seq), 0) from events"
_HEAD: Final = "select position || ':' || hash from audit_chain order by position desc limit 1"
_INSTALLATION: Final = "select installation_id from installation"

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The errors that reading never meets."""

_translate_to_store_failure: Final = partial(translate_os_errors, StoreFailedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """What a back-up contains.

    Attributes:
        version: the release that made the back-up.
        at: the instant whose state was copied.
        installation: the id of the installation.
        running: how many datasets had a running saga, which continues where the copy is started.
        last_event: the number of the last event.
        audit_head: the head of the hash chain, as POSITION:HASH; None for an empty chain.
        unstaged: datasets without staged documents.
        elsewhere: folders that the settings place outside of the data folder, which are not copied.
    """

    version: str
    at: str
    installation: str
    running: int
    last_event: int
    audit_head: str | None
    unstaged: tuple[str, ...]
    elsewhere: tuple[str, ...]


def create_backup(settings: Settings, to: Path) -> BackupManifest:
    """Copy the installation to a new folder, which appears complete or not at all. Blocks.

    Raises InvalidArgumentError for a store on PostgreSQL and for an unsuitable folder, and StoreFailedError.
    """
    _require_valid_target(settings, to)
    folders, elsewhere = _own_and_external_folders(settings)
    draft = to.with_name(f".{to.name}.{uuid4().hex[:8]}.partial")
    with _translate_to_store_failure("write to", to):
        to.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
    try:
        _copy_folders(folders, draft, to)
        at = _copy_databases(_existing_databases(settings), draft, to)
        _copy_folders(folders, draft, to)
        key = settings.data_dir / STATE_KEY_FILE
        with _translate_copy_errors(key, to):
            if key.exists():
                shutil.copy2(key, draft / STATE_KEY_FILE)
        manifest = _build_manifest(draft, at, elsewhere, check_staging=STAGING in folders)
        with _translate_to_store_failure("write to", to):
            (draft / MANIFEST_FILE).write_text(
                json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8"
            )
            # Flushed before the rename: after a power failure a folder of that name must have all of its content.
            for each in draft.rglob("*"):
                if each.is_dir():
                    flush_folder(each)
                else:
                    _flush_file(each)
            flush_folder(draft)
            draft.rename(to)
            flush_folder(to.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def _require_valid_target(settings: Settings, to: Path) -> None:
    if settings.store.shared:
        raise InvalidArgumentError(
            "The store is on PostgreSQL, so back it up with PostgreSQL's own tools.",
            field="to",
            suggested_action="Use pg_dump, and copy the folders, as docs/backup.md shows.",
        )
    if not settings.store_path.exists():
        raise InvalidArgumentError(f"There is no store at {settings.store_path}.", field="data_dir")
    inside = [settings.data_dir, settings.staging.url, settings.archival.storage_path]
    if any(to.resolve().is_relative_to(each.resolve()) for each in inside):
        raise InvalidArgumentError(
            f"{to} is inside of what is copied.", field="to", suggested_action="Name a folder outside of it."
        )
    if to.exists() or to.is_symlink():
        raise InvalidArgumentError(
            f"{to} exists already.", field="to", suggested_action="Name a folder that does not exist yet."
        )


def _existing_databases(settings: Settings) -> Mapping[str, Path]:
    databases = {
        STORE: settings.store_path,
        ENGINE: settings.data_dir / ENGINE,
        SANDBOX: settings.data_dir / SANDBOX,
    }
    return {name: path for name, path in databases.items() if path.exists()}


def _own_and_external_folders(settings: Settings) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The folders inside the data folder, by their names there, and the paths of those outside of it."""
    folders = {STAGING: settings.staging.url, ARCHIVES: settings.archival.storage_path}
    own = {name: path for name, path in folders.items() if path == settings.data_dir / name}
    return own, tuple(str(path) for name, path in folders.items() if name not in own)


def _copy_databases(databases: Mapping[str, Path], draft: Path, to: Path) -> datetime:
    with ExitStack() as stack:
        readers: dict[str, sqlite3.Connection] = {}
        with ExitStack() as writers:
            for path in databases.values():
                writing = writers.enter_context(_open_database(path))
                with _translate_sqlite_errors(path):
                    writing.execute("begin immediate")
            # Nobody can write to any of them now. A read transaction that begins here sees this instant until it ends,
            # so the write locks are released at once and the copying holds up no writer.
            at = datetime.now(UTC)
            for name, path in databases.items():
                readers[name] = stack.enter_context(_open_database(path))
                with _translate_sqlite_errors(path):
                    readers[name].execute("begin")
                    readers[name].execute("select 1 from sqlite_master").fetchone()
        for name, path in databases.items():
            with _translate_copy_errors(path, to), closing(sqlite3.connect(draft / name)) as copy:
                readers[name].backup(copy)
            (draft / name).chmod(path.stat().st_mode & 0o777)
    return at


@contextmanager
def _open_database(path: Path) -> Iterator[sqlite3.Connection]:
    with _translate_sqlite_errors(path):
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, timeout=_BUSY_S, isolation_level=None
        )
    with closing(connection):
        yield connection


@contextmanager
def _translate_sqlite_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreFailedError(f"Could not copy {path}: {error}.") from error


@contextmanager
def _translate_copy_errors(source: Path, to: Path) -> Iterator[None]:
    """Translate an error of copying, which blames the back-up's folder where only writing can have failed."""
    try:
        yield
    except sqlite3.Error as error:
        why = interpret_sqlite_error(error).why
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise _target_error(to, why) from error
        # SQLite does not say which of the two files it was.
        raise StoreFailedError(f"Could not copy {source} to {to}: {why}.") from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise _target_error(to, describe_os_error(error)) from error
        raise StoreFailedError(f"Could not copy {source}: {describe_os_error(error)}.") from error


def _target_error(to: Path, why: str) -> StoreFailedError:
    return StoreFailedError(
        f"Could not write to {to}: {why}.",
        recovery=Recovery.NEEDS_HUMAN,
        suggested_action="Make room there, or name a folder on another disk. Nothing of this back-up is left behind.",
    )


def _copy_folders(folders: Mapping[str, Path], draft: Path, to: Path) -> None:
    for name, source in folders.items():
        with _translate_copy_errors(source, to):
            _copy_folder(source, draft / name)


def _copy_folder(source: Path, target: Path) -> None:
    """Bring a copy up to date. Files that were removed since stay in it, unless other files replaced them."""
    target.mkdir(exist_ok=True)
    changed, found = False, set[str]()
    for each in _list_entries(source):
        if each.is_symlink() or draft_target_name(each.name):
            continue
        found.add(each.name)
        if each.is_dir():
            _copy_folder(each, target / each.name)
        else:
            changed |= _copy_file(each, target / each.name)
    if changed:
        for each in _list_entries(target):
            if each.name not in found and each.is_file():
                each.unlink()


def _flush_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _list_entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:  # it was removed meanwhile, or does not exist yet
        return []


def _copy_file(source: Path, target: Path) -> bool:
    """Copy a file unless the copy is up to date; whether it was copied.

    Size and time suffice to compare: our files are replaced, never changed in place.
    """
    try:
        wanted = source.stat()
        if target.exists():
            held = target.stat()
            if (held.st_size, held.st_mtime_ns) == (wanted.st_size, wanted.st_mtime_ns):
                return False
        partial_copy = target.with_name(f".{target.name}.copy")
        shutil.copy2(source, partial_copy)
    except FileNotFoundError:
        return False
    partial_copy.replace(target)
    return True


def _build_manifest(
    draft: Path, at: datetime, elsewhere: tuple[str, ...], *, check_staging: bool
) -> BackupManifest:
    path = draft / STORE
    with _translate_sqlite_errors(path), closing(sqlite3.connect(path)) as copy:
        at_rest = [str(dataset_id) for (dataset_id,) in copy.execute(_AT_REST)]
        head = copy.execute(_HEAD).fetchone()
        manifest = BackupManifest(
            version=version("dataset-lifecycle"),
            at=str(format_timestamp(at)),
            installation=str(copy.execute(_INSTALLATION).fetchone()[0]),
            running=int(copy.execute(_RUNNING).fetchone()[0]),
            last_event=int(copy.execute(_EVENT).fetchone()[0]),
            audit_head=str(head[0]) if head else None,
            unstaged=tuple(
                each for each in at_rest if check_staging and not (draft / STAGING / each).is_dir()
            ),
            elsewhere=elsewhere,
        )
    for each in (f"{STORE}-wal", f"{STORE}-shm"):  # SQLite made them when the copy was read
        (draft / each).unlink(missing_ok=True)
    return manifest
