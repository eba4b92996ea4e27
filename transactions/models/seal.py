"""`Seal`, the model of a permanently closed period, and `SealedDay`, the model of a day of such a
period. Each seal contains the digest of the previous seal.
"""

import re
from datetime import UTC, date, timedelta
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.lookups import Exact

from accounts.models import EARLIEST
from ledger.db.json_numbers import ReadableJSONField
from ledger.db.triggers import stays
from ledger.text.dates import long_date
from transactions.models.seal_triggers import SEAL_FOLLOWS, SEALED_PERIOD_IS_CLOSED
from transactions.models.transaction import Transaction

DIGEST_BYTES = 32
FINGERPRINT_BYTES = 4
SUM = re.compile(r"[0-9]{1,40}(\.[0-9]{1,4})?")  # a sum in the format of Postgres


def _bytes_of(name: str, expected: int | F, factor: int = 1) -> Q:
    """Returns the condition that the column has `expected` bytes. If `expected` is the name of a
    column, its value times `factor` is used.
    """
    length = Func(name, function="octet_length", output_field=models.BigIntegerField())
    return Q(Exact(length, expected * factor if isinstance(expected, F) else Value(expected)))


class Seal(models.Model):
    """A closed period of whole days (UTC): the number of its rows, its sums, and the digest of its
    rows.

    `transactions.audit.sealing` creates seals. docs/audit.md defines the digest.
    """

    number = models.PositiveIntegerField(primary_key=True)
    version = models.PositiveSmallIntegerField(default=1, db_comment="Of the text that is digested")
    starts_at = models.DateTimeField(unique=True)
    ends_at = models.DateTimeField(unique=True, db_comment="The period ends before it")
    row_count = models.BigIntegerField()
    sums = ReadableJSONField(db_comment="Completed amounts per currency and type, as text")
    previous_digest = models.BinaryField(null=True)
    digest = models.BinaryField(db_comment="SHA-256 over all this, the days and the seal before")
    sealed_at = models.DateTimeField()
    sealed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        db_table = "seals"
        db_table_comment = "Closed periods; inserted once, never changed"
        default_permissions = ("view",)
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            SEAL_FOLLOWS,
            *stays("seal_stays", "seals_stay", "A seal never changes."),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="seal_period_valid",
                condition=Q(starts_at__lt=F("ends_at"), row_count__gte=0),
                violation_error_message="A period ends after it begins.",
            ),
            models.CheckConstraint(
                name="first_seal_begins_the_books",
                condition=Q(number=1, starts_at=EARLIEST, previous_digest__isnull=True)
                | Q(number__gt=1, starts_at__gt=EARLIEST, previous_digest__isnull=False),
                violation_error_message=(
                    "Only the first seal has no seal before it, and starts at the beginning of the "
                    "books."
                ),
            ),
            models.CheckConstraint(
                name="seal_digest_is_sha256",
                condition=_bytes_of("digest", DIGEST_BYTES),
                violation_error_message="A digest is 32 bytes.",
            ),
        ]

    def __str__(self) -> str:
        return f"seal {self.number}"

    recomputed: bytes  # the digest of the seal's content; only set when the audit reads the seal

    @property
    def with_period(self) -> str:
        """The seal and its period for a finding: "seal 2 (from 2026-03-03 to 2026-03-05)"."""
        start = f"from {self.starts_at.date()} " if self.starts_at != EARLIEST else ""
        return f"{self} ({start}to {self.last_day})"

    @property
    def at_start(self) -> str:
        """The number and the period of the seal as the start of a sentence: "Seal 2, of 3 March
        2026 to 5 March 2026,".
        """
        until = long_date(self.last_day)
        if self.starts_at == EARLIEST:
            return f"Seal {self.number}, of everything up to {until},"
        start = long_date(self.starts_at.date())
        return f"Seal {self.number}, of {start if start == until else f'{start} to {until}'},"

    @property
    def last_day(self) -> date:
        """The last day of the period, in UTC. `ends_at` is the midnight after this day."""
        return self.ends_at.astimezone(UTC).date() - timedelta(days=1)

    @property
    def amounts(self) -> dict[str, dict[str, str]]:
        """The sums by currency and type of transaction. Invalid amounts are left out, because the
        worker may insert seals and could forge such amounts. The audit reports a seal with an
        invalid amount.
        """
        sums = self.sums if isinstance(self.sums, dict) else {}
        return {
            currency: {kind: text for kind, text in of.items() if SUM.fullmatch(str(text))}
            for currency, of in sums.items()
            if isinstance(of, dict)
        }

    @property
    def hex_digest(self) -> str:
        """The digest of the seal as hexadecimal text."""
        return bytes(self.digest).hex()


class SealedDay(models.Model):
    """A day (UTC) with rows, in a sealed period. The audit uses this model to find the day of a
    changed row.

    `digest` is the SHA-256 of the digests of the day's rows, in order of time and id.
    `fingerprints` contains the first four bytes of each row's digest. Four bytes are enough to find
    a changed row, but too few to prove that a row is unchanged.
    """

    day = models.DateField(primary_key=True)
    seal = models.ForeignKey(Seal, models.PROTECT, related_name="days")
    row_count = models.BigIntegerField()
    digest = models.BinaryField()
    fingerprints = models.BinaryField()

    class Meta:
        db_table = "sealed_days"
        db_table_comment = "The days of the sealed periods; inserted once, never changed"
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = stays(
            "sealed_day_stays", "sealed_days_stay", "A sealed day never changes."
        )
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="sealed_day_valid",
                condition=Q(row_count__gt=0)
                & _bytes_of("digest", DIGEST_BYTES)
                & _bytes_of("fingerprints", F("row_count"), FINGERPRINT_BYTES),
                violation_error_message="A sealed day has rows, and a fingerprint of each.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} of seal {self.seal_id}"


class SealedTransaction(Transaction):
    """A proxy model of Transaction that declares the trigger for sealed days."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [SEALED_PERIOD_IS_CLOSED]
