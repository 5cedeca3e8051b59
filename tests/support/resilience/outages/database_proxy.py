"""What stands between a process and its database: it passes everything on, or fails as networks do."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK: Final = 1 << 16


@dataclass
class DatabaseProxy:
    """Listens on `port` of the loopback and passes on to a server's socket; it can be driven from any thread."""

    path: str
    port: int = 0
    refusing: bool = False
    """Whether new connections are closed at once."""
    losing: int = 0
    """How many commits more are carried out without their answer coming back."""
    lost: int = 0
    held: int = 0
    """How often something was held back while it is silent."""
    _speaking: threading.Event = field(default_factory=threading.Event)
    _pairs: set[tuple[socket.socket, socket.socket]] = field(default_factory=set)
    _threads: list[threading.Thread] = field(default_factory=list)

    def stall(self) -> None:
        """Pass on nothing more, and close nothing."""
        self.held = 0
        self._speaking.clear()

    def resume(self) -> None:
        """Pass on what was held back, and whatever comes."""
        self._speaking.set()

    def drop_connections(self) -> None:
        """Close every connection."""
        for pair in list(self._pairs):
            _close_sockets(*pair)

    def serve(self, listening: socket.socket) -> None:
        """Accept until the socket is closed."""
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                if not (far := self._connect_upstream()):
                    near.close()
                    continue
                thread = threading.Thread(target=self._connect, args=(near, far), daemon=True)
                self._threads.append(thread)
                thread.start()

    def shut_down(self) -> None:
        """Let nothing of it run any more."""
        self.resume()
        self.drop_connections()
        for each in self._threads:
            each.join(10)

    def _connect_upstream(self) -> socket.socket | None:
        far = socket.socket(socket.AF_UNIX)
        if not self.refusing:
            with suppress(OSError):
                far.connect(self.path)
                return far
        far.close()
        return None

    def _connect(self, near: socket.socket, far: socket.socket) -> None:
        with near, far:
            self._pairs.add((near, far))
            answering = threading.Thread(target=self._copy_bytes, args=(far, near, False), daemon=True)
            answering.start()
            self._copy_bytes(near, far, asking=True)
            answering.join()
            self._pairs.discard((near, far))

    def _copy_bytes(self, source: socket.socket, sink: socket.socket, asking: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                self.held += not self._speaking.is_set()
                self._speaking.wait()
                if asking and self.losing and b"commit" in data.lower():
                    self.losing -= 1
                    self.lost += 1
                    _close_sockets(source)  # the server will do it, and its answer ends here
                sink.sendall(data)
        _close_sockets(source, sink)


def _close_sockets(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def run_proxy(path: str) -> Iterator[DatabaseProxy]:
    """A proxy before the server whose socket that is."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        found = DatabaseProxy(path, listening.getsockname()[1])
        found.resume()
        thread = threading.Thread(target=found.serve, args=(listening,), daemon=True)
        thread.start()
        stack.callback(thread.join, 10)
        stack.callback(_close_sockets, listening)
        stack.callback(found.shut_down)
        yield found
