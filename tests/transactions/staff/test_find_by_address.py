"""Whose address it is, staff learn who may see people; nobody else finds anything by one."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from tests.factories import AccountFactory, UserFactory
from transactions import services

pytestmark = pytest.mark.django_db

ADDRESS = "secretaddr@navy.example"
TYPED = [
    ADDRESS, "secretaddr@na", "SECRETADDR@navy", "secretaddr", "s", "navy.example", "to:secretaddr",
    f"to:{ADDRESS}", "from:secretaddr@na", f"with:{ADDRESS}", f'"{ADDRESS}"', f'to:"{ADDRESS}"',
    "account:secretaddr", f"payment {ADDRESS}", f"hopper secretaddr or {ADDRESS}",
]  # fmt: skip
NUMBERS = "accounts.view_contact_details"
WITHOUT_PEOPLE = [
    ["accounts.view_account"],
    ["accounts.change_account"],
    ["transactions.view_transaction", NUMBERS],
    ["accounts.view_account", "transactions.view_transaction", NUMBERS],
    [
        "accounts.change_account",
        "transactions.view_transaction",
        "transactions.view_entry",
        NUMBERS,
    ],
]
PEOPLE = ["accounts.view_user", "accounts.change_user"]
BOOKS = ["accounts.view_account", "transactions.view_transaction"]


@pytest.fixture
def nest() -> Account:
    """Somebody's account, who paid and was paid."""
    account: Account = AccountFactory(
        user__name="Zed Hopper", user__email=ADDRESS, name="Nest", balance="100"
    )
    other = AccountFactory(user__name="Ada", user__email="ada@home.example", balance="10")
    services.transfer(from_account=account, to_account=other, amount=Decimal(5))
    services.transfer(from_account=other, to_account=account, amount=Decimal(1))
    return account


def colleague(client: Client, rights: list[str]) -> Client:
    person = UserFactory(is_staff=True, name="Col", email="col@bank.example")
    for right in rights:
        label, codename = right.split(".")
        person.user_permissions.add(
            Permission.objects.get(content_type__app_label=label, codename=codename)
        )
    client.force_login(person)
    return client


def sections(client: Client, typed: str) -> list[str]:
    answer = client.get(reverse("admin_search"), {"q": typed}).context["results"]
    assert "secretaddr" not in str(answer.suggestions)
    return [section.title for section in answer.sections]


def many_listed(client: Client, name: str, typed: str) -> int:
    response = client.get(reverse(f"admin:{name}_changelist"), {"q": typed})
    assert response.status_code == 200
    many: int = response.context["cl"].result_count
    return many


@pytest.mark.parametrize("rights", WITHOUT_PEOPLE, ids=", ".join)
def test_nobody_finds_by_an_address_who_may_not_see_people(
    client: Client, nest: Account, rights: list[str]
) -> None:
    staff = colleague(client, rights)
    for typed in TYPED:
        assert sections(staff, typed) == [], typed
        if "accounts" in rights[0]:
            assert many_listed(staff, "accounts_account", typed) == 0, typed
        if any("transaction" in right for right in rights):
            assert many_listed(staff, "transactions_transaction", typed) == 0, typed
    if "accounts" in rights[0]:
        for name in ("hopper", "zed hop"):  # names stand in the list of accounts
            assert sections(staff, name)[0] == "Accounts"


@pytest.mark.parametrize("right", PEOPLE)
def test_whoever_may_see_people_does(client: Client, nest: Account, right: str) -> None:
    staff = colleague(client, [right, NUMBERS, *BOOKS])
    assert sections(staff, ADDRESS) == ["Exact matches", "Accounts", "Transactions"]
    for typed in ("secretaddr@na", "secretaddr"):
        assert sections(staff, typed)[:2] == ["People", "Accounts"], typed
        assert many_listed(staff, "accounts_account", typed) == 1, typed
    for typed in (ADDRESS, "secretaddr@na", "secretaddr"):
        assert many_listed(staff, "transactions_transaction", typed) == 3, typed
    assert many_listed(staff, "transactions_transaction", f"to:{ADDRESS}") == 2
    assert many_listed(staff, "transactions_transaction", f"from:{ADDRESS}") == 1


def test_the_order_of_what_is_found_tells_no_address_either(client: Client, nest: Account) -> None:
    later = AccountFactory(user__name="Zed Later", user__email="later@home.example")
    staff = colleague(client, ["accounts.view_account"])
    answer = staff.get(reverse("admin_search"), {"q": "zed or secretaddr"}).context["results"]
    found = [hit.url.split("/")[-3] for hit in answer.sections[0].hits]
    assert found == [str(later.pk), str(nest.pk)]
