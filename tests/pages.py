"""Reads the text and the markup of a response."""

import re
from html.parser import HTMLParser
from typing import Any


def without_token(response: Any) -> str:
    """The page without its CSRF tokens: their random letters may contain any short word."""
    return re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]*', r"\1", response.content.decode())


def text_of(response: Any) -> str:
    """The text of a page, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).replace("\xa0", " ").split())


def markup_of(response: Any) -> str:
    """The HTML of a page with single spaces, independent of its template's layout."""
    return " ".join(response.content.decode().split())


class Attributes(HTMLParser):
    """The names of all elements and attributes of a page, in `seen`."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        self.seen |= {tag} | names
        if tag == "script" and "src" not in names:
            self.seen.add("script in the page")
