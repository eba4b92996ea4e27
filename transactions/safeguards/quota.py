"""Limits the names and account numbers that a customer can try per day.

Each wrong name reveals a little about the real name. Each number that cannot be paid reveals a
little about the existing accounts. Honest people make few mistakes, but people who collect names or
numbers make many mistakes. Transfers and payment files share the same counts.
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

    For staff, the person is None, and nothing is counted or limited, because staff can read every
    name.
    """

    def __init__(self, person: uuid.UUID | None) -> None:
        self.person = person
        self._counter: NamesAsked | None = None

    def name(self, typed: str, holder: str) -> NameCheck:
        """Returns the result of comparing a typed name with the holder's name, and counts a wrong
        name. Returns NONE if nothing was typed, and for every name after the daily limit.
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
        """Returns whether the form may reveal to the person if a stranger's account number can be
        paid. Counts a number that cannot be paid. Always returns False after the daily limit.
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
        """The row with the person's counts of today. Locks the row, so that parallel requests share
        one limit.
        """
        if self._counter is None:
            today = {"user_id": self.person, "day": timezone.localdate()}
            NamesAsked.objects.bulk_create([NamesAsked(**today)], ignore_conflicts=True)
            self._counter = NamesAsked.objects.select_for_update(no_key=True).get(**today)
        return self._counter


@with_retry
def name_check(person: uuid.UUID, typed: str, holder: str) -> NameCheck:
    """Returns the result of comparing one typed name with the holder's name, and counts a wrong
    name. Opens a separate database transaction.
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

    The work is the same for every number, so the duration does not reveal whether the number can be
    paid.
    """
    with db_transaction.atomic(durable=True):
        questions = Questions(person)
        may = questions.may_check(is_payable=is_payable)
        questions.save_counts()
    return may
