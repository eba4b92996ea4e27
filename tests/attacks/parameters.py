"""The parameters of every page: what its links and forms give, and what its view asks for."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from django.http import QueryDict
from django.test import Client

from tests.attacks.answers import ask
from tests.attacks.forms import OK, forms_of
from tests.attacks.markup import Markup
from tests.attacks.walk import Address

UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(slots=True)
class Seen:
    """`names`: by path, each parameter with a value that a link or a form gives it, or "".
    `queries`: the addresses with parameters to which links and GET forms lead, one of each kind.
    """

    names: dict[str, dict[str, str]] = field(default_factory=dict)
    queries: dict[object, str] = field(default_factory=dict)

    def add(self, path: str, query: dict[str, str]) -> None:
        self.names.setdefault(path, {}).update(query)
        if query:
            kind = (page_of(path), *sorted((k, page_of(v)) for k, v in query.items()))
            self.queries.setdefault(kind, f"{path}?{urlencode(query)}")


def page_of(path: str) -> str:
    """The same for the pages of two rows."""
    return UUID.sub("<id>", path)


@contextmanager
def names_asked() -> Iterator[set[str]]:
    """The names of the parameters and fields for which views ask while the block runs."""
    names: set[str] = set()

    def watched(method: str) -> Any:
        usual = getattr(QueryDict, method)

        def watch(self: QueryDict, key: Any, *others: Any, **options: Any) -> Any:
            names.add(str(key))
            return usual(self, key, *others, **options)

        return patch.object(QueryDict, method, watch)

    with watched("__getitem__"), watched("__contains__"), watched("_getlist"):
        yield names


def parameters_seen(client: Client, addresses: Iterable[Address]) -> Seen:
    """The parameters of all these pages: from their links, their GET forms and their views."""
    seen = Seen()
    for address in addresses:
        with names_asked() as asked:
            answer = ask(client, "GET", address.url)
        seen.add(address.url, {})
        for name in asked:
            seen.names[address.url].setdefault(name, "")
        if answer.status == 302:
            answer = ask(client, "GET", address.url, follow=True)
        if answer.status == OK and "html" in answer.headers.get("Content-Type", ""):
            _add_links(seen, answer.body, address.url)
    return seen


def _add_links(seen: Seen, page: str, url: str) -> None:
    for form in forms_of(page, url):
        if form.method == "GET":
            seen.add(form.action, form.values)
    for link in Markup(page).links:
        parts = urlsplit(urljoin(url, link))
        if not parts.netloc and parts.query:
            seen.add(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)))
