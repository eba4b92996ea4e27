"""Pages of people and accounts in the admin, and what they say."""

from typing import Any

from django.contrib.messages import get_messages
from django.urls import reverse

from accounts.models import Account, User

ACCOUNTS = reverse("admin:accounts_account_changelist")


def page_of(thing: Account | User, name: str = "change") -> str:
    return reverse(f"admin:accounts_{thing._meta.model_name}_{name}", args=[thing.pk])


def texts(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]
