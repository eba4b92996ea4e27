"""Tables that only the practice bank has: what recipes need and the real books have no use for.

Not managed by migrations: `practice.build` makes them, in the practice bank and nowhere else.
"""

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, IntegerRangeField, RangeOperators
from django.db import models


class Jar(models.Model):
    """Coins in a jar, with nothing to protect them: what goes wrong, goes wrong here."""

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


SCRATCH_MODELS: tuple[type[models.Model], ...] = (Jar, Job)


class BoxRental(models.Model):
    """Who has a safe-deposit box from when until when; a box has one holder at a time."""

    box = models.IntegerField()
    holder = models.CharField(max_length=80)
    during = DateRangeField()

    class Meta:
        managed = False
        db_table = "box_rentals"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # A range of one number, for which core Postgres has GiST; plain `box WITH =` would
            # need the extension btree_gist.
            ExclusionConstraint(
                name="box_rented_once_at_a_time",
                expressions=[
                    (
                        models.Func(
                            "box",
                            "box",
                            models.Value("[]"),
                            function="int4range",
                            output_field=IntegerRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                    ("during", RangeOperators.OVERLAPS),
                ],
                violation_error_message="Somebody else has that box then.",
            ),
        ]

    def __str__(self) -> str:
        return f"Box {self.box}: {self.holder}"


class Favourite(models.Model):
    """Whom somebody pays often, in an order of their own; one of them is the first choice."""

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
