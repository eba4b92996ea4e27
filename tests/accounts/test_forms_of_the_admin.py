"""What the forms of the admin show besides their fields: buttons, and values that there are not."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.admin.parts import moment_cell
from ledger.text.money import NOTHING
from tests.factories import AccountFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db
ADD = reverse("admin:accounts_account_add")


def buttons_of(client: Client, url: str) -> list[str]:
    page = client.get(url).content.decode()
    return re.findall(r'<input type="submit"[^>]*name="(_\w+)"', page)


def test_only_a_form_that_adds_something_offers_to_add_another(root: Client) -> None:
    account = AccountFactory()
    change = reverse("admin:accounts_account_change", args=[account.pk])
    person = reverse("admin:accounts_user_change", args=[account.user_id])
    assert buttons_of(root, ADD) == ["_save", "_addanother", "_continue"]
    assert buttons_of(root, change) == buttons_of(root, person) == ["_save", "_continue"]


def test_a_value_that_there_is_not_is_the_dash_of_all_other_pages(staff: Client) -> None:
    account = AccountFactory()
    page = text_of(staff.get(reverse("admin:accounts_account_change", args=[account.pk])))
    assert NOTHING == admin.site.empty_value_display == moment_cell(None) == "\N{EN DASH}"
    assert f"Closed: {NOTHING}" in page
