"""deploy/server/nginx.conf before a server of the tests: what it replaces, limits and refuses."""

import http.client
import json
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ledger.env import BASE_DIR
from tests.ledger.authority import Authority
from tests.ledger.processes import LONG, free_port, wait_until

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
CONFIGURATION = (BASE_DIR / "deploy/server/nginx.conf").read_text()
HOST = "bank.example"
FORGED = {
    "X-Forwarded-For": "192.0.2.66",
    "X-Forwarded-Proto": "http",
    "X-Request-ID": "0" * 32,
}
# What keeps clients out, slow ones off and data of people out of its logs.
GUARDS = {
    "server": {
        "listen 443 ssl default_server", "ssl_reject_handshake on", "return 444",
        "ssl_protocols TLSv1.2 TLSv1.3",
    },
    "server of HTTP": {"return 301 https://bank.example$request_uri", "server_tokens off"},
    "server of HTTPS": {
        "ssl_protocols TLSv1.2 TLSv1.3", "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20",
        "ssl_session_tickets off", "gzip off", "server_tokens off",
        "limit_conn connections 40", "client_max_body_size 12m",
        "client_body_timeout 20s", "client_header_timeout 20s", "proxy_read_timeout 60s",
        "proxy_pass http://127.0.0.1:8000", "proxy_set_header Host $host",
        "proxy_set_header X-Forwarded-For $remote_addr",
        "proxy_set_header X-Forwarded-Proto https", "proxy_set_header X-Request-ID $request_id",
        "error_log /var/log/nginx/error.log crit",
    },
}  # fmt: skip
NEEDS_NGINX = pytest.mark.skipif(not NGINX, reason="nginx (apt-get install nginx) is not here")


def servers() -> list[set[str]]:
    """The directives of each server, those of its locations too."""
    plain = re.sub(r"#.*", "", CONFIGURATION)
    blocks = re.split(r"^server \{", plain, flags=re.MULTILINE)[1:]
    return [{part.strip() for part in re.split(r"[;{}]", block)} for block in blocks]


@pytest.mark.parametrize(
    ("of", "guards"), [*zip(servers(), GUARDS.values(), strict=True)], ids=list(GUARDS)
)
def test_the_lines_that_guard_the_bank_are_there(of: set[str], guards: set[str]) -> None:
    assert guards <= of
    assert "access_log off" in of
    for name in ("ssl_protocols", "ssl_ciphers", "gzip", "limit_conn", "error_log", "access_log"):
        assert len([line for line in of if line.startswith(f"{name} ")]) <= 1, name


def test_connections_are_counted_by_the_clients_address() -> None:
    assert "limit_conn_zone $binary_remote_addr zone=connections:10m;" in CONFIGURATION


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
    authority: Path

    def get(self, **headers: str) -> tuple[int, str]:
        with closing(TlsClient(self)) as client:
            client.request("GET", "/", headers={"Host": HOST, **headers})
            answer = client.getresponse()
            return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxProxy]:
    folder, port, plain = tmp_path_factory.mktemp("nginx"), free_port(), free_port()
    authority, upstream = Authority(folder), EchoServer(("127.0.0.1", 0), EchoHandler)
    certificate, key = authority.sign(HOST)
    written = re.sub(r"^ *listen \[::\].*\n", "", CONFIGURATION, flags=re.MULTILINE)
    for old, new in (
        ("listen 443", f"listen 127.0.0.1:{port}"), ("listen 80", f"listen 127.0.0.1:{plain}"),
        ("/etc/ledger/tls/fullchain.pem", str(certificate)),
        ("/etc/ledger/tls/privkey.pem", str(key)), ("/var/log/nginx", str(folder)),
        ("127.0.0.1:8000", f"127.0.0.1:{upstream.server_port}"),
    ):  # fmt: skip
        assert old in written
        written = written.replace(old, new)
    of_this_folder = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"pid {folder}/pid; error_log {folder}/log; events {{}}"
        f" http {{ {of_this_folder}\n{written} }}"
    )
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    process = subprocess.Popen([str(NGINX), "-c", str(file), "-g", "daemon off;"])
    found = NginxProxy(port, authority.file)
    try:
        wait_until(lambda: process.poll() is not None or (folder / "pid").exists())
        assert process.poll() is None
        yield found
    finally:
        EchoHandler.let_go.set()
        process.terminate()
        process.wait(LONG)
        upstream.shutdown()
        upstream.server_close()


@NEEDS_NGINX
def test_what_a_client_says_of_itself_is_replaced(proxy: NginxProxy) -> None:
    arrived = json.loads(proxy.get(**FORGED)[1])

    assert arrived["X-Forwarded-For"] == "127.0.0.1"
    assert arrived["X-Forwarded-Proto"] == "https"
    assert re.fullmatch("[0-9a-f]{32}", arrived["X-Request-ID"])
    assert arrived["X-Request-ID"] != FORGED["X-Request-ID"]
    assert arrived["Host"] == HOST


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
    with closing(TlsClient(proxy, "else.example")) as client, pytest.raises(ssl.SSLError):
        client.connect()


@NEEDS_NGINX
def test_a_client_has_forty_connections_at_once(proxy: NginxProxy) -> None:
    with ExitStack() as opened:
        waiting = [opened.enter_context(closing(TlsClient(proxy))) for _ in range(40)]
        for client in waiting:
            client.request("GET", "/waits", headers={"Host": HOST})
        try:
            wait_until(lambda: proxy.get()[0] == 503)
        finally:
            EchoHandler.let_go.set()
        assert [client.getresponse().status for client in waiting] == [200] * 40
