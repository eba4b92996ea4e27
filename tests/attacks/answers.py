"""Sends a request by any method, and reads the whole answer: status, headers and body."""

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
        """Headers and body."""
        return "\n".join([*(f"{name}: {value}" for name, value in self.headers.items()), self.body])

    def shown(self, facts: Any, url: str) -> list[str]:
        """Those of the facts that the answer states; what the URL says itself does not count."""
        return [fact for fact in facts if fact not in url and fact in self.text]


_watchers: list[Callable[[str, Answer], object]] = []


@contextmanager
def watched(watcher: Callable[[str, Answer], object]) -> Iterator[None]:
    """Shows the watcher each answer of the block, and what was asked for."""
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
    """The answer to one request, or with `follow` the page at the end of its redirects. An error of
    the site is an answer with status 500.
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
    """The body of a form, and its type. Half a character goes in a body that can have one."""
    values = [value for value in fields.values() if isinstance(value, str)]
    if not re.search("[\ud800-\udfff]", "".join(values)):
        return fields, MULTIPART_CONTENT
    return urlencode(fields, errors="surrogatepass"), "application/x-www-form-urlencoded"


def leads_away(location: str) -> bool:
    """Whether a browser would leave the site: it takes backslashes for slashes, and drops tabs."""
    seen = location.replace("\\", "/").translate({9: None, 10: None, 13: None}).strip()
    parts = urlsplit(seen)
    return bool(parts.netloc not in ("", "testserver") or parts.scheme not in ("", "http")) or (
        seen.startswith("//")
    )
