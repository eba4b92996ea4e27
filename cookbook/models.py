"""Tables that only the practice bank has: what recipes need and the real books have no use for.

Not managed by migrations: `practice.bank.build` makes them, in the practice bank and nowhere else.
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Lower


class Jar(models.Model):
    """Coins in a jar, without triggers, so that recipes can show what goes wrong."""

    name = models.CharField(max_length=40, unique=True)
    coins = models.IntegerField(default=0)

    class Meta:
        managed = False
        db_table = "jars"

    def __str__(self) -> str:
        return self.name


class Job(models.Model):
    """Work that waits in a queue, for several workers at once."""

    what = models.CharField(max_length=80)
    done_by = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        managed = False
        db_table = "jobs"

    def __str__(self) -> str:
        return self.what


class JarNote(models.Model):
    """A note on a jar: a row with a foreign key to another row."""

    jar = models.ForeignKey(Jar, models.CASCADE, related_name="notes")
    text = models.CharField(max_length=80)
    version = models.IntegerField(default=1)

    class Meta:
        managed = False
        db_table = "jar_notes"

    def __str__(self) -> str:
        return self.text


class LivingContacts(models.Manager["Contact"]):
    """The contacts that were not deleted."""

    def get_queryset(self) -> models.QuerySet["Contact"]:
        return super().get_queryset().filter(deleted_at=None)


class Contact(models.Model):
    """Somebody whom a customer pays often. A deleted contact keeps its row, with deleted_at."""

    # The real books have no such table, so deleting a person there must not ask for it.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, related_name="+")
    name = models.CharField(max_length=100)
    number = models.CharField(max_length=20)
    deleted_at = models.DateTimeField(null=True)

    objects = LivingContacts()
    with_deleted: ClassVar[models.Manager["Contact"]] = models.Manager()

    class Meta:
        managed = False
        db_table = "contacts"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["owner", "number"],
                condition=Q(deleted_at=None),
                name="one_living_contact_a_number",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ExchangeRate(models.Model):
    """What a unit of a currency was worth in dollars on a day."""

    currency = models.CharField(max_length=3)
    day = models.DateField()
    rate = models.DecimalField(max_digits=12, decimal_places=6)

    class Meta:
        managed = False
        db_table = "exchange_rates"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["currency", "day"], name="one_rate_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.currency} on {self.day}: {self.rate}"


class Voucher(models.Model):
    """A gift voucher. Its table has a generated column, defaults, several kinds of index and
    comments. `practice.vouchers` inserts some."""

    code = models.CharField(max_length=20)
    email = models.EmailField(db_comment="Of whoever gave it, as it was typed")
    worth = models.DecimalField(max_digits=9, decimal_places=2)
    spent = models.DecimalField(
        max_digits=9, decimal_places=2, db_default=0, db_comment="Never more than it is worth"
    )
    left = models.GeneratedField(
        expression=F("worth") - F("spent"),
        output_field=models.DecimalField(max_digits=9, decimal_places=2),
        db_persist=True,
    )
    sold_on = models.DateField()
    design = models.JSONField(
        db_default=Value({"colour": "plain", "card": {"gold": False}}, models.JSONField())
    )

    class Meta:
        managed = False
        db_table = "vouchers"
        db_table_comment = "Gift vouchers, sold and spent"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(Lower("email"), name="vouchers_email_lower"),
            models.Index(fields=["sold_on"], condition=Q(spent=0), name="vouchers_unspent"),
            models.Index(fields=["code"], include=["worth"], name="vouchers_code_worth"),
            BrinIndex(fields=["sold_on"], pages_per_range=4, name="vouchers_sold"),
        ]

    def __str__(self) -> str:
        return self.code


class BoxRental(models.Model):
    """Who has a safe-deposit box from when until when; a box has one holder at a time."""

    box = models.IntegerField()
    holder = models.CharField(max_length=80)
    during = DateRangeField()

    class Meta:
        managed = False
        db_table = "box_rentals"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            ExclusionConstraint(
                name="box_rented_once_at_a_time",
                expressions=[
                    ("box", RangeOperators.EQUAL),
                    ("during", RangeOperators.OVERLAPS),
                ],
                violation_error_message="Somebody else has that box then.",
            ),
        ]

    def __str__(self) -> str:
        return f"Box {self.box}: {self.holder}"


class Favourite(models.Model):
    """A payee whom a person pays often, at a position of the person's choice; one may be main."""

    owner = models.CharField(max_length=80)
    payee = models.CharField(max_length=80)
    position = models.IntegerField()
    is_main = models.BooleanField(default=False)

    class Meta:
        managed = False
        db_table = "favourites"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["owner", "position"],
                name="favourite_positions_differ",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.UniqueConstraint(
                fields=["owner"], condition=models.Q(is_main=True), name="one_main_favourite"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.payee}"


class OfficeKind(models.TextChoices):
    """Where an office is."""

    CITY = "city", "In the city"
    STATION = "station", "At a station"
    AIRPORT = "airport", "At an airport"


class Office(models.Model):
    """An office of the bank: one field of each plain kind, and a list."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=OfficeKind.choices, default=OfficeKind.CITY)
    about = models.TextField(blank=True)
    counters = models.PositiveSmallIntegerField(default=1)
    fee = models.DecimalField(max_digits=6, decimal_places=2, default=0)
    is_open = models.BooleanField(default=True)
    opened_on = models.DateField()
    services = ArrayField(models.CharField(max_length=30), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        managed = False
        db_table = "offices"

    def __str__(self) -> str:
        return self.name


class Reminder(models.Model):
    """Something to remember. A policy of the database shows a reader only their own: see
    `practice.reminders`.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, related_name="+")
    text = models.CharField(max_length=80)

    class Meta:
        managed = False
        db_table = "reminders"

    def __str__(self) -> str:
        return self.text


# Parents before their children.
SCRATCH_MODELS: tuple[type[models.Model], ...] = (Jar, Job, JarNote)
