"""The mock provider as an HTTP server in threads of this process, only on 127.0.0.1."""

import base64
import binascii
import json
import secrets
import threading
import time
from collections.abc import Iterable
from http import HTTPStatus
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from ledger.server.mock_provider import pages
from ledger.server.mock_provider.people import DEMO_PEOPLE, MockPerson
from ledger.server.mock_provider.provider import LOOPBACK, MockProvider, MockRefusal

HOST = "127.0.0.1"
COOKIE = "mock_provider"
LARGEST_BODY = 64 * 1024


class MockServer:
    """A context manager that runs the mock provider's HTTP server during the block. Port 0 means
    any free port.
    """

    def __init__(
        self,
        port: int,
        client_id: str,
        client_secret: str,
        people: Iterable[MockPerson] = DEMO_PEOPLE,
    ) -> None:
        self._http = ThreadingHTTPServer((HOST, port), _Handler)
        self._http.daemon_threads = True
        self.address = self._http.server_address
        issuer = f"http://{HOST}:{self._http.server_port}"
        self.provider = MockProvider(issuer, client_id, client_secret, people)
        self._http.provider = self.provider  # type: ignore[attr-defined]
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    @property
    def provider(self) -> MockProvider:
        found: MockProvider = self.server.provider  # type: ignore[attr-defined]
        return found

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query))
        back = asked.get("logout_uri") or asked.get("post_logout_redirect_uri", "")
        answers = {
            "/.well-known/openid-configuration": lambda: self._json(self.provider.discovery()),
            "/.well-known/jwks.json": lambda: self._json(self.provider.key_set()),
            "/oauth2/authorize": lambda: self._authorize(asked),
            "/oauth2/userInfo": self._userinfo,
            "/logout": lambda: self._sign_out(asked, back),
            "/end-session": lambda: self._sign_out(asked, back),
        }
        self._answer(answers.get(parts.path))

    def do_POST(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), LARGEST_BODY)
        form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
        answers = {
            "/oauth2/authorize": lambda: self._signed_in(form),
            "/oauth2/token": lambda: self._token(form),
        }
        self._answer(answers.get(urlsplit(self.path).path))

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing, because URLs contain codes and tokens."""

    def _answer(self, answer: Any) -> None:
        try:
            if answer is None:
                self._page(HTTPStatus.NOT_FOUND, pages.message("Nothing here", "No such page."))
            else:
                answer()
        except MockRefusal as refusal:
            self._json({"error": str(refusal)}, HTTPStatus.BAD_REQUEST)

    def _authorize(self, asked: dict[str, str]) -> None:
        self.provider.check_request(asked)
        session = self.provider.sessions.get(self._cookie())
        if session and asked.get("prompt") != "login":
            subject, since = session
            self._redirect(self.provider.authorize(asked, subject, signed_in_at=since))
        else:
            self._page(HTTPStatus.OK, pages.sign_in(asked, list(self.provider.people.values())))

    def _signed_in(self, form: dict[str, str]) -> None:
        fault, subject = form.pop("fault", ""), form.pop("subject", "")
        url = self.provider.authorize(form, subject, fault)
        cookie = secrets.token_urlsafe(24)
        self.provider.sessions[cookie] = subject, int(time.time())
        self._redirect(url, f"{COOKIE}={cookie}; HttpOnly; Path=/; SameSite=Lax")

    def _token(self, form: dict[str, str]) -> None:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            try:
                pair = base64.b64decode(encoded).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise MockRefusal("invalid_client") from None
            client_id, secret = unquote(pair[0]), unquote(pair[2])
        self._json(self.provider.token(form, client_id, secret))

    def _userinfo(self) -> None:
        self._json(self.provider.userinfo(self.headers.get("Authorization", "").partition(" ")[2]))

    def _sign_out(self, asked: dict[str, str], back: str) -> None:
        if asked.get("client_id") != self.provider.client_id:
            raise MockRefusal("unauthorized_client")
        if urlsplit(back).hostname not in LOOPBACK:
            raise MockRefusal("invalid_redirect_uri")
        self.provider.sessions.pop(self._cookie(), None)
        state = {"state": asked["state"]} if "state" in asked else {}
        self._redirect(f"{back}?{urlencode(state)}" if state else back)

    def _cookie(self) -> str:
        found = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        return found.value if found else ""

    def _redirect(self, url: str, cookie: str = "") -> None:
        self.send_response(HTTPStatus.FOUND)
        self.send_header("Location", url)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, found: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        self._body(status, "application/json", json.dumps(found))

    def _page(self, status: HTTPStatus, html: str) -> None:
        self._body(status, "text/html; charset=utf-8", html)

    def _body(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
