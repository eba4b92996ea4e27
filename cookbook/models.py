"""Models for recipes. Their tables exist only in the practice bank.

Migrations do not manage these tables: `practice.bank.build` creates them.
"""

import uuid
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import (
    ArrayField,
    BigIntegerRangeField,
    DateRangeField,
    DateTimeRangeField,
    DecimalRangeField,
    IntegerRangeField,
    RangeOperators,
)
from django.contrib.postgres.indexes import (
    BrinIndex,
    GinIndex,
    GistIndex,
    HashIndex,
    OpClass,
    SpGistIndex,
)
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Lower, Upper


class Jar(models.Model):
    """A jar with coins. Its table has no triggers, so that recipes can show errors that triggers
    would prevent.
    """

    name = models.CharField(max_length=40, unique=True)
    coins = models.IntegerField(default=0)

    class Meta:
        managed = False
        db_table = "jars"

    def __str__(self) -> str:
        return self.name


class Job(models.Model):
    """A job in a queue. Several workers take jobs in parallel."""

    what = models.CharField(max_length=80)
    done_by = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        managed = False
        db_table = "jobs"

    def __str__(self) -> str:
        return self.what


class JarNote(models.Model):
    """A note about a jar. It is an example of a row with a foreign key."""

    jar = models.ForeignKey(
        Jar, models.CASCADE, related_name="notes", limit_choices_to={"coins__gt": 0}
    )
    text = models.CharField(max_length=80)
    version = models.IntegerField(default=1)

    class Meta:
        managed = False
        db_table = "jar_notes"

    def __str__(self) -> str:
        return self.text


class LivingContacts(models.Manager["Contact"]):
    """A manager whose querysets contain only contacts without a `deleted_at`."""

    def get_queryset(self) -> models.QuerySet["Contact"]:
        return super().get_queryset().filter(deleted_at=None)


class Contact(models.Model):
    """A person that a customer often pays. If a contact is deleted, its row stays and
    deleted_at is set.
    """

    # The real books have no such table. So deleting a person there must not query this table.
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
    """The exchange rate of a currency on one day: the value of one unit in dollars."""

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


class VoucherQuerySet(models.QuerySet["Voucher"]):
    """A queryset of vouchers, with a method for each common filter."""

    def unspent(self) -> Self:
        return self.filter(spent=0)

    def worth_at_least(self, amount: int) -> Self:
        return self.filter(worth__gte=amount)


class Voucher(models.Model):
    """A gift voucher. Its table has a generated column, defaults, several kinds of indexes, and
    comments.

    `practice.vouchers` inserts the rows.
    """

    code = models.CharField(max_length=20)
    email = models.EmailField(db_comment="Email of the giver, as it was typed")
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

    objects = VoucherQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "vouchers"
        db_table_comment = "Gift vouchers, sold and spent"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(Lower("email"), name="vouchers_email_lower"),
            models.Index(fields=["sold_on"], condition=Q(spent=0), name="vouchers_unspent"),
            models.Index(fields=["code"], include=["worth"], name="vouchers_code_worth"),
            BrinIndex(fields=["sold_on"], pages_per_range=4, name="vouchers_sold"),
            # Contains every row, but Postgres uses it only for queries with this condition.
            models.Index(fields=["sold_on"], condition=Q(worth__gt=0), name="vouchers_sold_btree"),
        ]

    def __str__(self) -> str:
        return self.code


class BoxRental(models.Model):
    """A rental of a safe-deposit box for some days. Rentals of one box cannot overlap."""

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
                violation_error_message="This box is already rented on some of these days.",
            ),
        ]

    def __str__(self) -> str:
        return f"Box {self.box}: {self.holder}"


class Favourite(models.Model):
    """A payee that a person often pays. The person chooses its position, and may mark one payee as
    the main payee.
    """

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
    """The kinds of places where an office can be."""

    CITY = "city", "In the city"
    STATION = "station", "At a station"
    AIRPORT = "airport", "At an airport"


class Office(models.Model):
    """An office of the bank. The model has one field of each common type and a field with a
    list.
    """

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


class AirportOffice(Office):
    """An office at an airport. The table has only the additional column and the office's key."""

    terminal = models.CharField(max_length=10)

    class Meta:
        managed = False
        db_table = "airport_offices"


class Visit(models.Model):
    """A visit of a customer to a cash machine. The table has several kinds of indexes.

    `practice.visits` inserts the rows.
    """

    token = models.CharField(max_length=32)
    country = models.CharField(max_length=2)
    machine = models.CharField(max_length=40)
    card = models.CharField(max_length=19, db_collation="C")
    place = models.CharField(max_length=80)
    during = DateTimeRangeField()
    amount = models.IntegerField()
    seconds = models.IntegerField()
    # The sum of 1 (chip), 2 (contactless) and 4 (phone).
    methods = models.PositiveSmallIntegerField()

    class Meta:
        managed = False
        db_table = "visits"
        indexes: ClassVar[list[models.Index]] = [
            HashIndex(fields=["token"], name="visits_token"),
            GistIndex(fields=["during"], name="visits_during"),
            SpGistIndex(fields=["machine"], name="visits_machine"),
            models.Index(fields=["card"], name="visits_card"),
            GinIndex(fields=["place"], opclasses=["extensions.gin_trgm_ops"], name="visits_place"),
            GinIndex(
                OpClass(Upper("place"), name="extensions.gin_trgm_ops"), name="visits_place_upper"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.machine}: {self.amount}"


class LoggedVisit(models.Model):
    """A visit in a partitioned table, which has one partition for each quarter of 2026."""

    pk = models.CompositePrimaryKey("day", "number")
    day = models.DateField()
    number = models.IntegerField()
    amount = models.IntegerField()

    class Meta:
        managed = False
        db_table = "visit_log"

    def __str__(self) -> str:
        return f"{self.day}: {self.amount}"


class VisitsOfCountry(models.Model):
    """The number and the total of the visits in a country: a row of a materialized view."""

    country = models.CharField(primary_key=True, max_length=2)
    visits = models.BigIntegerField()
    total = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "visits_of_countries"

    def __str__(self) -> str:
        return self.country


class FeeBand(models.Model):
    """A fee for amounts in a range, in some months, and for accounts with numbers in a range. The
    amounts of two fees cannot overlap.
    """

    name = models.CharField(max_length=40)
    amounts = DecimalRangeField()
    months = IntegerRangeField(null=True)
    accounts = BigIntegerRangeField(null=True)

    class Meta:
        managed = False
        db_table = "fee_bands"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            ExclusionConstraint(
                name="one_fee_for_an_amount",
                expressions=[("amounts", RangeOperators.OVERLAPS)],
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Reminder(models.Model):
    """A reminder. A policy of the database lets each reader see only the reader's own reminders:
    see `practice.reminders`.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, related_name="+")
    text = models.CharField(max_length=80)

    class Meta:
        managed = False
        db_table = "reminders"

    def __str__(self) -> str:
        return self.text


class Remark(models.Model):
    """A remark about a row of any model whose key is a UUID."""

    content_type = models.ForeignKey(ContentType, models.DO_NOTHING, related_name="+")
    object_id = models.UUIDField()
    about = GenericForeignKey()
    text = models.CharField(max_length=80)

    class Meta:
        managed = False
        db_table = "remarks"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["content_type", "object_id"], name="remarks_about"),
        ]

    def __str__(self) -> str:
        return self.text


# Parents come before their children.
SCRATCH_MODELS: tuple[type[models.Model], ...] = (Jar, Job, JarNote)
# Statements of `practice.visits` create these.
WITHOUT_CREATE_MODEL: tuple[type[models.Model], ...] = (LoggedVisit, VisitsOfCountry)
