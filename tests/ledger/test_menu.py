"""The menu under the person's name has the pages that apps have registered, in their order."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from ledger.web import menu
from tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db
ITEM = re.compile(r'<a\s+class="menu__item"\s+href="([^"]+)">([^<]+)</a>')
PAGES = {
    "Payees": "transactions:payees",
    "Budgets": "transactions:budgets",
    "Categories": "transactions:categories",
    "Standing orders": "transactions:standing_orders",
    "Outside accounts": "transactions:outside",
    "Payment files": "transactions:files",
    "Security": "security:page",
    "Webhooks": "transactions:webhooks",
    "Email addresses": "account_email",
    "Your data": "transactions:data",
    "Change password": "account_change_password",
}


def menu_of(client: Client) -> dict[str, str]:
    return {name: url for url, name in ITEM.findall(client.get("/").content.decode())}


def test_a_customer_has_the_pages_of_all_features(client: Client) -> None:
    client.force_login(UserFactory())
    expected = {label: reverse(view) for label, view in PAGES.items()}
    assert list(menu_of(client).items()) == list(expected.items())


def test_staff_also_have_the_admin(staff: Client) -> None:
    shown = ITEM.findall(staff.get(reverse("transactions:payees")).content.decode())
    assert shown[-1] == (reverse("admin:index"), "Admin")


def test_a_page_stands_in_its_place_and_one_without_an_address_nowhere(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(menu, "ITEMS", kept := menu.ITEMS.copy())
    monkeypatch.setattr("ledger.templatetags.menu.ITEMS", kept)
    menu.register("Branches", "accounts:list", order=15)
    menu.register("Elsewhere", "branches:list", order=16)
    client.force_login(UserFactory())
    assert list(menu_of(client))[:3] == ["Payees", "Branches", "Budgets"]


def marked(client: Client, view: str) -> list[tuple[str, str]]:
    """The parts of the navigation that are marked on this page, and how."""
    page = client.get(reverse(view), follow=True).content.decode()
    nav = page[page.index("<nav") : page.index("</nav>")]
    return re.findall(r'<a href="[^"]*" data-go="(.)"\s+aria-current="(\w+)">', nav)


def test_pages_of_features_are_in_their_part_of_the_navigation(client: Client) -> None:
    client.force_login(AccountFactory().user)
    assert marked(client, "transactions:transfer") == [("s", "page")]
    for view in ("payees", "standing_orders", "standing_order_new", "files", "file_new"):
        assert marked(client, f"transactions:{view}") == [("s", "true")], view
    assert marked(client, "transactions:outside") == []
    assert marked(client, "home") == [("h", "page")]
