"""Limits for what a person may pay to others in a day, summed up before accounts are locked.

Note [Sums before locks]: one person or account can have 100,000 payments in a day, and summing them
up takes a third of a second. Other payers of the same recipient must not wait for that, so the sum
is computed before accounts are locked. The sum of a person is computed in the person's turn (Note
[Turn of a person]), during which no other limited payment of that person is booked. The sum of an
account with a daily limit is computed in `locked_accounts`, which adds later bookings under the
lock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection

from accounts.models import Account
from transactions.exceptions import LedgerError
from transactions.models import Transaction

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class DayLimit:
    """The limit for what a person may send to others in a currency, including everything sent
    `since`. A payment above the limit is refused with `refusal`.
    """

    person: UUID
    currency: str
    since: datetime
    most: Decimal
    refusal: LedgerError

    def paid_before(self) -> Decimal:
        """Returns what the person has sent, summed up in the person's turn, which lasts until the
        transaction ends. Call it before accounts are locked.
        """
        return paid_to_others(self.person, self.currency, self.since, in_turn=True)

    def refuse_over(
        self, paid_before: Decimal, rows: Iterable[Transaction], to_come: Decimal = ZERO
    ) -> None:
        """Raises `refusal` if the new rows of this transaction plus `to_come` exceed the limit
        after `paid_before`.
        """
        counted = [row for row in rows if self._counts(row)]
        left = self.most - paid_before - to_come
        if sum(row.amount for row in counted) <= left:
            return
        own = set(Account.objects.filter(user=self.person).values_list("pk", flat=True))
        if sum((row.amount for row in counted if row.to_account_id not in own), ZERO) > left:
            raise self.refusal

    def _counts(self, row: Transaction) -> bool:
        """Returns whether the row counts as in `paid_to_others`, but including payments to own
        accounts.
        """
        return (
            row.currency == self.currency
            and row.type == Transaction.Type.TRANSFER
            and row.status == Transaction.Status.COMPLETED
            and row.created_by_id == self.person
        )


def paid_to_others(person: UUID, currency: str, since: datetime, *, in_turn: bool) -> Decimal:
    """Returns what a person has sent to others in a currency since a time. With `in_turn`, first
    waits for the person's turn.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT paid_to_others(%s, %s, %s, %s)", (person, currency, since, in_turn))
        (paid,) = cursor.fetchone()
    return Decimal(paid)
