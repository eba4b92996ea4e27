"""Limits how many wrong names one customer may have compared in a day.

Each result other than "match" reveals a little about an unknown name. Honest files contain few
wrong names; somebody who collects names needs many results.
"""

import uuid

from django.utils import timezone

from transactions.models import NamesAsked, PaymentFile
from transactions.models.payment_file import NameCheck
from transactions.payment_files.names import compared

MOST_A_DAY = 500


class Comparison:
    """Compares the names of one upload, within the transaction that stores its lines.

    After too many wrong names in a day, names are no longer compared: the result is NONE, even for
    a right one. For a file from the bank nothing is counted, because staff can read every name.
    """

    def __init__(self, file: PaymentFile) -> None:
        self.reader: uuid.UUID | None = None if file.is_from_bank else file.created_by_id
        self.counter: NamesAsked | None = None

    def of(self, typed: str, holder: str) -> NameCheck:
        """Compares a typed name with the holder's, and counts a wrong one. Returns NONE if nothing
        was typed or the limit of the day is reached.
        """
        if not typed:
            return NameCheck.NONE
        if self.reader is None:
            return compared(typed, holder)
        if self.counter is None:
            self.counter = self._locked(self.reader)
        if self.counter.count >= MOST_A_DAY:
            return NameCheck.NONE
        check = compared(typed, holder)
        self.counter.count += check != NameCheck.MATCH
        return check

    def write_down(self) -> None:
        """Stores the count. Call it before the transaction ends."""
        if self.counter is not None:
            self.counter.save(update_fields=["count"])

    @staticmethod
    def _locked(reader: uuid.UUID) -> NamesAsked:
        """Returns the count of the day, locked, so that parallel uploads share one limit."""
        today = {"user_id": reader, "day": timezone.localdate()}
        NamesAsked.objects.bulk_create([NamesAsked(**today)], ignore_conflicts=True)
        return NamesAsked.objects.select_for_update(no_key=True).get(**today)
