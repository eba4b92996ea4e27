"""Daily limits for a person's payments to others.

Note [Sums before locks]: a person or account can have 100,000 payments in a day, and computing
their sum takes a third of a second. Other people who pay the same recipient must not wait so long.
So the sum is computed before accounts are locked.

The sum of a person is computed in the person's turn (Note [Turn of a person]). No other limited
payment of the person is booked until the turn ends. The sum of an account with a daily limit is
computed in `locked_accounts`. When the account is locked, payments that were booked in the meantime
are added to the sum.
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
    """The maximum amount that a person may send to others in a currency since the time `since`.
    `refusal` is the error for payments above the maximum.
    """

    person: UUID
    currency: str
    since: datetime
    most: Decimal
    refusal: LedgerError

    def paid_before(self) -> Decimal:
        """Returns the amount that the person has sent to others since `since`. Takes the person's
        turn until the database transaction ends. Call this method before accounts are locked.
        """
        return paid_to_others(self.person, self.currency, self.since, in_turn=True)

    def refuse_over(
        self, paid_before: Decimal, rows: Iterable[Transaction], to_come: Decimal = ZERO
    ) -> None:
        """Raises `refusal` if `paid_before`, `to_come` and the amounts of `rows` are together above
        the maximum. Only rows that count towards the limit are added.

        `rows` are the new rows of this database transaction. `to_come` is the amount that later
        database transactions will book.
        """
        counted = [row for row in rows if self._counts(row)]
        left = self.most - paid_before - to_come
        if sum(row.amount for row in counted) <= left:
            return
        own = set(Account.objects.filter(user=self.person).values_list("pk", flat=True))
        if sum((row.amount for row in counted if row.to_account_id not in own), ZERO) > left:
            raise self.refusal

    def _counts(self, row: Transaction) -> bool:
        """Returns whether the row may count towards the limit. The condition is the same as in
        `paid_to_others`, but also includes payments to the person's own accounts.
        """
        return (
            row.currency == self.currency
            and row.type == Transaction.Type.TRANSFER
            and row.status == Transaction.Status.COMPLETED
            and row.created_by_id == self.person
        )


def paid_to_others(person: UUID, currency: str, since: datetime, *, in_turn: bool) -> Decimal:
    """Returns the amount that a person has sent to others in a currency since `since`. With
    `in_turn`, first waits for the person's turn, see Note [Turn of a person].
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT paid_to_others(%s, %s, %s, %s)", (person, currency, since, in_turn))
        (paid,) = cursor.fetchone()
    return Decimal(paid)
