"""What the forms of the admin show besides their fields: buttons, and values that there are not."""

import re

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from accounts.admin.parts import moment_cell
from accounts.models import Account, Household, User
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


def test_who_may_save_is_asked_for_a_reason_and_nobody_else(staff: Client, root: Client) -> None:
    household = Household.objects.create(name="Family Ferreira")
    for model, key in (("currency", "EUR"), ("household", household.pk)):
        change = reverse(f"admin:accounts_{model}_change", args=[key])
        assert "Reason:" not in text_of(staff.get(change))
        assert "Reason:" in text_of(root.get(change))
        assert "Reason:" in text_of(root.get(reverse(f"admin:accounts_{model}_add")))


@pytest.mark.parametrize("chosen", ["1", "https://bank.example/", "\x00"])
def test_a_person_that_cannot_be_chosen_is_a_mistake_in_the_form(
    staff: Client, chosen: str
) -> None:
    form = {"user": chosen, "currency": "EUR", "name": "Account", "reason": "They asked"}
    answer = staff.post(ADD, form)
    assert answer.status_code == 200
    assert answer.context["adminform"].errors.keys() == {"user"}
    assert staff.get(ADD, {"user": chosen}).status_code == 200


def test_a_row_is_found_by_its_key_where_the_address_names_no_field(root: Client) -> None:
    account = AccountFactory()
    for page in ("accounts_account_change", "accounts_account_delete", "accounts_change_delete"):
        url = reverse(f"admin:{page}", args=[account.pk])
        assert root.get(url, {"_to_field": ""}).status_code < 500


def test_no_form_saves_a_row_as_a_new_one(staff: Client) -> None:
    account = AccountFactory()
    change = reverse("admin:accounts_account_change", args=[account.pk])
    for url in (ADD, change):
        assert staff.post(url, {"name": "Copy", "_saveasnew": "1"}).status_code == 400


@pytest.mark.parametrize("key", ["text", "1", "00000000-0000-0000-0000-000000000000"])
def test_the_admin_has_no_redirect_to_pages_of_the_site(staff: Client, key: str) -> None:
    for model in (User, Account):
        kind = ContentType.objects.get_for_model(model).pk
        assert staff.get(f"/admin/r/{kind}/{key}/").status_code == 404
