"""The site as each kind of reader sees it, read once for all attacks of this folder.

The texts of this bank are hostile: each is a formula of a spreadsheet, with each sign of SIGNS in
some, and markup with an element and an attribute that no page has. Each kind of reader asks by GET
for all addresses of Eve's, by HEAD once for each pattern, and for what the links of these pages
lead to, and sends each form of them; the tests take the answers, and the forms and parameters that
are in them. Whatever this writes is undone, and `changed` has the tables that reading changed.
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

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"  # with which a formula begins, also in full width
OUTSIDE_RESOLVER = ("/healthz", "/readyz", "/static/ledger.css", "/nowhere/")
STRANGER = "stranger"
# Of these, also what the links of their pages lead to.
FOLLOWING = ("customer", "analyst", "staff")


# Fields of forms into which a person types a text.
TEXTS = ("name", "note", "text", "title", "label", "description", "reference", "message", "reason")


def hostile(label: str, canary: str) -> str:
    """A text with two formulas, of which the second stands in a new cell, and with markup."""
    choice = len(label) - sum(label.encode())  # by which all signs come into files
    formula = f"{SIGNS[choice % len(SIGNS)]}A"
    return f"{formula}{';|'[choice // len(SIGNS) % 2]}{formula}{MARKUP}{canary} {label}"


@dataclass(frozen=True, slots=True)
class SiteRead:
    """What one kind of reader got: `pages` of addresses, all `answers` by URL, and the tables that
    have changed meanwhile.
    """

    pages: list[PageRead]
    answers: dict[str, Answer]
    forms: list[PageForm]
    parameters: Seen
    changed: list[str]


@dataclass(frozen=True, slots=True)
class LinksRead:
    """The answers behind links with parameters, by URL, and the tables that have changed."""

    answers: dict[str, Answer]
    changed: list[str]


@dataclass(slots=True)
class Visits:
    """The answers to each kind of reader, and the tables that reading has changed."""

    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)
    changed: dict[str, list[str]] = field(default_factory=dict)

    def pages(self) -> Iterator[tuple[str, str, Answer]]:
        """Kind of reader, URL and answer of every page."""
        for kind, answers in self.answers.items():
            for url, answer in answers.items():
                yield kind, url, answer


class WalkedSite:
    """The attacked bank, its readers, and what each of them reads, once it is asked for."""

    def __init__(self) -> None:
        self.bank = attacked_bank(hostile)
        self.people = people_of(self.bank)
        for group in (MANAGER, PEOPLE_ADMIN):
            self.people[group] = colleague(group, "Colleague")
            add_address(self.people[group])
        self._read: dict[str, SiteRead] = {}

    def client(self, kind: str) -> Client:
        """A new session of this kind of reader."""
        return Client() if kind == STRANGER else signed_in(self.people[kind])

    def read_by(self, kind: str) -> SiteRead:
        """What this kind of reader gets; read when it is first asked for."""
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
        """Every page as each kind of reader."""
        visits = Visits()
        for kind in (STRANGER, *self.people):
            read = self.read_by(kind)
            visits.answers[kind], visits.changed[kind] = read.answers, read.changed
        return visits

    @cached_property
    def form_visits(self) -> Visits:
        """The answer to each form, filled in with hostile texts, and the page after it."""
        visits = Visits()
        for kind in (STRANGER, *self.people):
            visits.answers[kind] = dict(form_answers(self.client(kind), self.read_by(kind).forms))
        return visits

    @cached_property
    def linked_visits(self) -> Visits:
        """The pages to which links with parameters lead, and searches for texts of the bank."""
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
    """Each address with parameters to which these pages lead, and each that searches, by one word;
    and of each kind of page the part that htmx gets.
    """
    seen, one_each = parameters_seen(pages), parameters_seen(one_of_each(pages))
    searches = [f"{path}?q={word}" for path, names in one_each.names.items() if "q" in names]
    for url in [*seen.queries.values(), *searches]:
        yield url, ask(client, "GET", url)
    for url in [*one_each.names, *searches]:
        yield f"{url}#htmx", ask(client, "GET", url, headers={"HX-Request": "true"})


def form_answers(client: Client, forms: Iterable[PageForm]) -> Iterator[tuple[str, Answer]]:
    """The answer to each form that writes, and the page to which it redirects, with its message;
    and the file of a query of a hostile text.
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
    """The tables that are not as they were."""
    after = table_digests()
    return sorted(table for table in after if after[table] != before[table])
