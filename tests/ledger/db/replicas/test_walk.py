"""Every page and every form, with a replica that is behind: what was read there, and how many
queries it took.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from accounts.sign_in.session_store import SessionStore
from banking.statement_files.files import LABELS
from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank, attacked_bank
from tests.attacks.forms import forms_seen
from tests.attacks.people import readers_of
from tests.attacks.people import signed_in as proved
from tests.attacks.reading import read_pages
from tests.attacks.walk import addresses
from tests.ledger.db.replicas.bank import BankWithReplica

# Which pages read what from a replica. Nothing else does. The section "Replicas" of
# docs/databases.md lists the same data. The explorer's query is sent on a connection of its own, so
# no statement of it is seen here.
MAY_READ = {
    "search": {
        "transactions:search",
        "transactions:search_csv",
        "transactions:search_json",
        "api:search",
    },
    "statement": {
        "transactions:statement",
        "transactions:monthly_statement",
        *(f"transactions:statement_{kind}" for kind in LABELS if kind != "pdf"),
        "api:entries",
        "api:statement",
        "api:statement_file",
    },
    "report": {
        "transactions:report",
        "transactions:report_csv",
        "transactions:report_json",
        "api:report",
        "explorer:of_report",
    },
    "browse": {"explorer:browse", "explorer:groups_csv", "explorer:groups_json"},
    "explorer": {"explorer:editor", "cookbook:exercise"},
    "own entries": {"transactions:data"},
    "cookbook": {"cookbook:recipe"},
}
BY_FORM = {"own entries", "explorer"}
# Files with balances: the replica is asked once whether it has all their entries.
WITH_BALANCES = {
    "api:statement_file",
    "transactions:monthly_statement",
    *(f"transactions:statement_{kind}" for kind in LABELS if kind not in ("pdf", "csv", "json")),
}
# Limits, holds and sign-in, by which somebody decides.
NEVER = re.compile(
    r"transfer_limit|daily_limit|overdraft_limit|\bheld\b|password|is_staff|is_superuser"
    r"|approval|sessions|auth_|thresholds"
)


@pytest.fixture(scope="module")
def people() -> list[AttackedBank]:
    """The bank of the attacks, built by the first test."""
    return []


@pytest.fixture
def attacked(bank: BankWithReplica, people: list[AttackedBank]) -> AttackedBank:
    if not people:
        people.append(attacked_bank())
    bank.catch_up()
    return people[0]


def some_addresses(bank: AttackedBank) -> Iterator[str]:
    """One of each pattern, and all reports."""
    seen = set()
    for address in addresses(bank.eve):
        if address.pattern not in seen or address.name.startswith("transactions:report"):
            seen.add(address.pattern)
            yield address.url


def test_every_page_reads_from_the_replica_only_what_it_may(
    bank: BankWithReplica, attacked: AttackedBank
) -> None:
    readers = readers_of(attacked)
    wrong, used = [], set()
    with bank.paused():
        for kind, client in readers.items():
            for url in some_addresses(attacked):
                bank.probe()
                bank.sent.clear()
                ask(client, "GET", url)
                for sent in bank.sent:
                    used.add(sent.purpose)
                    if resolve(url).view_name not in MAY_READ[sent.purpose]:
                        wrong.append(f"{kind} {url}: {sent}")
                    if sent.purpose != "cookbook" and NEVER.search(sent.sql):
                        wrong.append(f"{kind} {url}: {sent}")
                if bank.replica.repeated and "cookbook" not in url:
                    wrong.append(f"{kind} {url} was read again")
                bank.replica.repeated = 0

    assert wrong == []
    assert used == MAY_READ.keys() - BY_FORM


def test_of_the_forms_only_the_download_and_the_explorer_read_from_the_replica(
    bank: BankWithReplica, attacked: AttackedBank
) -> None:
    wrong, posted, readers = [], 0, set()
    for user in (attacked.eve.user, attacked.clerk):
        found = forms_seen(read_pages(proved(user), addresses(attacked.eve)))
        for form in [each for each in found if each.method == "POST"]:
            client = proved(user)
            bank.probe()
            bank.sent.clear()
            before = bank.replica.reads
            ask(client, "POST", form.action, form.values)
            posted += 1
            wrong += [f"{form.action}: {each}" for each in bank.sent if each.purpose not in BY_FORM]
            if bank.replica.reads > before:
                readers.add(resolve(urlsplit(form.action).path).view_name)

    assert posted > 30
    assert wrong == []
    assert readers - MAY_READ["explorer"] == MAY_READ["own entries"]


@pytest.mark.parametrize("kind", ["customer", "staff"])
def test_a_page_sends_as_many_queries_with_a_replica_as_without(
    bank: BankWithReplica,
    attacked: AttackedBank,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    monkeypatch.setattr(SessionStore, "seen", lambda _session: None)  # once a minute
    settings.LEDGER_API_RATE = 0  # else every 50th call takes a lease
    with_replica = readers_of_kind(attacked, kind)
    bank.catch_up()
    wrong = {}
    for url in some_addresses(attacked):
        if "cookbook" in url:  # a recipe chooses rows at random
            continue
        ask(with_replica, "GET", url)  # what a process caches
        bank.probe()
        reads_before = bank.replica.reads
        on_replica = queries(with_replica, url)
        is_asked = bank.replica.reads > reads_before and resolve(url).view_name in WITH_BALANCES
        bank.replica.leave_out("for the comparison")
        on_writer = queries(with_replica, url)
        if on_replica != on_writer + is_asked:
            wrong[url] = on_replica, on_writer
    assert wrong == {}


def readers_of_kind(attacked: AttackedBank, kind: str) -> Client:
    return proved(attacked.eve.user if kind == "customer" else attacked.clerk)


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as found:
        ask(client, "GET", url)
    return len(found)
