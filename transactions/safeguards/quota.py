"""Limits how much a customer may learn per day by typing names and account numbers.

Each wrong name reveals a little about the real name, and each number that cannot be paid reveals a
little about which accounts exist. Honest people make a few mistakes, but somebody who collects
names or numbers makes many. Transfers and payment files share one count.
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
    "tomorrow you can pay only people you have paid before or people who have paid you."
)


class Questions:
    """Counts the names and numbers that one person tries, within the transaction that stores the
    results.

    Without a person (`None`), nothing is counted or limited, because staff can read every name.
    """

    def __init__(self, person: uuid.UUID | None) -> None:
        self.person = person
        self._counter: NamesAsked | None = None

    def name(self, typed: str, holder: str) -> NameCheck:
        """Compares a typed name with the holder's name, and counts a wrong one. Returns NONE if
        nothing was typed, or after the limit of the day was reached, even for a correct name.
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

    def may_check(self, *, is_payable: bool) -> bool:
        """Returns whether the person may learn if a stranger's number can be paid. Counts a number
        that cannot be paid. After the limit was reached, returns False for every number.
        """
        if self.person is None:
            return True
        if self.counter.numbers >= WRONG_NUMBERS_A_DAY:
            return False
        self.counter.numbers += not is_payable
        return True

    def save_counts(self) -> None:
        """Stores the counts. Call it before the transaction ends."""
        if self._counter is not None:
            self._counter.save(update_fields=["count", "numbers"])

    @property
    def counter(self) -> NamesAsked:
        """The counts of the day, locked, so that parallel requests share one limit."""
        if self._counter is None:
            today = {"user_id": self.person, "day": timezone.localdate()}
            NamesAsked.objects.bulk_create([NamesAsked(**today)], ignore_conflicts=True)
            self._counter = NamesAsked.objects.select_for_update(no_key=True).get(**today)
        return self._counter


@with_retry
def name_check(person: uuid.UUID, typed: str, holder: str) -> NameCheck:
    """Compares one typed name with a holder's name and counts it, in a separate transaction."""
    with db_transaction.atomic(durable=True):
        questions = Questions(person)
        check = questions.name(typed, holder)
        questions.save_counts()
    return check


@with_retry
def may_check_number(person: uuid.UUID, *, is_payable: bool) -> bool:
    """Calls `Questions.may_check` for one number, in a separate transaction. Does the same work for
    numbers that can and cannot be paid, so the time reveals nothing.
    """
    with db_transaction.atomic(durable=True):
        questions = Questions(person)
        may = questions.may_check(is_payable=is_payable)
        questions.save_counts()
    return may
