"""Queries that Django knows to be empty without SQL: every page still answers."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.groups import ANALYSTS, OPERATIONS
from accounts.models import User
from tests.factories import UserFactory
from tests.pages import text_of
from transactions.models import Transaction
from transactions.reports import metadata_keys
from transactions.scope import scope_for

pytestmark = pytest.mark.django_db
Books = dict[str, Transaction]
NOBODYS = ["", "rent", "tag:x", "note:x", "is:in", "-5", "to:me", "account:x", "meta.channel:card"]
EMPTY = [
    "account:zzz", "account:zzz rent", "joined:2026", "to:zzz", "to:me rent zzz",
    "id:00000000-0000-0000-0000-000000000000", "-rent account:zzz", "account:zzz or joined:2026",
]  # fmt: skip
EMPTY_OF_BANK = [
    "tag:x",
    "note:x",
    "has:note",
    "to:me",
    "from:zzz",
    "account:000",
    "tag:x or to:me",
]


def answers(client: Client, address: str, **asked: str) -> str:
    """What the page says; the client raises what the page does."""
    response = client.get(address, asked)
    assert response.status_code == 200
    return text_of(response)


@pytest.mark.parametrize("page", ["1", "999"])
@pytest.mark.parametrize("group", [None, ANALYSTS, OPERATIONS])
def test_a_reader_without_accounts_gets_a_page(
    client: Client, books: Books, group: str | None, page: str
) -> None:
    reader: User = UserFactory(is_staff=group == OPERATIONS)
    if group:
        reader.groups.add(Group.objects.get(name=group))
    client.force_login(reader)
    for text in NOBODYS:
        answers(client, "/search/", q=text, page=page)
        if page == "1":
            answers(client, "/search/", q=text, plans="1")
        if group:
            answers(client, "/search/", q=text, page=page, whose="bank")
    if not group:
        assert "No payments match" in answers(client, "/search/", q="rent")
    assert metadata_keys(scope_for(reader)) == []


def test_every_page_number_of_an_empty_result_gets_a_page(customer: Client, books: Books) -> None:
    for text in EMPTY:
        for page in ("1", "2", "400", "401"):
            said = answers(customer, "/search/", q=text, page=page)
            assert "Nothing found" in said, (text, page)


@pytest.mark.parametrize("group", [ANALYSTS, OPERATIONS])
def test_empty_results_in_the_whole_bank(client: Client, books: Books, group: str) -> None:
    reader: User = UserFactory(is_staff=group == OPERATIONS)
    reader.groups.add(Group.objects.get(name=group))
    client.force_login(reader)
    for text in EMPTY_OF_BANK:
        for page in ("1", "2", "401"):
            said = answers(client, "/search/", q=text, page=page, whose="bank")
            assert "Nothing found" in said, (text, page)


def test_empty_results_in_a_statement(customer: Client, ana: User, books: Books) -> None:
    (account, _) = scope_for(ana).accounts
    address = reverse("transactions:statement", args=[account.pk])
    file = reverse("transactions:statement_csv", args=[account.pk])
    for text in EMPTY:
        for more in ({}, {"direction": "in"}, {"paper": "1"}, {"before": "1"}):
            answers(customer, address, q=text, **more)
        response: Any = customer.get(file, {"q": text})
        assert len(b"".join(response).splitlines()) == 1, text


def test_empty_results_in_the_admin(staff: Client, books: Books) -> None:
    for text in [*EMPTY, *EMPTY_OF_BANK]:
        answers(staff, reverse("admin_search"), q=text)
        answers(staff, reverse("admin:transactions_transaction_changelist"), q=text)
