"""A person's accounts at other banks, and the files that the person imported into these accounts.

These accounts are only an overview. They contain no money of this bank, so no booking table refers
to them, and no payment can be made from or to them.
"""

import uuid
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, Self

from django.db import models
from django.db.models import Case, Exists, F, Max, Min, OuterRef, Q, Subquery, Sum, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import MoneyField, User
from ledger.db.ids import uuid7, uuid7_of

NAME_LIMIT = 80
DESCRIPTION_LIMIT, OTHER_LIMIT, REFERENCE_LIMIT, ID_LIMIT = 500, 200, 140, 255


def id_of(source: "OutsideImport", what: str, number: int) -> uuid.UUID:
    """Returns the id of a line or of a file part: a hash of the file and the number. So each number
    can exist only once per file, without a unique index over the whole table.
    """
    return uuid7_of(source.created_at, f"{source.pk} {what} {number}")


class OutsideAccountQuerySet(models.QuerySet["OutsideAccount"]):
    def owned_by(self, person: User) -> Self:
        return self.filter(owner=person)

    def with_balance(self) -> Self:
        """Adds two columns. `balance` is the opening balance plus all entries. `is_start_unknown`
        is true if the opening balance may be wrong: the account has entries, its opening balance is
        zero, and no imported file contained a balance.
        """
        entries = OutsideEntry.objects.filter(account=OuterRef("pk"), is_entered=True).order_by()
        total = entries.values("account").annotate(total=Sum("amount")).values("total")
        files = OutsideImport.objects.filter(account=OuterRef("pk"), state="imported")
        balanced = files.exclude(opening=None, closing=None)
        return self.annotate(
            balance=F("opening") + Coalesce(Subquery(total), Decimal(0)),
            is_start_unknown=Q(opening=0) & Exists(entries) & ~Exists(balanced),
        )


class OutsideAccount(models.Model):
    """An account at another bank. Only its owner can see it."""

    balance: Decimal  # set by `with_balance`
    is_start_unknown: bool  # set by `with_balance`

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=NAME_LIMIT)
    currency = models.CharField(max_length=3)
    opening = MoneyField(default=Decimal(0), db_comment="Balance before the first entry")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OutsideAccountQuerySet.as_manager()

    class Meta:
        db_table = "outside_accounts"
        db_table_comment = "Accounts at other banks, kept for overview and never payable"
        default_permissions = ()  # no permissions: only its owner can see it, regardless of roles
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="outside_account_named",
                condition=~Q(name=""),
                violation_error_message="An account has a name.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.currency}"


class OutsideImportQuerySet(models.QuerySet["OutsideImport"]):
    def owned_by(self, person: User) -> Self:
        return self.filter(account__owner=person)

    def with_account(self) -> Self:
        return self.select_related("account")

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def imported_into(self, account: OutsideAccount) -> Self:
        """Returns the imports whose lines are entries of the account."""
        return self.filter(account=account, state="imported")

    def waiting(self) -> Self:
        """Returns the imports that still wait: their file was uploaded, but its lines are not
        entries yet. Leaves out imports that were undone.
        """
        return self.exclude(state__in=["imported", "undone"])

    def line_total(self) -> int:
        """Returns the number of lines that these imports have in the database, or will have. For a
        finished import, counts only its entries. For an import that was undone, counts nothing.
        """
        entered = When(state="imported", then=F("entry_count"))
        stored = Case(entered, When(state="undone", then=0), default=F("line_count"))
        total: int = self.aggregate(total=Sum(stored, default=0))["total"]
        return total


class OutsideImport(models.Model):
    """A file of another bank that a person uploaded. After an undo, the entries of the file are
    deleted, but this row is kept.
    """

    class State(models.TextChoices):
        COLUMNS = "columns", "Columns to be named"
        READING = "reading", "Being read"
        PREVIEW = "preview", "Not imported yet"
        IMPORTED = "imported", "Imported"
        UNDONE = "undone", "Undone"

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        OFX1 = "ofx1", "OFX 1"
        OFX2 = "ofx2", "OFX 2"
        QIF = "qif", "QIF"
        CAMT = "camt053", "camt.053"
        MT940 = "mt940", "MT940"

    refusal = ""  # the reason why the stored columns do not fit; not saved in the database

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(OutsideAccount, models.PROTECT, related_name="imports")
    name = models.CharField(max_length=200, db_comment="Of the file, as uploaded")
    format = models.CharField(max_length=10, choices=Format.choices)
    digest = models.CharField(max_length=64, db_comment="SHA-256 of the file")
    heading = models.CharField(
        max_length=64, blank=True, db_comment="Of a CSV file: SHA-256 of its column names"
    )
    mapping = models.JSONField(
        null=True, db_comment="Of a CSV file: what its columns mean; remembered by the heading"
    )
    state = models.CharField(max_length=10, choices=State.choices)
    line_count = models.PositiveIntegerField(default=0)
    read_count = models.PositiveIntegerField(default=0, db_comment="Lines stored so far")
    unbooked_count = models.PositiveIntegerField(
        default=0, db_default=0, db_comment="Lines left out: pending, or without money moved"
    )
    double_count = models.PositiveIntegerField(default=0)
    entry_count = models.PositiveIntegerField(default=0, db_comment="Entries that it brought")
    first_on = models.DateField(null=True, db_comment="Day of the earliest line")
    last_on = models.DateField(null=True, db_comment="Day of the latest line")
    is_newest_first = models.BooleanField(default=False)
    opening = MoneyField(null=True, db_comment="As the file says")
    closing = MoneyField(null=True, db_comment="As the file says")
    closing_on = models.DateField(null=True, db_comment="Day of the closing balance")
    opening_before = MoneyField(
        null=True, db_comment="Of the account, if the import has replaced it by that of the file"
    )
    doubts = models.JSONField(
        null=True, db_comment="What the preview warns of, found when the file was read"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    imported_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    objects = OutsideImportQuerySet.as_manager()

    class Meta:
        db_table = "outside_imports"
        db_table_comment = "Files that people imported into accounts at other banks"
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="outside_import_state_valid",
                condition=Q(state__in=["columns", "reading", "preview", "imported", "undone"]),
                violation_error_message="An import waits for columns, is read, waits, or is done.",
            ),
            models.CheckConstraint(
                name="outside_import_format_valid",
                condition=Q(format__in=["csv", "ofx1", "ofx2", "qif", "camt053", "mt940"]),
                violation_error_message="A file is CSV, OFX, QIF, camt.053 or MT940.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.get_state_display()}"

    @property
    def currency(self) -> str:
        """The currency of the account. All lines have this currency."""
        return self.account.currency

    @property
    def new_count(self) -> int:
        """The number of lines that do not seem to be duplicates."""
        return self.line_count - self.double_count

    @property
    def has_fewer_new(self) -> bool:
        """Whether the file has fewer new lines than duplicates."""
        return self.new_count < self.double_count

    @property
    def has_unused_balances(self) -> bool:
        """Whether a CSV file has a balance column that does not match the amounts and was therefore
        not used.
        """
        return (self.mapping or {}).get("balance") is not None and self.closing is None


class OutsideFilePart(models.Model):
    """A part of an uploaded file. The parts of a file are deleted when its lines are imported or
    discarded.
    """

    id = models.UUIDField(
        primary_key=True, editable=False, db_comment="Made of the file and the number"
    )
    source = models.ForeignKey(OutsideImport, models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta:
        db_table = "outside_file_parts"
        db_table_comment = "Uploaded files of other banks, in parts, until they are imported"
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["source", "number"], name="outside_file_parts_in_order"),
        ]

    def __str__(self) -> str:
        return f"Part {self.number}"


class SignedLines(NamedTuple):
    """The result of `all_one_way`: the first line of a file whose amount is not zero (`first`), and
    this amount with the opposite sign (`otherwise`).
    """

    first: Any
    otherwise: Decimal


def all_one_way(lines: models.QuerySet[Any]) -> SignedLines | None:
    """If all lines are money in, or if all lines are money out, returns the first line whose amount
    is not zero. The preview then asks whether the signs were read correctly. Returns None if the
    lines have both directions, or if all amounts are zero.
    """
    signs = lines.aggregate(least=Min("amount"), most=Max("amount"))
    if signs["least"] is not None and signs["least"] < 0 < signs["most"]:
        return None
    first = lines.exclude(amount=0).order_by("number").first()
    return SignedLines(first, -first.amount) if first else None


class OutsideEntryQuerySet(models.QuerySet["OutsideEntry"]):
    def of(self, source: OutsideImport) -> Self:
        """Returns the lines of one imported file."""
        return self.filter(source=source)

    def entered(self, account: OutsideAccount) -> Self:
        """Returns the entries of an account, newest first. Leaves out lines of previews, which are
        not entries yet.
        """
        entries = self.filter(account=account, is_entered=True)
        return entries.order_by("-booked_on", "-source_id", "-position")

    def for_reading(self, source: OutsideImport) -> Self:
        """Returns the lines of an import in the order of the preview. The new lines come first if
        they are fewer than the duplicates. Otherwise the duplicates come first. Within each group,
        the lines have the order of the file.
        """
        first = "is_double" if source.has_fewer_new else "-is_double"
        return self.of(source).order_by(first, "number")


class OutsideEntry(models.Model):
    """One line of an imported file. In a preview, `is_entered` is false, and the balance does not
    include the line.
    """

    id = models.UUIDField(
        primary_key=True, editable=False, db_comment="Made of the file and the number"
    )
    account = models.ForeignKey(OutsideAccount, models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(
        OutsideImport, models.PROTECT, related_name="entries", db_index=False
    )
    number = models.PositiveIntegerField(db_comment="Its place in the file")
    position = models.IntegerField(db_comment="Order within a day, the oldest first")
    booked_on = models.DateField()
    amount = MoneyField(db_comment="Below zero: money out")
    description = models.CharField(max_length=DESCRIPTION_LIMIT, blank=True)
    other = models.CharField(max_length=OTHER_LIMIT, blank=True, db_comment="The other side's name")
    reference = models.CharField(max_length=REFERENCE_LIMIT, blank=True)
    outside_id = models.CharField(
        max_length=ID_LIMIT, blank=True, db_comment="The other bank's id of it"
    )
    fingerprint = models.UUIDField(db_comment="Of day, amount and texts")
    is_double = models.BooleanField(default=False, db_comment="It seems to be entered already")
    is_entered = models.BooleanField(default=False, db_comment="False in a preview")

    objects = OutsideEntryQuerySet.as_manager()

    class Meta:
        db_table = "outside_entries"
        db_table_comment = "Lines of other banks' files: those of previews, and those entered"
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["source", "number"], name="outside_entries_in_order"),
            models.Index(
                fields=["account", "booked_on", "source", "position"],
                name="outside_entries_by_day",
                condition=Q(is_entered=True),
            ),
            models.Index(fields=["account", "fingerprint"], name="outside_entries_alike"),
            models.Index(
                fields=["account", "outside_id"],
                name="outside_entries_by_id",
                condition=~Q(outside_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.booked_on}: {self.amount}"

    @property
    def title(self) -> str:
        """The name of the other side, or the description if there is no name."""
        return self.other or self.description or "Without a text"

    @property
    def words(self) -> str:
        """The name of the other side and the description, joined by a comma. Empty texts are left
        out.
        """
        return ", ".join(filter(None, (self.other, self.description))) or self.title
