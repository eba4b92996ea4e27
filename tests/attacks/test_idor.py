"""Nobody reaches the rows of another person by their ids: in the address, or in a form.

Eve asks for every page of the site with every id of Ana's and Ben's, by every method.
"""

import pytest

from tests.attacks.answers import METHODS, ask
from tests.attacks.bank import AttackedBank
from tests.attacks.digests import digests_of_rows_with, table_digests
from tests.attacks.forms import forms_seen
from tests.attacks.people import attempt, is_alive, signed_in
from tests.attacks.walk import addresses

pytestmark = pytest.mark.django_db
REFUSED = (302, 403, 404, 405)
# Whoever has the link has the mailbox to which it was sent.
BY_SECRET_LINK = {"account_reset_password_from_key"}


def test_no_address_leads_to_the_rows_of_another(bank: AttackedBank) -> None:
    eve, before = signed_in(bank.eve.user), table_digests()
    wrong = []

    for victim in bank.victims:
        facts = list(victim.facts())
        for address in addresses(victim):
            if not address.is_of_holder or address.name in BY_SECRET_LINK:
                continue
            for method in METHODS:
                answer = ask(eve, method, address.url)
                shown = answer.shown(facts, address.url)
                is_list_of_methods = method == "OPTIONS" and not answer.body
                if shown or not (answer.status in REFUSED or is_list_of_methods):
                    wrong.append(f"{method} {address.url}: {answer.status} {shown}")

    assert wrong == []
    assert table_digests() == before


def test_no_page_of_ones_own_shows_another_person(bank: AttackedBank) -> None:
    eve = signed_in(bank.eve.user)
    facts = [fact for victim in bank.victims for fact in victim.facts()]

    shown = {
        address.url: found
        for address in addresses(bank.eve)
        if (found := ask(eve, "GET", address.url).shown(facts, address.url))
    }

    assert shown == {}


def test_no_form_takes_the_rows_of_another(bank: AttackedBank) -> None:
    """Each field of each form of Eve's pages, filled with ids of Ana's; the others with her own."""
    eve, ana = signed_in(bank.eve.user), bank.ana
    facts = list(ana.facts())
    rows = [ana.user, *ana.accounts, *ana.transactions.values(), *ana.files]
    before = digests_of_rows_with([row.pk for row in rows])
    filled = {"number": bank.eve.savings.number, "amount": "1", "step": "send", "text": "x"}
    wrong = []

    forms = forms_seen(eve, addresses(bank.eve))
    for form in forms:
        usual = {name: filled.get(name, value) for name, value in form.values.items()}
        for name in form.values:
            with attempt(bank.eve.user) as client:
                for row in (ana.user, ana.everyday, ana.transactions["held"], ana.files[0]):
                    # Signed in again where the form has ended the session.
                    eve = client if is_alive(client) else signed_in(bank.eve.user)
                    assert is_alive(eve), form.action
                    answer = ask(eve, form.method, form.action, {**usual, name: str(row.pk)})
                    shown = answer.shown(facts, form.action)
                    if answer.status >= 500 or shown:
                        wrong.append(f"{form.method} {form.action} {name}: {answer.status} {shown}")
                is_post = form.method == "POST"
                if is_post and digests_of_rows_with([row.pk for row in rows]) != before:
                    wrong.append(f"{form.method} {form.action} {name} wrote a row of Ana's")

    assert {"from_account", "replaces", "currency", "q"} <= {
        n for form in forms for n in form.values
    }
    assert wrong == []
