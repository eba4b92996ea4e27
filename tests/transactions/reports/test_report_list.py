"""Who sees which reports, and where the search and the reports are linked from."""

import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.groups import ANALYSTS
from accounts.models import User
from tests.factories import AccountFactory, UserFactory
from tests.pages import markup_of, text_of
from transactions import services
from transactions.reports.catalogue import REPORTS

pytestmark = pytest.mark.django_db
FOR_ALL = {report.url for report in REPORTS if not report.bank_only}
FOR_BANK = {report.url for report in REPORTS} - FOR_ALL


@pytest.fixture
def analyst(client: Client) -> User:
    user: User = UserFactory(name="Analyst")
    user.groups.add(Group.objects.get(name=ANALYSTS))
    client.force_login(user)
    return user


def listed(client: Client) -> set[str]:
    page = client.get("/reports/").content.decode()
    return set(re.findall(r'href="(/reports/[a-z-]+/)"', page))


def test_a_customer_is_offered_reports_of_their_own_accounts(client: Client) -> None:
    client.force_login(AccountFactory().user)
    assert listed(client) == FOR_ALL
    assert "Your own accounts." in text_of(client.get("/reports/"))
    assert {client.get(url).status_code for url in FOR_ALL} == {200}
    assert {client.get(url).status_code for url in FOR_BANK} == {404}


def test_somebody_without_an_account_is_led_to_open_one(client: Client) -> None:
    client.force_login(UserFactory())
    assert listed(client) == set()
    page = client.get("/reports/")
    assert "There is no account yet" in text_of(page)
    assert f'href="{reverse("accounts:open")}"' in page.content.decode()
    for url in FOR_ALL:
        assert "There is no account yet" in text_of(client.get(url))
        file = client.get(f"{url}report.csv")
        assert file.status_code == 400
        assert "There is no account yet" in file.content.decode()


def test_an_analyst_is_offered_all_over_the_bank_without_names(
    client: Client, analyst: User
) -> None:
    AccountFactory(balance="10", user__name="Zelenka")
    assert listed(client) == FOR_ALL | FOR_BANK
    assert "The whole bank, without names" in text_of(client.get("/reports/"))
    for url in FOR_ALL | FOR_BANK:
        response = client.get(url)
        assert response.status_code == 200
        assert "Zelenka" not in response.content.decode()


def test_staff_are_offered_all_with_names(staff: Client) -> None:
    AccountFactory(balance="10", user__name="Zelenka")
    assert listed(staff) == FOR_ALL | FOR_BANK
    assert "The whole bank, or" in text_of(staff.get("/reports/"))
    assert "Zelenka" in staff.get("/reports/users-by-balance/").content.decode()


def test_search_and_reports_stand_where_people_look(client: Client) -> None:
    account = AccountFactory(balance="10", user__name="Ana")
    client.force_login(account.user)
    home = markup_of(client.get("/"))
    assert '<a class="link-button" href="/search/">Search payments</a>' in home
    assert 'href="/reports/" data-go="r"' in home
    row = services.deposit(
        to_account=account, amount=Decimal(1), metadata={"category": "eating out"}
    )
    statement = reverse("transactions:statement", args=[account.pk])
    for text in ("eating", "nothing so"):
        page = markup_of(client.get(statement, {"q": text}))
        assert page.count("Search all accounts for this") == 1
        assert f'href="/search/?q={text.replace(" ", "+")}"' in page
    assert "Search all accounts" not in client.get(statement).content.decode()
    receipt = client.get(reverse("transactions:detail", args=[row.pk]))
    url = receipt.context["receipt"].category_url
    assert [hit.row for hit in client.get(url).context["page"].hits] == [row]


def test_the_admin_leads_to_both(staff: Client) -> None:
    index = staff.get("/admin/").content.decode()
    assert 'href="/search/?whose=bank"' in index
    assert 'href="/reports/"' in index
    assert staff.get("/search/?whose=bank").status_code == 200
