"""Pages as a person reads them: each address once, with the pages to which its redirects lead."""

from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from urllib.parse import urljoin

from django.http import QueryDict
from django.test import Client

from tests.attacks.answers import Answer, ask
from tests.attacks.walk import Address

MOST_REDIRECTS = 3
OK = 200


@dataclass(frozen=True, slots=True)
class PageRead:
    """An address, its response, and the names of the parameters that its view read.

    `end` is the response to the last redirect, or the response of the address itself if it does not
    redirect.
    """

    address: Address
    answer: Answer
    end: Answer
    asked: frozenset[str]

    @property
    def url(self) -> str:
        return self.address.url

    @property
    def html(self) -> str:
        """The page that a browser would show, or "" if the response is not a page."""
        is_page = self.end.status == OK and "html" in self.end.headers.get("Content-Type", "")
        return self.end.body if is_page else ""


@contextmanager
def names_asked() -> Iterator[set[str]]:
    """Yields a set that contains the names of the parameters and fields that views read while the
    `with` block runs.
    """
    names: set[str] = set()

    def watched(method: str) -> Any:
        usual = getattr(QueryDict, method)

        def watch(self: QueryDict, key: Any, *others: Any, **options: Any) -> Any:
            names.add(str(key))
            return usual(self, key, *others, **options)

        return patch.object(QueryDict, method, watch)

    with watched("__getitem__"), watched("__contains__"), watched("_getlist"):
        yield names


def read_pages(
    client: Client,
    addresses: Iterable[Address],
    answers: MutableMapping[str, Answer] | None = None,
) -> list[PageRead]:
    """Reads all these addresses and returns the pages. Stores every response in `answers`, by URL.
    Links whose response is already stored are not read again.
    """
    known = {} if answers is None else answers
    return [_read(client, address, known) for address in addresses]


def _read(client: Client, address: Address, known: MutableMapping[str, Answer]) -> PageRead:
    with names_asked() as asked:
        answer = ask(client, "GET", address.url)
    known[address.url] = end = answer
    url = address.url
    for _ in range(MOST_REDIRECTS):
        url = urljoin(url, end.headers.get("Location", ""))
        if not ("Location" in end.headers and url.startswith("/")):
            break
        if url not in known:
            known[url] = ask(client, "GET", url)
        end = known[url]
    return PageRead(address, answer, end, frozenset(asked))


def one_of_each(pages: Iterable[PageRead]) -> list[PageRead]:
    """Returns one page of each pattern."""
    return list({page.address.pattern.template: page for page in pages}.values())
