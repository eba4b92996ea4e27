"""A statement as its owner sees it."""

from datetime import UTC, datetime
from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import Account
from transactions.models import Entry

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def page_of(client: Client, account: Account, **query: Any) -> Any:
    response = client.get(reverse("transactions:statement", args=[account.pk]), query)
    assert response.status_code == 200
    return response


def entries_in(response: Any) -> list[Entry]:
    return [entry for day in response.context["page"].days for entry in day.entries]
