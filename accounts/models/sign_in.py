"""Sign-ins and refused attempts, for the list on the user's page "Security"."""

from typing import ClassVar, Self

import pgtrigger
from django.db import models
from django.utils import timezone

from accounts.models.user import User
from ledger.db.history.register import registered
from ledger.db.ids import uuid7


class SignInQuerySet(models.QuerySet["SignIn"]):
    def of(self, user: User) -> Self:
        """Filters to the user's attempts. The newest attempt is first."""
        return self.filter(user=user).order_by("-at", "-pk")

    def succeeded(self) -> Self:
        return self.filter(outcome=SignIn.Status.OK)

    def refused(self) -> Self:
        return self.exclude(outcome=SignIn.Status.OK)


class SignIn(models.Model):
    """An attempt to sign in. The device and the place are stored as text, and the IP address is not
    stored.

    `user` is empty if no user has the entered address. The row is inserted anyway, so that the
    response takes the same time.
    """

    class Status(models.TextChoices):
        OK = "ok", "Signed in"
        REFUSED = "refused", "Wrong password or code"
        LIMITED = "limited", "Not tried: too many wrong attempts"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        User, models.CASCADE, null=True, related_name="sign_ins", db_index=False
    )
    at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=10, choices=Status.choices)
    method = models.CharField(max_length=20, blank=True, default="")
    device = models.CharField(max_length=100)
    place = models.CharField(max_length=200)

    objects = SignInQuerySet.as_manager()

    class Meta:
        db_table = "sign_ins"
        db_table_comment = "Sign-ins and refused attempts, in words"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-at"], name="sign_ins_of_user")
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = registered()

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}: {self.device}, {self.place}"
