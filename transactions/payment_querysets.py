"""Reads of files of payments and their lines. They chain."""

import uuid
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.aggregates import StringAgg
from django.db import models
from django.db.models import Case, Q, TextField, Value, When
from django.db.models.functions import MD5, Cast

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.payment_models import PaymentFile

MISNAMED = Q(name_check__in=["close", "other"])
REPEATED = Q(repeats__isnull=False)
UNREAD = Q(to_account=None) | Q(amount=None)
UNCOMPARED = Q(name_check="", to_account__isnull=False) & ~Q(typed_name="")
DOUBTFUL = MISNAMED | REPEATED | UNCOMPARED


# The models import this module, a circle that django-stubs cannot follow: name-defined.
class PaymentFileQuerySet(models.QuerySet["PaymentFile"]):
    def visible_to(self, user: "User") -> Self:
        """The files that pay out of this person's accounts."""
        return self.filter(from_account__user=user)

    def with_account(self) -> Self:
        """The account that pays, in the same query."""
        return self.select_related("from_account")

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def same_as(self, file: "PaymentFile") -> Self:
        """Others with the same lines out of the same account, of which something was paid."""
        same = self.filter(from_account=file.from_account_id, digest=file.digest)
        return same.exclude(pk=file.pk).filter(booked_count__gt=0)


class PaymentLineQuerySet(models.QuerySet["PaymentLine"]):  # type: ignore[name-defined]
    def of(self, file: "PaymentFile | uuid.UUID") -> Self:
        """The lines of one file."""
        return self.filter(file=file)

    def readable(self) -> Self:
        """Lines that name an account of this bank and an amount."""
        return self.exclude(UNREAD)

    def waiting(self) -> Self:
        """Lines that can be booked, as far as was seen, and are not."""
        return self.filter(booked=False, verdict="")

    def refused(self) -> Self:
        return self.exclude(verdict="")

    def in_order(self) -> Self:
        return self.order_by("number")

    def digest(self) -> str:
        """Which lines of a file these are. What a line says never changes, so numbers do."""
        number = Cast("number", TextField())
        listed = StringAgg(number, ",", order_by="number", default=Value(""))
        digest: str = self.aggregate(digest=MD5(listed))["digest"]
        return digest

    def for_reading(self) -> Self:
        """What needs a person stands on top: what was refused, then what is in doubt."""
        place = Case(
            When(~Q(verdict=""), then=Value(0)), When(DOUBTFUL, then=Value(1)), default=Value(2)
        )
        return self.order_by(place, "number")
