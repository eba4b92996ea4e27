"""A TCP proxy before a server's socket that cuts connections, also in the middle of a COMMIT."""

import contextlib
import selectors
import socket
import struct
import threading
from pathlib import Path

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close by RST
# What ends a transaction: COMMIT, or the prepared statement of a plain payment.
ENDS = (b"COMMIT", b"_pg3_")
BEFORE, DURING, AFTER = "before", "during", "after"


class Proxy:
    """One thread for all connections. Statements of the tests are short, so it sends without
    buffers of its own.
    """

    def __init__(self, server: Path) -> None:
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.pairs: dict[socket.socket, tuple[socket.socket, bool]] = {}  # other end, is client
        self.doomed: set[socket.socket] = set()
        self.mode, self.cuts, self.cut_all = BEFORE, 0, False
        self.lock, self.is_over = threading.Lock(), threading.Event()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def cut_at_commits(self, mode: str, count: int) -> None:
        """Cuts that many connections, each at its next COMMIT: before the server gets it, when it
        has it, or after its answer, which is not passed on.
        """
        with self.lock:
            self.mode, self.cuts = mode, count

    def cut_everything(self) -> None:
        with self.lock:
            self.cut_all = True

    def close(self) -> None:
        self.is_over.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.is_over.is_set():
            for key, _ in self.selector.select(0.05):
                found = key.fileobj
                assert isinstance(found, socket.socket)
                if found is self.listener:
                    self._accept()
                elif found in self.pairs:
                    self._pass_on(found)
            with self.lock:
                everything, self.cut_all = self.cut_all, False
            if everything:
                self._reset_all()
        self._reset_all()
        self.listener.close()
        self.selector.close()

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self.server))
        except OSError:
            self._reset(client)
            server.close()
            return
        for one, other, is_client in ((client, server, True), (server, client, False)):
            self.pairs[one] = (other, is_client)
            self.selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, source: socket.socket) -> None:
        target, is_client = self.pairs[source]
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        if not data or (not is_client and target in self.doomed):
            self._cut(source)
            return
        mode = self._mode_of_cut(data) if is_client else ""
        if mode == BEFORE:
            self._cut(source)
            return
        try:
            target.sendall(data)
        except OSError:
            self._cut(source)
            return
        if mode == DURING:
            self._cut(source)
        elif mode == AFTER:
            self.doomed.add(source)

    def _mode_of_cut(self, data: bytes) -> str:
        with self.lock:
            if self.cuts and any(end in data for end in ENDS):
                self.cuts -= 1
                return self.mode
        return ""

    def _cut(self, one: socket.socket) -> None:
        other, is_client = self.pairs[one]
        client, server = (one, other) if is_client else (other, one)
        for each in (client, server):
            self.selector.unregister(each)
            del self.pairs[each]
        self.doomed.discard(client)
        self._reset(client)
        server.close()

    def _reset(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()

    def _reset_all(self) -> None:
        for one in [each for each, (_, is_client) in self.pairs.items() if is_client]:
            self._cut(one)
