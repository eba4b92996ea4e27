"""The lists of the admin as CSV and JSON: what they show, for whom, and who is told of it."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.admin import list_files
from accounts.admin.accounts import AccountAdmin
from accounts.groups import ANALYSTS, SUPPORT
from accounts.models import Account, Household, Read
from accounts.services import freeze_account
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory, UserFactory
from tests.transactions.table_files import csv_of, json_of
from transactions import services

pytestmark = pytest.mark.django_db
ACCOUNTS, PEOPLE = "/admin/accounts/account/", "/admin/accounts/user/"
TRANSACTIONS = "/admin/transactions/transaction/"
MODELS = [model for model, its in admin.site._registry.items() if hasattr(its, "has_list_files")]


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(balance="1234.5", name="Everyday", user__name="Ana Ferreira")


def test_every_list_of_djangos_own_has_files() -> None:
    own = admin.ModelAdmin.changelist_view
    listed = [
        model for model, its in admin.site._registry.items() if type(its).changelist_view == own
    ]
    assert [model for model in listed if model not in MODELS] == []
    assert len(MODELS) >= 9


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_each_list_links_its_files_and_they_are_there(
    root: Client, everyday: Account, model: Any
) -> None:
    Household.objects.create(name="Elm Street 4")
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    rows = json_of(root, f"{page}list.json")
    shown = root.get(page)
    assert len(rows) == shown.context["cl"].result_count
    assert (f'href="{page}list.csv' in shown.content.decode()) is bool(rows)
    assert len(csv_of(root, f"{page}list.csv")) == len(rows)


def test_amounts_times_and_numbers_are_exact(root: Client, everyday: Account) -> None:
    (row,) = json_of(root, f"{ACCOUNTS}list.json")
    assert row == {
        "owner": "Ana Ferreira", "name": "Everyday", "number": everyday.number,
        "balance": "1234.50", "currency": "USD", "status": "active", "available": "1234.50",
        "held": "0.00", "opened": row["opened"],
    }  # fmt: skip
    assert row["opened"][:4] == str(everyday.created_at.year)
    services.withdraw(from_account=everyday, amount=Decimal("0.5"), description="=1+1")
    withdrawn, deposit = csv_of(root, f"{TRANSACTIONS}list.csv")
    assert withdrawn["description"] == "'=1+1"
    assert withdrawn["amount"] == "0.50"
    assert withdrawn["to"] == "outside the bank"
    assert deposit["to"].startswith("Ana Ferreira, Everyday")


def test_the_search_and_the_filters_are_kept(root: Client, everyday: Account) -> None:
    frozen = AccountFactory(name="Savings", user=everyday.user)
    freeze_account(account=frozen, reason="Lost card")
    query = {"status__exact": "frozen", "q": "Ana"}
    page = root.get(ACCOUNTS, query).content.decode()
    assert f"{ACCOUNTS}list.csv?q=Ana&amp;status__exact=frozen" in page
    assert [row["name"] for row in json_of(root, f"{ACCOUNTS}list.json", **query)] == ["Savings"]


def test_what_a_list_hides_its_file_hides_too(everyday: Account) -> None:
    support = signed_in(colleague(SUPPORT, "Support"))
    body = str(json_of(support, f"{PEOPLE}list.json"))
    assert "Ana Ferreira" in body
    assert everyday.user.email not in body
    assert "is_staff" not in body


def test_who_may_not_open_a_list_gets_no_file(client: Client, everyday: Account) -> None:
    client.force_login(everyday.user)
    assert client.get(f"{ACCOUNTS}list.csv").status_code != 200
    analyst = UserFactory()
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    reader = signed_in(analyst)
    assert reader.get(f"{PEOPLE}list.csv").status_code != 200
    clerk = signed_in(colleague(SUPPORT, "Support"))
    assert clerk.get("/admin/auth/group/list.csv").status_code == 403


@pytest.mark.parametrize("query", ["created_at__gte=x", "type__exact=%00"])
@pytest.mark.parametrize(("kind", "body"), [("csv", b"The filters"), ("json", b'{"status": 400')])
def test_a_filter_that_cannot_be_read_is_refused(
    root: Client, kind: str, body: bytes, query: str
) -> None:
    answer = root.get(f"{TRANSACTIONS}list.{kind}?{query}")
    assert answer.status_code == 400
    assert answer.content.startswith(body)


def test_a_list_that_is_too_long_is_refused_with_what_to_do(
    root: Client, everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_files, "MAX_ROWS", 1)
    assert len(json_of(root, f"{ACCOUNTS}list.json")) == 1
    AccountFactory()
    answer = root.get(f"{ACCOUNTS}list.json")
    assert answer.status_code == 400
    assert b"Search or filter the list first" in answer.content


def test_the_log_of_reads_tells_of_everybody_in_the_file(
    root: Client, everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = AccountFactory()
    monkeypatch.setattr(AccountAdmin, "list_per_page", 1)
    json_of(root, f"{ACCOUNTS}list.json", status__exact="active")
    read = Read.objects.get()
    assert (read.path, read.query) == (f"{ACCOUNTS}list.json", "status__exact=active")
    assert set(read.people) == {everyday.user_id, other.user_id}
    helper = colleague(SUPPORT, "Helper")
    json_of(root, f"{PEOPLE}list.json", q="Helper")
    assert list(Read.objects.order_by("-pk")[0].people) == [helper.pk]


@pytest.mark.parametrize("page", [ACCOUNTS, PEOPLE, TRANSACTIONS])
def test_more_rows_cost_no_more_queries(
    root: Client, page: str, django_assert_max_num_queries: Any
) -> None:
    def count() -> int:
        with django_assert_max_num_queries(30) as found:
            json_of(root, f"{page}list.json")
        return len(found)

    AccountFactory(balance="1")
    count()
    few = count()
    for _ in range(5):
        AccountFactory(balance="1")
    assert count() == few
