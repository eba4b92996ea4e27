"""Currencies in the admin."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Currency
from tests.factories import UserFactory
from tests.pages import markup_of

pytestmark = pytest.mark.django_db


def test_a_currency_is_added_and_closed_in_the_admin(client: Client) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = reverse("admin:accounts_currency_add")
    why = {"reason": "For the loyalty programme"}
    wrong = client.post(page, {"code": "x1", "name": "Points", "minor_units": 9})
    errors = wrong.context["adminform"].form.errors
    assert {"code", "minor_units", "reason"} == set(errors)
    assert errors["minor_units"] == ["A currency has 0 to 4 decimals."]
    points = {"code": "xts", "name": "Points", "minor_units": 1, "is_open": "on"}
    assert client.post(page, points | why)
    row = reverse("admin:accounts_currency_change", args=["XTS"])
    assert 'name="code"' not in markup_of(client.get(row))
    client.post(row, {"name": "Old points", "code": "ABC", "minor_units": 4, **why})
    made = Currency.objects.get(code="XTS")
    assert (made.name, made.minor_units, made.is_open) == ("Old points", 1, False)
    assert client.post(f"{row[:-7]}delete/").status_code == 403


def test_currencies_are_for_who_has_the_permission(client: Client, staff: Client) -> None:
    page = reverse("admin:accounts_currency_changelist")
    assert staff.get(page).status_code == 200
    client.force_login(UserFactory(is_staff=True))
    assert client.get(page).status_code == 403
