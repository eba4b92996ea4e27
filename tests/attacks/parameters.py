"""The parameters of every page: the names in links and forms, and the names that its view reads."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from tests.attacks.forms import forms_of
from tests.attacks.markup import Markup
from tests.attacks.reading import PageRead

UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(slots=True)
class Seen:
    """The parameters of pages. `names` contains, by path, each parameter with a value from a link
    or a form, or "". `queries` contains the addresses with parameters from links and GET forms, one
    of each kind.
    """

    names: dict[str, dict[str, str]] = field(default_factory=dict)
    queries: dict[object, str] = field(default_factory=dict)

    def add(self, path: str, query: dict[str, str]) -> None:
        self.names.setdefault(path, {}).update(query)
        if query:
            kind = (page_of(path), *sorted((k, page_of(v)) for k, v in query.items()))
            self.queries.setdefault(kind, f"{path}?{urlencode(query)}")


def page_of(path: str) -> str:
    """Returns the path without ids, so that the pages of two rows are equal."""
    return UUID.sub("<id>", path)


def parameters_seen(pages: Iterable[PageRead]) -> Seen:
    """Returns the parameters of all these pages: from their links, their GET forms and their
    views.
    """
    seen = Seen()
    for page in pages:
        seen.add(page.url, {})
        for name in sorted(page.asked):
            seen.names[page.url].setdefault(name, "")
        _add_links(seen, page.html, page.url)
    return seen


def _add_links(seen: Seen, page: str, url: str) -> None:
    for form in forms_of(page, url):
        if form.method == "GET":
            seen.add(form.action, form.values)
    for link in Markup(page).links:
        parts = urlsplit(urljoin(url, link))
        if not parts.netloc and parts.query:
            seen.add(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)))
