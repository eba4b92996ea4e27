"""How many alerts are new."""

from dataclasses import dataclass
from functools import cached_property

from accounts.models import User
from banking.alerts.reads import MOST_COUNTED, unread_count


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
