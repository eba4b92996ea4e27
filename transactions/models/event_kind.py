"""The kinds of events on accounts."""

from django.db import models


class EventKind(models.TextChoices):
    """The kind of an event. The API and webhooks use the same values."""

    POSTED = "posted", "A payment was booked"
    HELD = "held", "Money was put on hold"
    CAPTURED = "captured", "A hold was captured"
    VOIDED = "voided", "A hold was released"
    REVERSED = "reversed", "A payment was refunded"
    OPENED = "account.opened", "An account was opened"
    FROZEN = "account.frozen", "An account was frozen"
    UNFROZEN = "account.unfrozen", "An account was unfrozen"
    CLOSED = "account.closed", "An account was closed"
    RESTORED = "ledger.restored", "The bank was restored"  # sent to every webhook
