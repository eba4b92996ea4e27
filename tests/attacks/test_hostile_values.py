"""No field of any form, no parameter, no header and no cookie is a way to other people's rows, to
SQL, to markup or to another site: also those that a view reads although no page sends them.
"""

import pytest
from django.test import Client

from tests.attacks.bank import AttackedBank
from tests.attacks.hostile_values import (
    ELSEWHERE,
    MARKUP_AND_SQL,
    holes_by_fields,
    holes_by_headers,
    holes_by_parameters,
    pages_with_fields,
    ways_to_name,
)
from tests.attacks.people import is_alive, readers_of
from tests.attacks.walk import addresses

pytestmark = pytest.mark.django_db


def test_no_field_of_a_customer_takes_hostile_values(bank: AttackedBank) -> None:
    eve = readers_of(bank)["customer"]
    values = (*ways_to_name(bank.ana), MARKUP_AND_SQL, ELSEWHERE)

    # Whoever knows a number may save it as a payee, in a row of their own that names the account.
    saved = f"POST /payees/new/ number={bank.ana.everyday.number}: wrote a row of the victim"
    found = list(holes_by_fields(eve, addresses(bank.eve), values, bank.ana))
    assert [hole for hole in found if hole != saved] == []
    assert is_alive(eve)
    urls = {page.url for page in pages_with_fields(eve, addresses(bank.eve))}
    assert urls >= {"/transfers/new/", "/theme/", "/account/email/"}


def test_no_field_of_a_stranger_takes_hostile_values(bank: AttackedBank) -> None:
    values = (*ways_to_name(bank.ana), MARKUP_AND_SQL, ELSEWHERE)

    assert list(holes_by_fields(Client(), addresses(bank.eve), values, bank.ana)) == []


@pytest.mark.parametrize("kind", ["staff", "superuser"])
def test_no_field_of_staff_takes_hostile_values(bank: AttackedBank, kind: str) -> None:
    client = readers_of(bank)[kind]
    found = holes_by_fields(client, addresses(bank.eve), (MARKUP_AND_SQL, ELSEWHERE))

    assert list(found) == []
    assert is_alive(client)


def test_no_parameter_of_a_customer_names_another_person(bank: AttackedBank) -> None:
    """By id: `test_idor.py`."""
    _id, *others = ways_to_name(bank.ana)
    found = holes_by_parameters(
        readers_of(bank)["customer"], addresses(bank.eve), others, list(bank.ana.facts())
    )

    assert list(found) == []


def test_no_parameter_of_a_stranger_takes_hostile_values(bank: AttackedBank) -> None:
    values = (*ways_to_name(bank.ana), MARKUP_AND_SQL, ELSEWHERE)
    facts = list(bank.ana.facts())

    assert list(holes_by_parameters(Client(), addresses(bank.eve), values, facts)) == []


@pytest.mark.parametrize("kind", ["stranger", "customer", "staff"])
def test_no_header_and_no_cookie_takes_hostile_values(bank: AttackedBank, kind: str) -> None:
    client = Client() if kind == "stranger" else readers_of(bank)[kind]
    values = (*ways_to_name(bank.ana), MARKUP_AND_SQL, ELSEWHERE)
    facts = [] if kind == "staff" else list(bank.ana.facts())

    assert list(holes_by_headers(client, addresses(bank.eve), values, facts)) == []
