"""Pays like a person: first the review, then the payment with the review's token."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from django.test import Client

from accounts.models import User
from ledger.db.ids import uuid7_for

TRANSFER = "/transfers/new/"


def token_of(response: Any) -> str:
    """Returns the token in a page that shows a review, or "" if there is no review."""
    return _hidden(response, "reviewed")


def reviewed(client: Client, url: str, form: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the form with the values that its review adds: the token, and the amounts that a
    staff form shows.
    """
    page = client.post(url, form)
    return {**form, "reviewed": token_of(page), "figures": _hidden(page, "figures")}


def send(client: Client, form: Mapping[str, Any], **options: Any) -> Any:
    """Reviews a transfer and sends it. Returns the response to sending."""
    return client.post(TRANSFER, {**reviewed(client, TRANSFER, form), "step": "send"}, **options)


def paid_id(person: User, form: Mapping[str, Any]) -> uuid.UUID:
    """Returns the id of the transaction that a person's form creates."""
    return uuid7_for(person.pk, uuid.UUID(str(form["id"])))


def book(client: Client, url: str, form: Mapping[str, Any], **options: Any) -> Any:
    """Reviews a staff form and books it. Returns the response to booking."""
    return client.post(url, {**reviewed(client, url, form), "step": "book"}, **options)


def _hidden(response: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    return found[1] if found else ""
