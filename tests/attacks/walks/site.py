"""The site as each kind of reader sees it, read once for all attacks of this folder.

The texts of this bank are hostile. Each text is a spreadsheet formula, with the signs of SIGNS in
turn, and contains markup with an element and an attribute that no page has. Each kind of reader
requests all addresses of Eve's with GET, one address per pattern with HEAD, and the targets of
links on these pages, and sends each form of the pages. The tests use the responses, and the forms
and parameters in them. All writes are undone. `changed` contains the tables that reading has
changed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urljoin

from django.test import Client

from accounts.groups import MANAGER, PEOPLE_ADMIN
from tests.attacks.answers import Answer, ask, leads_away
from tests.attacks.bank import attacked_bank
from tests.attacks.digests import table_digests
from tests.attacks.forms import PageForm, forms_seen
from tests.attacks.markup import MARKUP
from tests.attacks.parameters import Seen, parameters_seen
from tests.attacks.people import (
    add_address,
    attempt_of,
    people_of,
    rolled_back,
    signed_in,
)
from tests.attacks.reading import OK, PageRead, one_of_each, read_pages
from tests.attacks.walk import addresses
from tests.conftest import colleague

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"  # signs with which a formula begins, also in full width
OUTSIDE_RESOLVER = ("/healthz", "/readyz", "/static/ledger.css", "/nowhere/")
STRANGER = "stranger"
# For these readers, the targets of links are read, too.
FOLLOWING = ("customer", "analyst", "staff")


# Form fields into which a person types a text.
TEXTS = ("name", "note", "text", "title", "label", "description", "reference", "message", "reason")


def hostile(label: str, canary: str) -> str:
    """Returns a text with two formulas, of which the second begins a new cell, and with markup."""
    choice = len(label) - sum(label.encode())  # so that all signs occur in files
    formula = f"{SIGNS[choice % len(SIGNS)]}A"
    return f"{formula}{';|'[choice // len(SIGNS) % 2]}{formula}{MARKUP}{canary} {label}"


@dataclass(frozen=True, slots=True)
class SiteRead:
    """The pages of one kind of reader: `pages` of addresses, all `answers` by URL, and the tables
    that have changed.
    """

    pages: list[PageRead]
    answers: dict[str, Answer]
    forms: list[PageForm]
    parameters: Seen
    changed: list[str]


@dataclass(frozen=True, slots=True)
class LinksRead:
    """The responses of links with parameters, by URL, and the tables that have changed."""

    answers: dict[str, Answer]
    changed: list[str]


@dataclass(slots=True)
class Visits:
    """The responses for each kind of reader, and the tables that reading has changed."""

    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)
    changed: dict[str, list[str]] = field(default_factory=dict)

    def pages(self) -> Iterator[tuple[str, str, Answer]]:
        """Yields the kind of reader, the URL and the response of every page."""
        for kind, answers in self.answers.items():
            for url, answer in answers.items():
                yield kind, url, answer


class WalkedSite:
    """The attacked bank, its readers, and their pages, which are read when they are first
    needed.
    """

    def __init__(self) -> None:
        self.bank = attacked_bank(hostile)
        self.people = people_of(self.bank)
        for group in (MANAGER, PEOPLE_ADMIN):
            self.people[group] = colleague(group, "Colleague")
            add_address(self.people[group])
        self._read: dict[str, SiteRead] = {}

    def client(self, kind: str) -> Client:
        """Returns a new session of this kind of reader."""
        return Client() if kind == STRANGER else signed_in(self.people[kind])

    def read_by(self, kind: str) -> SiteRead:
        """Returns the pages of this kind of reader. Reads them at the first call."""
        if kind not in self._read:
            self._read[kind] = self._visit(kind)
        return self._read[kind]

    def _visit(self, kind: str) -> SiteRead:
        with rolled_back():
            client, answers = self.client(kind), dict[str, Answer]()
            before = table_digests()
            pages = read_pages(client, addresses(self.bank.eve), answers)
            answers |= {url: ask(client, "GET", url) for url in OUTSIDE_RESOLVER}
            for page in one_of_each(pages):
                if page.answer.status == OK:
                    ask(client, "HEAD", page.url)
            changed = changed_since(before)
        return SiteRead(pages, answers, forms_seen(pages), parameters_seen(pages), changed)

    @cached_property
    def visits(self) -> Visits:
        """Returns every page for each kind of reader."""
        visits = Visits()
        for kind in (STRANGER, *self.people):
            read = self.read_by(kind)
            visits.answers[kind], visits.changed[kind] = read.answers, read.changed
        return visits

    @cached_property
    def form_visits(self) -> Visits:
        """Returns the response to each form with hostile texts, and the page after it."""
        visits = Visits()
        for kind in (STRANGER, *self.people):
            visits.answers[kind] = dict(form_answers(self.client(kind), self.read_by(kind).forms))
        return visits

    @cached_property
    def linked_visits(self) -> Visits:
        """Returns the pages of links with parameters, and searches for texts of the bank."""
        visits = Visits()
        for kind in FOLLOWING:
            with rolled_back():
                client, before = self.client(kind), table_digests()
                found = dict(linked_answers(client, self.read_by(kind).pages, self.bank.eve.canary))
                visits.answers[kind], visits.changed[kind] = found, changed_since(before)
        return visits


def linked_answers(
    client: Client, pages: Iterable[PageRead], word: str
) -> Iterator[tuple[str, Answer]]:
    """Yields each address with parameters in the links of these pages, and each address that
    searches for one word. Also yields the htmx part of each kind of page.
    """
    seen, one_each = parameters_seen(pages), parameters_seen(one_of_each(pages))
    searches = [f"{path}?q={word}" for path, names in one_each.names.items() if "q" in names]
    for url in [*seen.queries.values(), *searches]:
        yield url, ask(client, "GET", url)
    for url in [*one_each.names, *searches]:
        yield f"{url}#htmx", ask(client, "GET", url, headers={"HX-Request": "true"})


def form_answers(client: Client, forms: Iterable[PageForm]) -> Iterator[tuple[str, Answer]]:
    """Yields the response to each form that writes, the page to which it redirects, and the file of
    a query with a hostile text.
    """
    posted = [form for form in forms if form.method == "POST"]
    for number, form in enumerate(posted):
        said = {name: hostile(name, "qzsentqz") for name in TEXTS if name in form.values}
        with attempt_of(client) as sender:
            answer = ask(sender, "POST", form.action, form.filled(said))
            yield f"{form.action}#{number}", answer
            url = urljoin(form.action, answer.headers.get("Location", ""))
            if "Location" in answer.headers and not leads_away(url):
                yield f"{url}#after {form.action} {number}", ask(sender, "GET", url)
    for form in [form for form in posted if "sql" in form.values][:1]:
        text = hostile("query", "qzsentqz").replace("'", "''")
        asked = form.filled({"sql": f"SELECT '{text}' AS text", "as": "csv"})
        yield f"{form.action}#file", ask(client, "POST", form.action, asked)


def changed_since(before: dict[str, str]) -> list[str]:
    """Returns the tables that have changed."""
    after = table_digests()
    return sorted(table for table in after if after[table] != before[table])
