"""A value that somebody takes between the check of an admin form and its INSERT."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.admin.history import ReasonedChanges
from accounts.models import Currency
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

FORMS: dict[str, tuple[str, dict[str, Any], Callable[[], object]]] = {
    "email": (
        "admin:accounts_user_add",
        {"email": "twice@example.com", "name": "Mara"},
        lambda: UserFactory(email="twice@example.com"),
    ),
    "code": (
        "admin:accounts_currency_add",
        {"code": "XTS", "name": "Points", "minor_units": 1},
        lambda: Currency.objects.create(code="XTS", name="Points", minor_units=1),
    ),
}


@pytest.mark.parametrize("field", FORMS)
def test_a_value_that_was_taken_meanwhile_is_an_error_at_its_field(
    field: str, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, form, take = FORMS[field]
    save_form, taken = ReasonedChanges.save_form, list[bool]()

    def elsewhere() -> None:
        try:
            take()
        finally:
            connection.close()

    def save_after_another(self: Any, request: Any, form: Any, change: bool) -> Any:
        if not taken:
            taken.append(True)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(elsewhere).result(timeout=60)
        return save_form(self, request, form, change)

    monkeypatch.setattr(ReasonedChanges, "save_form", save_after_another)
    refused = root.post(reverse(page), {**form, "reason": "New"})
    assert refused.status_code == 200
    assert field in refused.context["adminform"].form.errors
