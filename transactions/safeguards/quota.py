"""Limits how much one customer may learn in a day by typing names and account numbers.

Each name that is not the holder's reveals a little about that name, and each number that cannot be
paid a little about which accounts exist. Honest people are wrong a few times; somebody who collects
names or numbers is wrong all the time. Transfers and payment files share one count.
"""

import uuid
from typing import Final

from django.db import transaction as db_transaction
from django.utils import timezone

from ledger.db.retry import with_retry
from transactions.models import NameCheck, NamesAsked
from transactions.safeguards.names import compared

WRONG_NAMES_A_DAY = 500
WRONG_NUMBERS_A_DAY = 100
NUMBERS_ASKED: Final = (
    f"You have typed {WRONG_NUMBERS_A_DAY} account numbers today that cannot be paid. Until "
    "tomorrow you can pay only people whom you have paid before, or who have paid you."
)


class Questions:
    """What one person asks, within the transaction that stores the answers.

    Without a person (`None`), nothing is counted or limited: staff can read every name.
    """

    def __init__(self, person: uuid.UUID | None) -> None:
        self.person = person
        self._counter: NamesAsked | None = None

    def name(self, typed: str, holder: str) -> NameCheck:
        """Compares a typed name with the holder's, and counts a wrong one. Returns NONE if nothing
        was typed or the limit of the day is reached: then even for a right one.
        """
        if not typed:
            return NameCheck.NONE
        if self.person is None:
            return compared(typed, holder)
        counter = self.counter
        if counter.count >= WRONG_NAMES_A_DAY:
            return NameCheck.NONE
        check = compared(typed, holder)
        counter.count += check != NameCheck.MATCH
        return check

    def may_tell(self, *, is_payable: bool) -> bool:
        """Whether the person may learn if a stranger's number can be paid; counts one that cannot.

        Once the limit is reached the answer is False for every number.
        """
        if self.person is None:
            return True
        if self.counter.numbers >= WRONG_NUMBERS_A_DAY:
            return False
        self.counter.numbers += not is_payable
        return True

    def write_down(self) -> None:
        """Stores the counts. Call it before the transaction ends."""
        if self._counter is not None:
            self._counter.save(update_fields=["count", "numbers"])

    @property
    def counter(self) -> NamesAsked:
        """The counts of the day, locked, so that questions asked in parallel share one limit."""
        if self._counter is None:
            today = {"user_id": self.person, "day": timezone.localdate()}
            NamesAsked.objects.bulk_create([NamesAsked(**today)], ignore_conflicts=True)
            self._counter = NamesAsked.objects.select_for_update(no_key=True).get(**today)
        return self._counter


@with_retry
def name_check(person: uuid.UUID, typed: str, holder: str) -> NameCheck:
    """Compares one typed name with a holder's, and counts it, in a transaction of its own."""
    with db_transaction.atomic(durable=True):
        questions = Questions(person)
        check = questions.name(typed, holder)
        questions.write_down()
    return check


@with_retry
def may_tell_of_number(person: uuid.UUID, *, is_payable: bool) -> bool:
    """`Questions.may_tell` for one number, in a transaction of its own.

    Does the same work for a number that can be paid and for one that cannot.
    """
    with db_transaction.atomic(durable=True):
        questions = Questions(person)
        may = questions.may_tell(is_payable=is_payable)
        questions.write_down()
    return may
