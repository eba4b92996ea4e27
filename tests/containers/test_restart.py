"""nginx of compose.yaml while containers of `web` take turns, as docs/containers.md describes.

Loopback addresses stand for containers, and a server of names for Compose's.
"""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.ledger.own_bank import OwnBank, own_bank
from tests.ledger.processes import LONG, MANAGE, free_port, wait_until
from tests.nginx import NEEDS_NGINX, OF_CONTAINERS, nginx, replaced

pytestmark = NEEDS_NGINX
OLD, NEW = "127.0.0.2", "127.0.0.3"
# The second one is answered by Ledger, too: it lacks the token of a form.
REQUESTS = {"GET": 200, "POST": 403}


class Names:
    """A server of names, at which every name has these addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses, self.asked = addresses, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._answer)
        self.thread.start()

    def _answer(self) -> None:
        while len(query := self.socket.recvfrom(512)) and query[0]:
            packet, client = query
            addresses = self.addresses
            head = packet[:2] + b"\x81\x80\x00\x01" + len(addresses).to_bytes(2) + bytes(4)
            found = b"".join(
                b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04" + socket.inet_aton(each)
                for each in addresses
            )
            self.socket.sendto(head + packet[12:] + found, client)
            self.asked += 1

    def become(self, *addresses: str) -> None:
        """Has other addresses, and waits until nginx knows them."""
        self.addresses, asked = addresses, self.asked
        wait_until(lambda: self.asked > asked + 1)

    def stop(self) -> None:
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


@contextmanager
def names(*addresses: str) -> Iterator[Names]:
    found = Names(*addresses)
    try:
        yield found
    finally:
        found.stop()


@contextmanager
def container(bank: OwnBank, host: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """The web processes of one container, when they listen."""
    process = subprocess.Popen(
        [*MANAGE, "serve", "--host", host],
        env={**bank.settings, "PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any("Ctrl-C" in line for line in process.stdout)
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=LONG)


class Clients:
    """Clients that ask one after the other, and what they were answered; 0 for no answer."""

    def __init__(self, port: int) -> None:
        self.port, self.answers, self.is_over = port, list[tuple[str, int]](), threading.Event()
        self.threads = [
            threading.Thread(target=self._ask, args=[method]) for method in [*REQUESTS] * 2
        ]

    def _ask(self, method: str) -> None:
        while not self.is_over.is_set():
            self.answers.append((method, status(self.port, method)))

    def more(self) -> None:
        """Waits until each has had further answers."""
        enough = len(self.answers) + 5 * len(self.threads)
        wait_until(lambda: len(self.answers) >= enough)


def status(port: int, method: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=LONG)
    try:
        with suppress(OSError, HTTPException):
            connection.request(method, "/account/login/", headers={"Host": "localhost"})
            return connection.getresponse().status
        return 0
    finally:
        connection.close()


@contextmanager
def asking(port: int) -> Iterator[Clients]:
    found = Clients(port)
    for thread in found.threads:
        thread.start()
    try:
        yield found
    finally:
        found.is_over.set()
        for thread in found.threads:
            thread.join()


def test_a_second_container_takes_over_without_a_lost_request(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    port, front = free_port(), free_port()
    with own_bank() as bank, names(OLD) as dns:
        words = {
            "8080": f"127.0.0.1:{front}", "web:8000": f"web:{port}", "web:8001": f"web:{port}",
            "127.0.0.11 valid=5s": f"127.0.0.1:{dns.port} valid=1s", "/tmp": str(tmp_path),  # noqa: S108
        }  # fmt: skip
        with nginx(tmp_path, replaced(OF_CONTAINERS, words)):
            with container(bank, OLD, port) as old, asking(front) as clients:
                clients.more()
                dns.become(OLD, NEW)  # Compose names a container before its processes listen
                clients.more()
                with container(bank, NEW, port) as new:
                    clients.more()
                    old.terminate()
                    assert old.wait(LONG) == 0
                    clients.more()
                    dns.become(NEW)
                    clients.more()
                    clients.is_over.set()
                    assert set(clients.answers) == set(REQUESTS.items())
                    new.terminate()
            # As after `docker compose up`, which ends the old one first.
            assert status(front, "GET") == 502
            with container(bank, NEW, port):
                assert status(front, "GET") == 200
