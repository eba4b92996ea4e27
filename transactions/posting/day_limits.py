"""What a person may pay to others in a day, summed up before an account is locked.

Note [Sums before locks]: a day can have 100,000 payments of one person or one account, whose sum
takes a third of a second. Whoever pays the same recipient must not wait for it, so it is made
before accounts are locked: that of a person in their turn (Note [Turn of a person]), in which no
other payment of theirs with a limit is booked; that of an account with a limit of its own in
`locked_accounts`, which adds under the lock what was booked after it.
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
    """The most that a person may send to others in a currency, with all that they sent `since`.
    What is over it is refused with `refusal`.
    """

    person: UUID
    currency: str
    since: datetime
    most: Decimal
    refusal: LedgerError

    def paid_before(self) -> Decimal:
        """What the person has sent, summed up in their turn, which ends with the transaction. Call
        it before accounts are locked.
        """
        return paid_to_others(self.person, self.currency, self.since, in_turn=True)

    def refuse_over(
        self, paid_before: Decimal, rows: Iterable[Transaction], to_come: Decimal = ZERO
    ) -> None:
        """Raises `refusal` if the new rows of this transaction, and what is to come after them,
        are more than `paid_before` leaves.
        """
        counted = [row for row in rows if self._counts(row)]
        left = self.most - paid_before - to_come
        if sum(row.amount for row in counted) <= left:
            return
        own = set(Account.objects.filter(user=self.person).values_list("pk", flat=True))
        if sum((row.amount for row in counted if row.to_account_id not in own), ZERO) > left:
            raise self.refusal

    def _counts(self, row: Transaction) -> bool:
        """As `paid_to_others` counts, but for payments to own accounts."""
        return (
            row.currency == self.currency
            and row.type == Transaction.Type.TRANSFER
            and row.status == Transaction.Status.COMPLETED
            and row.created_by_id == self.person
        )


def paid_to_others(person: UUID, currency: str, since: datetime, *, in_turn: bool) -> Decimal:
    """What a person has sent to others in a currency since a time. `in_turn`: waits for their turn
    before it sums up.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT paid_to_others(%s, %s, %s, %s)", (person, currency, since, in_turn))
        (paid,) = cursor.fetchone()
    return Decimal(paid)
