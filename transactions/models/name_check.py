"""`NameCheck`, the result of comparing a typed name with the account holder's name, and
`NamesAsked`, the model of the number of wrong names on one day.
"""

from typing import ClassVar

from django.db import models

from accounts.models import User
from ledger.db.ids import uuid7


class NameCheck(models.TextChoices):
    """The result of comparing a typed name with the name of the account holder."""

    NONE = "", "No name given"
    MATCH = "match", "The holder's"
    CLOSE = "close", "Close to the holder's"
    OTHER = "other", "Not the holder's"


class NamesAsked(models.Model):
    """The number of wrong names and the number of wrong account numbers that a customer typed on
    one day, see `safeguards.quota`.

    Lines of payment files cannot store these numbers, because the lines are deleted when the
    customer removes a file.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    day = models.DateField(db_comment="In the bank's time zone")
    count = models.PositiveIntegerField(
        default=0, db_comment="Names compared that were not the holder's, close ones too"
    )
    numbers = models.PositiveIntegerField(
        default=0, db_default=0, db_comment="Account numbers of strangers that could not be paid"
    )

    class Meta:
        db_table = "payment_names_asked"
        db_table_comment = "So that nobody collects names or account numbers by typing guesses"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user", "day"],
                name="names_asked_once_a_day",
                violation_error_message="A person has one count of names per day.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.day}: {self.count:,} names, {self.numbers:,} numbers"
