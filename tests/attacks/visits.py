"""Every page, read once by each kind of reader, for all attacks that only look at the answers.

The texts of this bank are hostile: each is a formula of a spreadsheet, and markup with an element
and an attribute that no page has. The walk asks by GET for all addresses of Eve's, and by HEAD once
for each pattern. The database is as it was after it, unless a page writes: `before` and `after`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from unittest.mock import patch

from django.db import connection
from django.test import Client
from django.test.client import ClientHandler

from tests.attacks.answers import Answer, ask
from tests.attacks.bank import attacked_bank
from tests.attacks.digests import table_digests
from tests.attacks.markup import MARKUP
from tests.attacks.parameters import parameters_seen
from tests.attacks.people import readers_of, rolled_back
from tests.attacks.walk import Address, addresses
from tests.conftest import as_web_role

FORMULA = "=1+1"
OUTSIDE_RESOLVER = ("/healthz", "/readyz", "/static/ledger.css", "/nowhere/")
# These open the page of each row, the others one page of each kind.
SEES_ROWS = ("customer", "staff")
MOST_REDIRECTS = 3
OK = 200


def hostile(label: str, canary: str) -> str:
    return f"{FORMULA};{MARKUP}{canary} {label}"


@dataclass(slots=True)
class Visits:
    """The answers by kind of reader and URL, and the digests of the tables before and after."""

    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, dict[str, str]] = field(default_factory=dict)

    def pages(self) -> Iterator[tuple[str, str, Answer]]:
        """Kind of reader, URL and answer of every page."""
        for kind, answers in self.answers.items():
            for url, answer in answers.items():
                yield kind, url, answer


def visit_everything() -> Visits:
    """Walks as each kind of reader, and rolls everything back. For tests with the database."""
    assert connection.settings_dict["NAME"].startswith("test_"), "mark the test with django_db"
    visits = Visits()
    with rolled_back(), patch.object(ClientHandler, "__call__", as_web_role):
        bank = attacked_bank(hostile)
        found = addresses(bank.eve)
        one_each = list({address.pattern: address.url for address in found}.values())
        all_rows = [address.url for address in found]
        clients = {"stranger": Client(), **readers_of(bank)}
        visits.before = table_digests()
        for kind, client in clients.items():
            urls = all_rows if kind in SEES_ROWS else one_each
            visits.answers[kind] = dict(_walked(client, [*urls, *OUTSIDE_RESOLVER]))
            for url in one_each:
                if visits.answers[kind][url].status == OK:
                    ask(client, "HEAD", url)
            visits.after[kind] = table_digests()
    return visits


def visit_links() -> Visits:
    """The same bank by every link with parameters, and by every search for its texts."""
    visits = Visits()
    with rolled_back(), patch.object(ClientHandler, "__call__", as_web_role):
        bank = attacked_bank(hostile)
        found = {address.pattern: address for address in addresses(bank.eve)}.values()
        readers = readers_of(bank)
        for kind in SEES_ROWS:
            linked = linked_answers(readers[kind], found, bank.eve.canary)
            visits.answers[kind] = dict(linked)
    return visits


def linked_answers(
    client: Client, found: Iterable[Address], word: str
) -> Iterator[tuple[str, Answer]]:
    """Each address with parameters to which these pages lead, and each page that searches, by one
    word; and of each path the part that htmx gets.
    """
    seen = parameters_seen(client, found)
    searches = [f"{path}?q={word}" for path, names in seen.names.items() if "q" in names]
    for url in [*seen.queries.values(), *searches]:
        yield url, ask(client, "GET", url)
    for url in [*seen.names, *searches]:
        yield f"{url}#htmx", ask(client, "GET", url, headers={"HX-Request": "true"})


def _walked(client: Client, urls: list[str]) -> Iterator[tuple[str, Answer]]:
    """The answer of each URL, and of each that it redirects to."""
    seen = set()
    for start in urls:
        url = start
        for _ in range(MOST_REDIRECTS):
            if url in seen or not url.startswith("/"):
                break
            seen.add(url)
            answer = ask(client, "GET", url)
            yield url, answer
            url = answer.headers.get("Location", "")
