"""`/.well-known/security.txt` says where to report a weakness, if there is such a place."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

URL = "/.well-known/security.txt"


def test_it_has_the_contact_and_a_day_that_is_yet_to_come(client: Client, settings: Any) -> None:
    settings.LEDGER_SECURITY_CONTACT = "mailto:security@bank.example"
    settings.LEDGER_URL = "http://localhost:8000"

    response = client.get(URL)

    fields = dict(line.split(": ", 1) for line in response.content.decode().splitlines())
    left = datetime.fromisoformat(fields["Expires"]) - timezone.now()
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert fields["Contact"] == "mailto:security@bank.example"
    assert fields["Canonical"] == f"http://localhost:8000{URL}"
    assert timedelta(days=170) < left < timedelta(days=365)


@pytest.mark.django_db
def test_without_a_contact_there_is_none(client: Client) -> None:
    assert client.get(URL).status_code == 404
