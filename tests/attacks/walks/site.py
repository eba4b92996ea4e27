"""The site as each kind of reader sees it, read once for all attacks of this folder.

The texts of this bank are hostile: each is a formula of a spreadsheet, and markup with an element
and an attribute that no page has. Each kind of reader asks by GET for all addresses of Eve's, by
HEAD once for each pattern, and for what the links of these pages lead to; the tests take the
answers, and the forms and parameters that are in them. Whatever reading writes is undone, and
`changed` tells it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from django.test import Client

from accounts.groups import MANAGER, PEOPLE_ADMIN
from tests.attacks.answers import Answer, ask
from tests.attacks.bank import attacked_bank
from tests.attacks.digests import table_digests
from tests.attacks.forms import PageForm, forms_seen
from tests.attacks.markup import MARKUP
from tests.attacks.parameters import Seen, parameters_seen
from tests.attacks.people import add_address, people_of, rolled_back, signed_in
from tests.attacks.reading import OK, PageRead, one_of_each, read_pages
from tests.attacks.walk import addresses
from tests.conftest import colleague

FORMULA = "=1+1"
OUTSIDE_RESOLVER = ("/healthz", "/readyz", "/static/ledger.css", "/nowhere/")
STRANGER = "stranger"
# Of these, also what the links of their pages lead to.
FOLLOWING = ("customer", "analyst", "staff")


def hostile(label: str, canary: str) -> str:
    return f"{FORMULA};{MARKUP}{canary} {label}"


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


def changed_since(before: dict[str, str]) -> list[str]:
    """The tables that are not as they were."""
    after = table_digests()
    return sorted(table for table in after if after[table] != before[table])
