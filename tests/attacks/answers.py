"""Sends a request with any method, and returns the whole response: status, headers and body."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.test import Client
from django.test.client import MULTIPART_CONTENT

READING = ("GET", "HEAD", "OPTIONS")
METHODS = (*READING, "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def text(self) -> str:
        """The headers and the body as one text."""
        return "\n".join([*(f"{name}: {value}" for name, value in self.headers.items()), self.body])

    def shown(self, facts: Any, url: str) -> list[str]:
        """Returns the facts that the response contains. Facts that the URL contains do not
        count.
        """
        return [fact for fact in facts if fact not in url and fact in self.text]


_watchers: list[Callable[[str, Answer], object]] = []


@contextmanager
def watched(watcher: Callable[[str, Answer], object]) -> Iterator[None]:
    """Calls `watcher` with each request of the `with` block and its response."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def ask(
    client: Client,
    method: str,
    url: str,
    data: Any = None,
    *,
    follow: bool = False,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Sends one request and returns the response. With `follow`, returns the page after all
    redirects. An error of the site is a response with status 500.
    """
    client.raise_request_exception = False
    response: Any
    if method == "POST":
        body, kind = _form(data or {})
        response = client.post(url, body, kind, follow=follow, headers=headers)
    elif method == "GET":
        response = client.get(url, data, follow=follow, headers=headers)
    else:
        response = client.generic(method, url, follow=follow, headers=headers)
    parts = response.streaming_content if response.streaming else [response.content]
    text = b"".join(parts).decode(errors="replace")
    answer = Answer(response.status_code, dict(response.headers), text)
    for watcher in _watchers:
        watcher(f"{method} {url}", answer)
    return answer


def _form(fields: Any) -> tuple[Any, str]:
    """Returns the body of a form and its content type. Sends half a character only in a type of
    body that can contain it.
    """
    values = [value for value in fields.values() if isinstance(value, str)]
    if not re.search("[\ud800-\udfff]", "".join(values)):
        return fields, MULTIPART_CONTENT
    return urlencode(fields, errors="surrogatepass"), "application/x-www-form-urlencoded"


def leads_away(location: str) -> bool:
    """Returns whether a browser would leave the site. Browsers read backslashes as slashes, and
    ignore tabs.
    """
    seen = location.replace("\\", "/").translate({9: None, 10: None, 13: None}).strip()
    parts = urlsplit(seen)
    return bool(parts.netloc not in ("", "testserver") or parts.scheme not in ("", "http")) or (
        seen.startswith("//")
    )
