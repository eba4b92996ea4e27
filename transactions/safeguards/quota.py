"""Limits how much a customer can find out per day by typing names and account numbers.

Each wrong name reveals a little about the real name. Each number that cannot be paid reveals a
little about which accounts exist. Honest people make few mistakes, but people who collect names or
numbers make many. Transfers and payment files share the same counts.
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
    """A counter of the wrong names and numbers that one person tries. The counts are stored in the
    same database transaction as the results.

    If the person is None, nothing is counted or limited, because staff can read every name.
    """

    def __init__(self, person: uuid.UUID | None) -> None:
        self.person = person
        self._counter: NamesAsked | None = None

    def name(self, typed: str, holder: str) -> NameCheck:
        """Compares a typed name with the holder's name, and counts the name if it is wrong. Returns
        NONE if nothing was typed. After the daily limit also returns NONE, even if the name is
        correct.
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
        """Returns whether the form may reveal to the person if the number of a stranger can be
        paid. Counts the number if it cannot be paid. After the daily limit, returns False for every
        number.
        """
        if self.person is None:
            return True
        if self.counter.numbers >= WRONG_NUMBERS_A_DAY:
            return False
        self.counter.numbers += not is_payable
        return True

    def save_counts(self) -> None:
        """Stores the counts. Call this method before the database transaction ends."""
        if self._counter is not None:
            self._counter.save(update_fields=["count", "numbers"])

    @property
    def counter(self) -> NamesAsked:
        """The row with the counts of today. The row is locked, so that parallel requests share one
        limit.
        """
        if self._counter is None:
            today = {"user_id": self.person, "day": timezone.localdate()}
            NamesAsked.objects.bulk_create([NamesAsked(**today)], ignore_conflicts=True)
            self._counter = NamesAsked.objects.select_for_update(no_key=True).get(**today)
        return self._counter


@with_retry
def name_check(person: uuid.UUID, typed: str, holder: str) -> NameCheck:
    """Compares one typed name with the holder's name, and counts the name if it is wrong. Opens a
    separate database transaction.
    """
    with db_transaction.atomic(durable=True):
        questions = Questions(person)
        check = questions.name(typed, holder)
        questions.save_counts()
    return check


@with_retry
def may_check_number(person: uuid.UUID, *, is_payable: bool) -> bool:
    """Returns the result of `Questions.may_check` for one number. Opens a separate database
    transaction.

    The function does the same work for every number, so its duration does not reveal whether the
    number can be paid.
    """
    with db_transaction.atomic(durable=True):
        questions = Questions(person)
        may = questions.may_check(is_payable=is_payable)
        questions.save_counts()
    return may
