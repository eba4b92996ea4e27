"""Pages of people and accounts in the admin, and what they say."""

from html.parser import HTMLParser
from typing import Any

from django.contrib.messages import get_messages
from django.urls import reverse

from accounts.models import Account, User

ACCOUNTS = reverse("admin:accounts_account_changelist")


def page_of(thing: Account | User, name: str = "change") -> str:
    return reverse(f"admin:accounts_{thing._meta.model_name}_{name}", args=[thing.pk])


def texts(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def sent_from(response: Any) -> dict[str, list[str]]:
    """What a browser sends from a page that changes a row, if nobody types anything."""
    return _Sent(response.content.decode()).values


class _Sent(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self.is_inside, self.select = False, ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.is_inside = facts.get("id", "").endswith("_form")
        elif tag == "select":
            self.select = facts.get("name", "")
        elif tag == "option" and "selected" in facts:
            self._add(self.select, facts.get("value", ""))
        elif tag == "input" and self._is_sent(facts):
            self._add(facts.get("name", ""), facts.get("value", "on"))

    def _is_sent(self, facts: dict[str, str]) -> bool:
        kind = facts.get("type", "text")
        return kind != "submit" and (kind not in ("checkbox", "radio") or "checked" in facts)

    def _add(self, name: str, value: str) -> None:
        if self.is_inside and name:
            self.values.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.is_inside = False
