"""Form fields, parameters, headers and cookies lead neither to other people's rows nor to SQL,
markup or another site. This includes names that a view reads although no page sends them.
"""

import pytest
from django.test import Client

from accounts.groups import MANAGER, PEOPLE_ADMIN
from tests.attacks.bank import AttackedBank
from tests.attacks.hostile_values import (
    ELSEWHERE,
    LONG,
    MARKUP_AND_SQL,
    UNSTORABLE,
    holes_by_fields,
    holes_by_headers,
    holes_by_parameters,
    pages_with_fields,
    ways_to_name,
)
from tests.attacks.people import is_alive
from tests.attacks.walk import addresses
from tests.attacks.walks.site import STRANGER, WalkedSite

pytestmark = pytest.mark.django_db


def test_no_field_of_a_customer_takes_hostile_values(site: WalkedSite, bank: AttackedBank) -> None:
    eve = site.client("customer")
    pages = pages_with_fields(eve, site.read_by("customer").pages)
    values = (*ways_to_name(bank.ana), MARKUP_AND_SQL, ELSEWHERE)

    # A person who knows an account number may save it as a payee, in a row that refers to the
    # account.
    saved = f"POST /payees/new/ number={bank.ana.everyday.number}: wrote a row of the victim"
    found = list(holes_by_fields(eve, pages, values, bank.ana))
    assert [hole for hole in found if hole != saved] == []
    assert is_alive(eve)
    assert {page.url for page in pages} >= {"/transfers/new/", "/theme/", "/account/email/"}


def test_no_field_of_a_stranger_takes_hostile_values(site: WalkedSite, bank: AttackedBank) -> None:
    pages = pages_with_fields(Client(), site.read_by(STRANGER).pages)
    values = (*ways_to_name(bank.ana), MARKUP_AND_SQL, ELSEWHERE)

    assert list(holes_by_fields(Client(), pages, values, bank.ana)) == []


@pytest.mark.parametrize("kind", ["staff", "superuser"])
def test_no_field_of_staff_takes_hostile_values(site: WalkedSite, kind: str) -> None:
    client = site.client(kind)
    pages = pages_with_fields(client, site.read_by(kind).pages)

    assert list(holes_by_fields(client, pages, (MARKUP_AND_SQL, ELSEWHERE))) == []
    assert is_alive(client)


@pytest.mark.parametrize("kind", [STRANGER, "customer", "staff"])
def test_each_field_takes_what_postgres_cannot_store(site: WalkedSite, kind: str) -> None:
    """Sends a NUL byte, and half a character."""
    client = Client() if kind == STRANGER else site.client(kind)
    pages = pages_with_fields(client, site.read_by(kind).pages)

    assert list(holes_by_fields(client, pages, [UNSTORABLE])) == []
    if kind == "customer":
        assert {page.url for page in pages} >= {"/account/security/tokens/revoke/", "/theme/"}


@pytest.mark.parametrize("kind", [STRANGER, "customer", "staff", MANAGER, PEOPLE_ADMIN])
def test_each_field_takes_a_text_longer_than_its_column(site: WalkedSite, kind: str) -> None:
    client = Client() if kind == STRANGER else site.client(kind)
    pages = pages_with_fields(client, site.read_by(kind).pages)

    assert list(holes_by_fields(client, pages, [LONG])) == []


def test_no_parameter_of_a_customer_names_another_person(
    site: WalkedSite, bank: AttackedBank
) -> None:
    """Tests names. For ids, see `tests/attacks/walks/test_idor.py`."""
    _id, *others = ways_to_name(bank.ana)
    seen, facts = site.read_by("customer").parameters, list(bank.ana.facts())

    assert list(holes_by_parameters(site.client("customer"), seen, others, facts)) == []


def test_no_parameter_of_a_stranger_takes_hostile_values(
    site: WalkedSite, bank: AttackedBank
) -> None:
    values = (*ways_to_name(bank.ana), MARKUP_AND_SQL, ELSEWHERE)
    seen, facts = site.read_by(STRANGER).parameters, list(bank.ana.facts())

    assert list(holes_by_parameters(Client(), seen, values, facts)) == []


@pytest.mark.parametrize("kind", ["stranger", "customer", "staff"])
def test_no_header_and_no_cookie_takes_hostile_values(
    site: WalkedSite, bank: AttackedBank, kind: str
) -> None:
    client = site.client(kind)
    values: tuple[str, ...] = (MARKUP_AND_SQL, ELSEWHERE)
    facts: list[str] = []
    if kind != "staff":  # who may read Ana's rows
        values, facts = (*ways_to_name(bank.ana), *values), list(bank.ana.facts())

    assert list(holes_by_headers(client, addresses(bank.eve), values, facts)) == []
