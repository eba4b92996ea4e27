"""Counts the unread alerts of a person."""

from dataclasses import dataclass
from functools import cached_property

from accounts.models import User
from banking.alerts.reads import MAX_COUNTED, unread_count


@dataclass
class UnreadAlerts:
    """The number of unread alerts of a person. The alerts are counted only if the template shows
    the number, with one query per page.
    """

    person: User

    @cached_property
    def count(self) -> int:
        return unread_count(self.person)

    @property
    def label(self) -> str:
        return f"{MAX_COUNTED}+" if self.count > MAX_COUNTED else str(self.count)
