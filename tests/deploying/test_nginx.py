"""The configurations of nginx before a server of the tests: what they replace, limit and refuse."""

import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ledger.env import BASE_DIR
from ledger.web import waiting
from tests.ledger.authority import Authority
from tests.ledger.processes import LONG, free_port, wait_until
from tests.nginx import (
    NEEDS_NGINX,
    OF_A_SERVER,
    OF_CONTAINERS,
    SHARED,
    nginx,
    nginx_of_containers,
    replaced,
)

HOST = "bank.example"
FORGED = {
    "X-Forwarded-For": "192.0.2.66",
    "X-Forwarded-Proto": "http",
    "X-Request-ID": "0" * 32,
}
LONG_AGO = {"X-Request-Start": "t=0.001"}
# What keeps clients out, slow ones off and data of people out of its logs.
GUARDS = {
    "server": {
        "listen 443 ssl default_server", "ssl_reject_handshake on", "return 444",
        "ssl_protocols TLSv1.2 TLSv1.3",
    },
    "server of HTTP": {"return 301 https://bank.example$request_uri", "server_tokens off"},
    "server of HTTPS": {
        "ssl_protocols TLSv1.2 TLSv1.3", "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20",
        "ssl_session_tickets off", "include ledger.conf", "limit_conn connections 40",
        "proxy_pass http://127.0.0.1:8000", "proxy_set_header X-Forwarded-For $remote_addr",
        "proxy_set_header X-Forwarded-Proto https", "proxy_set_header X-Request-ID $request_id",
    },
}  # fmt: skip
OF_ALL = {
    "gzip off", "server_tokens off", "client_max_body_size 33m",
    "client_header_timeout 20s", "client_body_timeout 20s", "send_timeout 20s",
    "proxy_request_buffering on", "proxy_buffering on", "proxy_read_timeout 60s",
    "proxy_set_header Host $host",
}  # fmt: skip


def is_now(arrived: dict[str, str]) -> bool:
    """Returns whether nginx wrote when it passed the request on, as Ledger reads it."""
    found = waiting.WRITTEN.fullmatch(arrived["X-Request-Start"])
    return found is not None and abs(time.time() - float(found[1])) < waiting.LONGEST


def directives(text: str) -> set[str]:
    return {part.strip() for part in re.split(r"[;{}]", re.sub(r"#.*", "", text))}


def servers() -> list[set[str]]:
    """The directives of each server, those of its locations too."""
    return [*map(directives, re.split(r"^server \{", OF_A_SERVER, flags=re.MULTILINE)[1:])]


def test_each_server_that_leads_to_ledger_has_the_limits() -> None:
    assert directives(SHARED) >= OF_ALL
    assert "include ledger.conf" in directives(OF_CONTAINERS)


@pytest.mark.parametrize(
    ("of", "guards"), [*zip(servers(), GUARDS.values(), strict=True)], ids=list(GUARDS)
)
def test_the_lines_that_guard_the_bank_are_there(of: set[str], guards: set[str]) -> None:
    if "include ledger.conf" in of:
        of = of | directives(SHARED)
    assert guards <= of
    is_of_ledger = "include ledger.conf" in of
    log = "/var/log/ledger/requests.log ledger" if is_of_ledger else "off"
    assert f"access_log {log}" in of
    for name in ("ssl_protocols", "ssl_ciphers", "gzip", "limit_conn", "error_log", "access_log"):
        assert len([line for line in of if line.startswith(f"{name} ")]) <= 1, name


def test_errors_that_name_pages_and_clients_are_in_no_log() -> None:
    """As those of a full disk, which nginx calls critical, of too many connections, and of TLS,
    which begins before nginx knows for which server.
    """
    for text in (OF_A_SERVER, OF_CONTAINERS):
        for_all, *others = re.findall(r"^( *)error_log \S+ (\w+);", text, re.MULTILINE)
        assert for_all == ("", "emerg")
        assert {level for _, level in others} <= {"emerg"}


def test_the_public_does_not_reach_the_port_of_the_probes_of_a_server() -> None:
    assert "8001" not in OF_A_SERVER


def test_connections_are_counted_by_the_clients_address() -> None:
    assert "limit_conn_zone $binary_remote_addr zone=connections:10m;" in OF_A_SERVER


class EchoHandler(BaseHTTPRequestHandler):
    """Answers with the headers that came; /waits only when it is let go."""

    protocol_version = "HTTP/1.1"
    let_go = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/waits":
            self.let_go.wait(LONG)
        body = json.dumps(dict(self.headers.items())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Port", str(self.connection.getsockname()[1]))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


class EchoServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100


class TlsClient(http.client.HTTPConnection):
    """Connects by TLS, by the name of the bank."""

    def __init__(self, proxy: "NginxProxy", host: str = HOST) -> None:
        super().__init__("127.0.0.1", proxy.port, timeout=LONG)
        self.context = ssl.create_default_context(cafile=str(proxy.authority))
        self.name = host

    def connect(self) -> None:
        super().connect()
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.name)


@dataclass(frozen=True)
class NginxProxy:
    port: int
    plain: int
    authority: Path
    log: Path

    def get(self, **headers: str) -> tuple[int, str]:
        with closing(TlsClient(self)) as client:
            client.request("GET", "/", headers={"Host": HOST, **headers})
            answer = client.getresponse()
            return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def upstream() -> Iterator[EchoServer]:
    found = EchoServer(("127.0.0.1", 0), EchoHandler)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    EchoHandler.let_go.set()
    found.shutdown()
    found.server_close()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, upstream: EchoServer) -> Iterator[NginxProxy]:
    folder, port, plain = tmp_path_factory.mktemp("nginx"), free_port(), free_port()
    authority = Authority(folder)
    certificate, key = authority.sign(HOST)
    written = replaced(
        re.sub(r"^ *listen \[::\].*\n", "", OF_A_SERVER, flags=re.MULTILINE),
        {
            "listen 443": f"listen 127.0.0.1:{port}", "listen 80": f"listen 127.0.0.1:{plain}",
            "client_header_timeout 20s": "client_header_timeout 2s",
            "/etc/ledger/tls/fullchain.pem": str(certificate),
            "/etc/ledger/tls/privkey.pem": str(key),
            "/var/log/nginx": str(folder), "/var/log/ledger": str(folder),
            "127.0.0.1:8000": f"127.0.0.1:{upstream.server_port}",
            "/srv/ledger": str(BASE_DIR),
        },
    )  # fmt: skip
    of_this_folder = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    before = f"pid {folder}/pid; error_log {folder}/log; events {{}}"
    with nginx(folder, f"{before} http {{ {of_this_folder}\n{written} }}"):
        yield NginxProxy(port, plain, authority.file, folder / "requests.log")


@NEEDS_NGINX
def test_what_a_client_says_of_itself_is_replaced(proxy: NginxProxy) -> None:
    arrived = json.loads(proxy.get(**FORGED, **LONG_AGO)[1])

    assert arrived["X-Forwarded-For"] == "127.0.0.1"
    assert arrived["X-Forwarded-Proto"] == "https"
    assert re.fullmatch("[0-9a-f]{32}", arrived["X-Request-ID"])
    assert arrived["X-Request-ID"] != FORGED["X-Request-ID"]
    assert arrived["Host"] == HOST
    assert is_now(arrived)


@NEEDS_NGINX
@pytest.mark.parametrize("encrypted", [True, False])
def test_a_head_that_does_not_come_ends_the_connection(proxy: NginxProxy, encrypted: bool) -> None:
    """By default nginx waits 60 seconds, at a server that it does not know yet."""
    with closing(TlsClient(proxy)) as client, ExitStack() as sockets:
        if encrypted:
            client.connect()
            sock = client.sock
        else:
            sock = sockets.enter_context(socket.create_connection(("127.0.0.1", proxy.plain)))
        sock.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode())
        sock.settimeout(30)
        with suppress(ConnectionError):
            assert not sock.recv(1) or sock.recv(10_000)


@NEEDS_NGINX
def test_that_of_containers_passes_on_what_the_proxy_before_it_says(upstream: EchoServer) -> None:
    with nginx_of_containers(upstream.server_port) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONG)
        with closing(connection) as client:
            client.request("GET", "/", headers={"Host": HOST, **FORGED, **LONG_AGO})
            answer = client.getresponse()
            arrived = json.load(answer)
    assert is_now(arrived)
    assert {name: arrived[name] for name in FORGED} == FORGED
    assert arrived["Host"] == HOST
    assert answer.headers["Server"] == "nginx"


@NEEDS_NGINX
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_of_clients_of_containers_do_not_reach_those_of_the_balancer(
    upstream: EchoServer, path: str
) -> None:
    """The port for probes closes what a flood of clients sends."""
    with EchoServer(("127.0.0.1", 0), EchoHandler) as probes:
        threading.Thread(target=probes.serve_forever, daemon=True).start()
        with nginx_of_containers(upstream.server_port, str(probes.server_port)) as port:
            by_client = answered_by(port, path, {"X-Forwarded-For": "192.0.2.66"})
            by_balancer = answered_by(port, path, {})
        probes.shutdown()
    assert (by_client, by_balancer) == (upstream.server_port, probes.server_port)


def answered_by(port: int, path: str, headers: dict[str, str]) -> int:
    """The port of the server to which nginx sends this request."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LONG)) as client:
        client.request("GET", path, headers={"Host": HOST, **headers})
        answer = client.getresponse()
        answer.read()
        return int(answer.headers["X-Port"])


@NEEDS_NGINX
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_new_versions_of_tls_are_spoken(proxy: NginxProxy, version: ssl.TLSVersion) -> None:
    with closing(TlsClient(proxy)) as client:
        client.context.minimum_version = client.context.maximum_version = version
        client.connect()
        assert isinstance(client.sock, ssl.SSLSocket)
        assert client.sock.version() == version.name.replace("_", ".")


@NEEDS_NGINX
def test_a_name_that_is_not_the_banks_gets_no_answer(proxy: NginxProxy) -> None:
    refused = (ssl.SSLError, ConnectionResetError)
    with closing(TlsClient(proxy, "else.example")) as client, pytest.raises(refused):
        client.connect()


@NEEDS_NGINX
def test_a_client_has_forty_connections_at_once(proxy: NginxProxy) -> None:
    with ExitStack() as opened:
        waiting = [opened.enter_context(closing(TlsClient(proxy))) for _ in range(40)]
        for client in waiting:
            client.request("GET", "/waits", headers={"Host": HOST})
        try:
            wait_until(lambda: proxy.get()[0] == 429)
            with closing(TlsClient(proxy)) as refused:
                refused.request("GET", "/?q=secret", headers={"Host": HOST})
                answer = refused.getresponse()
                assert answer.headers["Retry-After"] == "5"
                assert "Too many requests at the same time" in answer.read().decode()
        finally:
            EchoHandler.let_go.set()
        assert [client.getresponse().status for client in waiting] == [200] * 40


@NEEDS_NGINX
def test_the_log_says_who_asked_and_when_and_not_for_what(proxy: NginxProxy) -> None:
    with closing(TlsClient(proxy)) as client:
        client.request("GET", "/secret/?q=secret", headers={"Host": HOST, "Referer": "/secret/"})
        id = json.load(client.getresponse())["X-Request-ID"]
    log = proxy.log
    wait_until(lambda: id in log.read_text())
    (line,) = [each for each in log.read_text().splitlines() if id in each]
    assert re.fullmatch(rf"[0-9T:+-]{{25}} 127\.0\.0\.1 200 {id}", line)
    assert "secret" not in log.read_text()


@NEEDS_NGINX
def test_that_of_containers_logs_who_asked_and_not_for_what(
    upstream: EchoServer, capfd: pytest.CaptureFixture[str]
) -> None:
    with nginx_of_containers(upstream.server_port) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONG)
        with closing(connection) as client:
            client.request("GET", "/secret/?q=secret", headers={**FORGED, "Referer": "/secret/"})
            client.getresponse().read()
    (line,) = capfd.readouterr().out.splitlines()
    found = json.loads(line)
    assert found.keys() == {"time", "address", "forwarded_for", "status", "request"}
    assert (found["address"], found["forwarded_for"]) == ("127.0.0.1", FORGED["X-Forwarded-For"])
    assert found["status"] == 200
    assert "secret" not in line
