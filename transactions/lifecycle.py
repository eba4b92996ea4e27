"""The history of a transaction: hold, capture, release, expiry and refunds, with the time of each
event.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from ledger.text.dates import until
from ledger.text.money import money
from transactions.models import StaffReason, Transaction

# The badge for each state of a hold.
STATES = {
    "pending": "pending", "expired": "expired", "captured": "captured", "released": "released",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One event in the history of a transaction. `row` is the transaction to which the event links.
    If only the day is known, `at` is None and `day` is set.
    """

    text: str
    at: datetime | None = None
    day: date | None = None
    row: Transaction | None = None
    is_ahead: bool = False


@dataclass(slots=True)
class Lifecycle:
    """A transaction with its hold, capture, reversals and reasons of staff.

    `state` is "pending", "expired", "captured" or "released" for a hold, and "" for booked money.
    An expired hold still reserves its money until `expire_holds` runs. `reasons` contains the
    reasons for the transaction, its capture and its reversals.
    """

    row: Transaction
    hold: Transaction | None = None
    capture: Transaction | None = None
    original: Transaction | None = None
    reversals: list[Transaction] = field(default_factory=list)
    reasons: list[StaffReason] = field(default_factory=list)

    @property
    def state(self) -> str:
        if not self.row.is_hold:
            return ""
        if self.row.status == Transaction.Status.CAPTURED:
            return "captured"
        if self.row.is_expired and not self.release:
            return "expired"
        return "pending" if self.row.is_pending else "released"

    @property
    def state_label(self) -> str:
        """The state of the transaction as text for customers, for example "held until Sunday 22
        November".
        """
        if self.state == "expired" and not self.row.is_pending:
            return "expired and released"
        return state_label_of(self.row)

    @property
    def release(self) -> StaffReason | None:
        """The reason for which staff released the hold, or None."""
        return next(
            (reason for reason in self.reasons if reason.action == StaffReason.Action.RELEASE), None
        )

    @property
    def reversed(self) -> Decimal:
        """The sum of the refunds of the transaction."""
        return sum((reversal.amount for reversal in self.reversals), Decimal(0))

    @property
    def back(self) -> str:
        """The label of the refunded amount: "Taken back" for a deposit, otherwise "Refunded"."""
        return "Taken back" if self.row.type == Transaction.Type.DEPOSIT else "Refunded"

    @property
    def left(self) -> Decimal:
        """The amount that can still be refunded. Zero for a hold and for a refund."""
        if self.row.is_hold or self.row.is_reversal:
            return Decimal(0)
        amount: Decimal = self.row.amount
        return amount - self.reversed

    @property
    def messages(self) -> list[str]:
        """The messages from staff to the customer about this transaction."""
        return [reason.message for reason in self.reasons if reason.message]

    @property
    def moments(self) -> list[TimelineEvent]:
        """The history of the transaction, oldest first. Future events are at the end."""
        return self._of_hold() if self.row.is_hold else self._of_booking()

    def _of_hold(self) -> list[TimelineEvent]:
        row = self.row
        moments = [TimelineEvent(f"Held {self._money(row.amount)}", row.created_at)]
        if self.capture:
            moments += self._ending(self.capture)
        elif self.release:
            moments.append(TimelineEvent("Released by the bank", self.release.created_at))
        elif row.is_pending and row.is_expired:
            expired = "Expired. The bank will release the hold soon"
            moments.append(TimelineEvent(expired, row.expires_at, is_ahead=True))
        elif row.is_pending and row.expires_at:
            moments.append(
                TimelineEvent(
                    "The hold ends, unless it is captured before", row.expires_at, is_ahead=True
                )
            )
        elif row.is_expired:
            moments.append(TimelineEvent("Expired and released", row.expires_at))
        elif not row.is_pending:
            moments.append(TimelineEvent("Released"))
        return moments

    def _ending(self, capture: Transaction) -> list[TimelineEvent]:
        """Returns the events of a capture. A capture that is smaller than the hold has a second
        event: the release of the rest.
        """
        rest = self.row.amount - capture.amount
        if not rest:
            return [TimelineEvent("Captured in full", capture.created_at, row=capture)]
        return [
            TimelineEvent(
                f"Captured {self._money(capture.amount)}", capture.created_at, row=capture
            ),
            TimelineEvent(f"Released the rest, {self._money(rest)}", capture.created_at),
        ]

    def _of_booking(self) -> list[TimelineEvent]:
        row, moments = self.row, []
        if self.original:
            paid = f"The original, {self._money(self.original.amount)}"
            moments.append(TimelineEvent(paid, self.original.created_at, row=self.original))
        if self.hold:
            held = f"Held {self._money(self.hold.amount)}"
            moments.append(TimelineEvent(held, self.hold.created_at, row=self.hold))
        both = row.from_account_id and row.to_account_id
        moments.append(TimelineEvent("Completed" if both else "Booked", row.created_at))
        if self.hold and self.hold.amount > row.amount:
            rest = self._money(self.hold.amount - row.amount)
            moments.append(TimelineEvent(f"Released the rest of the hold, {rest}", row.created_at))
        if row.value_date != timezone.localdate(row.created_at):
            moments.append(TimelineEvent("Counts from", day=row.value_date))
        for reversal in self.reversals:
            back = f"{self.back} {self._money(reversal.amount)}"
            moments.append(TimelineEvent(back, reversal.created_at, row=reversal))
        return moments

    def _money(self, amount: Decimal) -> str:
        return money(amount, self.row.currency)


def state_label_of(row: Transaction) -> str:
    """Returns the state of a transaction as text for lists. Sends no query."""
    if not row.is_hold:
        return "booked"
    if not row.is_pending:
        return STATES["captured" if row.status == Transaction.Status.CAPTURED else "released"]
    if row.is_expired:
        return STATES["expired"]
    return f"held until {until(row.expires_at)}" if row.expires_at else STATES["pending"]


def lifecycle_of(row: Transaction) -> Lifecycle:
    """Returns a transaction with all related rows. Sends at most four queries."""
    lifecycle = Lifecycle(row)
    if row.is_hold:
        lifecycle.capture = row.captured_by.first()
    else:
        lifecycle.hold, lifecycle.original = row.captures, row.reverses
        lifecycle.reversals = list(row.reversals.order_by("created_at"))
    related = [row, lifecycle.capture, *lifecycle.reversals]
    ids = [other.pk for other in related if other is not None]
    lifecycle.reasons = list(
        StaffReason.objects.filter(transaction__in=ids).select_related("written_by")
    )
    return lifecycle
