"""A stranger gets the pages for signing in. All other pages reveal and write nothing."""

import pytest
from django.test import Client

from tests.attacks.answers import METHODS, ask
from tests.attacks.bank import AttackedBank
from tests.attacks.digests import table_digests
from tests.attacks.walk import addresses

pytestmark = pytest.mark.django_db
# The names of the patterns that return 200 to strangers. Add a page only if it shows nothing about
# any person.
PUBLIC = {
    "account_request_login_code",
    "account_inactive",
    "account_login",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_signup",
    "account_signup_by_passkey",
    "api:docs",
    "api:openapi",
    "api:problems",
    "readyz_verbose",  # the short response
    "socialaccount_login_cancelled",
    "transactions:alert_mails_end",  # with the signed link of a mail
    "transactions:privacy",
    "transactions:statement_check",
}


def test_strangers_see_the_listed_pages_alone(bank: AttackedBank) -> None:
    before = table_digests()
    facts = [fact for holder in bank.victims for fact in holder.facts()]
    wrong: list[str] = []
    answering: set[str] = set()

    for address in addresses(bank.ana):
        for method in METHODS:
            answer = ask(Client(), method, address.url)
            if answer.status == 200 and answer.body:
                answering.add(address.name)
            elif answer.status not in (200, 302, 400, 401, 403, 404, 405):
                wrong.append(f"{method} {address.url}: {answer.status}")
            if shown := answer.shown(facts, address.url):
                wrong.append(f"{method} {address.url} shows {shown}")

    assert wrong == []
    assert answering == PUBLIC
    assert table_digests() == before
