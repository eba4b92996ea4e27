"""How many alerts are new, for the bell on each page."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest

from accounts.models import User
from transactions.alerts.reads import MOST_COUNTED, unread_count


@dataclass
class UnreadAlerts:
    """Counted once a page, when its template asks. One query."""

    person: User

    @cached_property
    def count(self) -> int:
        return unread_count(self.person)

    @property
    def label(self) -> str:
        return f"{MOST_COUNTED}+" if self.count > MOST_COUNTED else str(self.count)


def unread_alerts(request: HttpRequest) -> dict[str, Any]:
    """For templates: the new alerts of the person who is signed in; None for a visitor."""
    person = getattr(request, "user", None)
    return {"unread_alerts": UnreadAlerts(person) if isinstance(person, User) else None}
