"""Reads the text and the markup of a response."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any


def without_token(response: Any) -> str:
    """Returns the page without its CSRF tokens, because their random letters may contain any short
    word.
    """
    return re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]*', r"\1", response.content.decode())


def text_of(response: Any) -> str:
    """Returns the text of a page, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).replace("\xa0", " ").split())


def without_request(text: str) -> str:
    """Returns the text of an error page without the request id, which is different on each page."""
    return re.sub(r"give this number: [0-9a-f]{32}", "", text)


def hidden_fields(html: str) -> dict[str, str]:
    """Returns the names and values of the hidden fields."""
    found = re.findall('<input type="hidden" name="([^"]+)" value="([^"]*)">', html)
    return {name: unescape(value) for name, value in found}


def markup_of(response: Any) -> str:
    """Returns the HTML of a page with single spaces, so that the layout of its template has no
    effect.
    """
    return " ".join(response.content.decode().split())


def texts_of(response: Any, css_class: str) -> list[str]:
    """Returns the text of each element with this class, in order."""
    return _Texts(response.content.decode(), css_class).found


def lacks(text: str, *facts: str) -> list[str]:
    """Returns the facts that the text does not contain."""
    return [fact for fact in facts if fact not in text]


class _Texts(HTMLParser):
    def __init__(self, page: str, css_class: str) -> None:
        super().__init__()
        self.css_class = css_class
        self.found: list[str] = []
        self.parts: list[str] = []
        self.element, self.depth = "", 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.depth:
            self.parts.append(" ")
            self.depth += tag == self.element
        elif self.css_class in (dict(attrs).get("class") or "").split():
            self.element, self.depth = tag, 1

    def handle_data(self, data: str) -> None:
        if self.depth:
            self.parts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self.depth and tag == self.element:
            self.depth -= 1
            if not self.depth:
                self.found.append(" ".join("".join(self.parts).split()))
                self.parts = []


class Attributes(HTMLParser):
    """A parser that collects the names of all elements and attributes of a page in `seen`."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        self.seen |= {tag} | names
        if tag == "script" and "src" not in names:
            self.seen.add("script in the page")
