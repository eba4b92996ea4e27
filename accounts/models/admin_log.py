"""The log of Django's admin, as a proxy model with triggers."""

from typing import ClassVar

import pgtrigger
from django.contrib.admin.models import LogEntry

from accounts.models.author_triggers import by_its_author, of_now


class AdminLogEntry(LogEntry):
    """An action in the admin. Triggers set its time to the current time, and refuse any user who is
    not the signed-in user.
    """

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            of_now("log_entry_is_of_now", "action_time"),
            by_its_author(
                "log_entry_by_its_author",
                "user_id",
                "The log of the admin names the person who is signed in.",
            ),
        ]
