"""Nobody can reach another person's rows by an id in the address or in a form.

Eve requests every page of the site with every id of Ana's, with every method. A slow test does the
same with Ben's ids.
"""

import itertools
from collections.abc import Iterator

import pytest
from django.test import Client

from tests.attacks.answers import METHODS, Answer, ask
from tests.attacks.bank import AttackedBank
from tests.attacks.digests import table_digests, watched_rows
from tests.attacks.parameters import page_of
from tests.attacks.people import attempt_of, is_alive
from tests.attacks.reading import names_asked
from tests.attacks.walk import addresses
from tests.attacks.walks.site import STRANGER, Visits, WalkedSite

pytestmark = pytest.mark.django_db
REFUSED = (302, 403, 404, 405)
MOST_POSTS = 3  # a view reads some fields only after others
FILLED = {"amount": "1", "step": "send", "text": "x"}
Fields = dict[str, dict[str, str]]
# A person who has the link also has the mailbox to which it was sent.
BY_SECRET_LINK = {"account_reset_password_from_key", "transactions:alert_mails_end"}


@pytest.mark.parametrize("victim", ["ana", "ben"])
def test_no_address_leads_to_the_rows_of_another(
    site: WalkedSite, bank: AttackedBank, victim: str
) -> None:
    fields, forms = fields_by_page(site)
    eve, holder = site.client("customer"), getattr(bank, victim)
    before, wrong, facts = table_digests(), [], list(holder.facts())

    for address in addresses(holder):
        if not address.is_of_holder or address.name in BY_SECRET_LINK:
            continue
        answers = [(method, ask(eve, method, address.url)) for method in METHODS]
        sent = {**fields, **forms.get(address.pattern.template, {})}
        answers += [("POST", answer) for answer in posts(eve, address.url, sent)]
        for method, answer in answers:
            shown = answer.shown(facts, address.url)
            is_list_of_methods = method == "OPTIONS" and not answer.body
            if shown or not (answer.status in REFUSED or is_list_of_methods):
                wrong.append(f"{method} {address.url}: {answer.status} {shown}")
        assert is_alive(eve), address.url

    assert wrong == []
    assert {"transactions/%(pk)s/note/"} <= forms.keys()
    assert table_digests() == before


def fields_by_page(site: WalkedSite) -> tuple[dict[str, str], Fields]:
    """Returns the fields of all forms on Eve's pages. Also returns the fields of forms that are
    sent to a page with one of Eve's ids, by the pattern of the page.
    """
    read = site.read_by("customer")
    own = {page.url: page.address.pattern.template for page in read.pages}
    everything: dict[str, str] = {}
    by_page: Fields = {}
    for form in read.forms:
        values = {name: FILLED.get(name) or value or "1" for name, value in form.values.items()}
        everything.update(values)
        if form.method == "POST" and form.action in own:
            by_page.setdefault(own[form.action], {}).update(values)
    return everything, by_page


def posts(client: Client, url: str, usual: dict[str, str]) -> Iterator[Answer]:
    """Yields the responses to the form that the page would accept, with the fields that its view
    reads.
    """
    sent: dict[str, str] = {}
    for _ in range(MOST_POSTS):
        with names_asked() as asked:
            answer = ask(client, "POST", url, sent)
        yield answer
        if asked <= sent.keys():
            return
        sent |= {name: usual.get(name, "1") for name in asked}


def test_no_parameter_takes_the_rows_of_another(site: WalkedSite, bank: AttackedBank) -> None:
    """Sends Ana's ids in each parameter of each page of Eve's, without and with the usual
    parameters.
    """
    seen = site.read_by("customer").parameters
    eve, ana = site.client("customer"), bank.ana
    facts = list(ana.facts())
    rows = (ana.user, ana.everyday, ana.transactions["paid"], ana.files[0], ana.approvals[0])
    before, wrong, tried = table_digests(), [], set()

    for path, names in seen.names.items():
        fresh = [name for name in names if (page_of(path), name) not in tried]
        tried |= {(page_of(path), name) for name in fresh}
        for name, row in itertools.product(fresh, rows):
            for usual in ({}, names):
                answer = ask(eve, "GET", path, {**usual, name: str(row.pk)})
                shown = answer.shown(facts, path)
                if shown or answer.status >= 500:
                    wrong.append(f"{path} {name}={row.pk}: {answer.status} {shown}")
    assert is_alive(eve)

    assert wrong == []
    assert {("/transfers/new/", "id"), ("/search/", "q")} <= tried
    assert "currency" in {name for _page, name in tried}
    assert table_digests() == before


def test_no_page_of_ones_own_shows_another_person(all_visits: Visits, bank: AttackedBank) -> None:
    """Tests the pages for customers and for strangers."""
    facts = [fact for victim in bank.victims for fact in victim.facts()]

    shown = {
        (kind, url): found
        for kind, url, answer in all_visits.pages()
        if kind in ("customer", STRANGER) and (found := answer.shown(facts, url))
    }

    assert shown == {}


def test_no_form_takes_the_rows_of_another(site: WalkedSite, bank: AttackedBank) -> None:
    """Sends Ana's ids in each field of each form of Eve's pages, with Eve's values in the other
    fields. Parameters of GET forms are tested above.
    """
    forms = [form for form in site.read_by("customer").forms if form.method == "POST"]
    eve, ana = site.client("customer"), bank.ana
    facts = list(ana.facts())
    rows = [ana.user, *ana.accounts, *ana.transactions.values(), *ana.files]
    theirs = watched_rows([row.pk for row in rows])
    before = theirs()
    filled = {"number": bank.eve.savings.number, **FILLED}
    wrong = []

    for form in forms:
        usual = {name: filled.get(name, value) for name, value in form.values.items()}
        for name in form.values:
            with attempt_of(eve) as client:
                for row in (ana.user, ana.everyday, ana.transactions["held"], ana.files[0]):
                    # Signs in again if the form has ended the session.
                    sender = client if is_alive(client) else site.client("customer")
                    answer = ask(sender, "POST", form.action, {**usual, name: str(row.pk)})
                    shown = answer.shown(facts, form.action)
                    if answer.status >= 500 or shown:
                        wrong.append(f"{form.action} {name}: {answer.status} {shown}")
                if theirs() != before:
                    wrong.append(f"{form.action} {name} wrote a row of Ana's")

    assert is_alive(eve)
    assert {"from_account", "replaces"} <= {name for form in forms for name in form.values}
    assert wrong == []
