"""`Payee`, the model of a saved recipient: another person's account and a name for it."""

import uuid
from typing import ClassVar, Self
from zlib import crc32

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account, User
from transactions.models.name_check import NameCheck

NAME_LIMIT, NOTE_LIMIT = 80, 200  # characters
COLOURS = 6  # number of colours for initials; the stylesheet must define as many


class PayeeQuerySet(models.QuerySet["Payee"]):
    def owned_by(self, person: User) -> Self:
        return self.filter(owner=person)

    def by_name(self) -> Self:
        """Orders by name, and loads the accounts and their holders."""
        return self.select_related("account__user").order_by("name", "pk")


def id_of(owner: User, account: Account) -> uuid.UUID:
    """Returns the id of the payee for this owner and account. The id is a hash of both values, so
    that the primary key prevents a second payee for the same account.
    """
    return uuid.uuid5(owner.pk, account.pk.hex)


class Payee(models.Model):
    """An account of another person that the owner of this row has saved under a name. Only the
    owner of the row can see the name. Payments do not contain the name.

    `name_check` is the result of comparing this name with the name of the account's holder, when
    the payee was saved.
    """

    id = models.UUIDField(
        primary_key=True, editable=False, db_comment="Made of the owner and the account"
    )
    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    account = models.ForeignKey(Account, models.PROTECT, related_name="+")
    name = models.CharField(max_length=NAME_LIMIT)
    note = models.CharField(max_length=NOTE_LIMIT, blank=True)
    name_check = models.CharField(max_length=10, choices=NameCheck.choices, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = PayeeQuerySet.as_manager()

    class Meta:
        db_table = "payees"
        db_table_comment = "Recipients that people saved under a name"
        default_permissions = ()  # only its owner, regardless of roles
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="payee_has_a_name",
                condition=~Q(name=""),
                violation_error_message="Give the payee a name.",
            ),
            models.CheckConstraint(
                name="payee_name_check_valid",
                condition=Q(name_check__in=NameCheck.values),
                violation_error_message="The name was compared in an unknown way.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        """The first letter of the first word and of the last word of the name, in capitals."""
        words = ["".join(filter(str.isalnum, word)) for word in self.name.split()]
        found = [word for word in words if word] or [self.name]
        return "".join(word[0] for word in dict.fromkeys((found[0], found[-1]))).upper()

    @property
    def colour(self) -> int:
        """The number of the colour behind the initials, from 1 to COLOURS. A payee always has the
        same colour.
        """
        return crc32(self.pk.bytes) % COLOURS + 1
