"""Somebody with a browser without JavaScript: pages, forms and cookies, over HTTP."""

import http.client
import re
import uuid
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import quote, urlencode, urljoin, urlsplit

from tests.attacks.forms import PageForm, forms_of

MOST_REDIRECTS = 8


@dataclass
class Answered:
    path: str
    status: int
    html: str
    headers: http.client.HTTPMessage

    @property
    def text(self) -> str:
        """What stands in the middle of the page."""
        main = self.html[self.html.find("<main") :]
        return " ".join(re.sub(r"<[^>]+>", " ", main).split())[:1500]

    def form_with(self, *names: str) -> PageForm:
        """The first form that has all of these fields or buttons."""
        for each in forms_of(self.html, self.path):
            if {*names} <= {*each.values, *each.files}:
                return each
        raise AssertionError(f"no form with {names} at {self.path}, {self.status}: {self.text}")


class Visitor:
    """One browser. `secrets` has all cookies that it was given and all tokens of its forms."""

    def __init__(self, port: int, address: str) -> None:
        self.port, self.address = port, address
        self.cookies: SimpleCookie = SimpleCookie()
        self.secrets: set[str] = set()
        self.answers: list[tuple[str, int]] = []

    def get(self, path: str) -> Answered:
        return self._followed("GET", path, None, {})

    def post(self, path: str, fields: dict[str, str], **files: str) -> Answered:
        """Sends fields, and files by their field with their text, to this address."""
        if files:
            body, kind = _multipart(fields, files)
        else:
            body, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        return self._followed("POST", path, body, {"Content-Type": kind})

    def submit(self, page: Answered | str, *names: str, **typed: str) -> Answered:
        """Sends the form of the page that has these fields. `file__NAME` is the text of a file."""
        page = self.get(page) if isinstance(page, str) else page
        files = {name[6:]: text for name, text in typed.items() if name.startswith("file__")}
        plain = {name: text for name, text in typed.items() if not name.startswith("file__")}
        form = page.form_with(*names, *(plain if not names else ()))
        if form.method == "GET":
            return self.get(f"{form.action}?{urlencode(form.filled(plain))}")
        return self.post(form.action, form.filled(plain), **files)

    def raw(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answered:
        """One request, without following where it leads."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {
            "Host": f"localhost:{self.port}", "X-Forwarded-For": self.address,
            "X-Forwarded-Proto": "http", "X-Request-ID": uuid.uuid4().hex,
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Referer": f"http://localhost:{self.port}{quote(path)}",
            "Cookie": "; ".join(f"{name}={each.value}" for name, each in self.cookies.items()),
            **headers,
        }  # fmt: skip
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            html = answer.read().decode(errors="replace")
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie") or ():
            self.cookies.load(line)
        self.secrets |= {each.value for each in self.cookies.values() if len(each.value) >= 16}
        self.secrets |= set(
            re.findall(r'name="(?:csrfmiddlewaretoken|reviewed)" value="([^"]{16,})"', html)
        )
        self.answers.append((f"{method} {path}", answer.status))
        return Answered(path, answer.status, html, answer.headers)

    def _followed(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Answered:
        found = self.raw(method, path, body, headers)
        for _ in range(MOST_REDIRECTS):
            if found.status not in (301, 302, 303, 307):
                return found
            there = urlsplit(urljoin(found.path, found.headers["Location"]))
            found = self.raw(
                "GET", there.path + (f"?{there.query}" if there.query else ""), None, {}
            )
        raise AssertionError(f"it leads round in a circle: {found.path}")


def _multipart(fields: dict[str, str], files: dict[str, str]) -> tuple[bytes, str]:
    edge = uuid.uuid4().hex
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'
        for name, text in fields.items()
    ]
    for name, text in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{name}-of-Violet.csv"'
        parts.append(f"{head}\r\nContent-Type: text/csv\r\n\r\n{text}")
    body = "".join(f"--{edge}\r\n{part}\r\n" for part in parts) + f"--{edge}--\r\n"
    return body.encode(), f"multipart/form-data; boundary={edge}"
