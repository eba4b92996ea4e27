"""The models of money movements. `Transaction` has one row per movement. `Entry` has one row for
the payer's side and one row for the payee's side of a movement. The other models refer to these
two. Constraints and triggers of the models are the rules of the database.
"""

from transactions.models.audit_run import AuditRun
from transactions.models.entry import Entry, EntryQuerySet
from transactions.models.event_kind import EventKind
from transactions.models.name_check import NameCheck, NamesAsked
from transactions.models.saved_report import SavedReport
from transactions.models.seal import Seal, SealedDay
from transactions.models.staff_reason import StaffReason
from transactions.models.transaction import (
    BOOKED_AT,
    DESCRIPTION_LIMIT,
    METADATA_LIMIT,
    REFERENCE_LIMIT,
    Transaction,
    TransactionQuerySet,
    reversal_word,
)

__all__ = [
    "BOOKED_AT",
    "DESCRIPTION_LIMIT",
    "METADATA_LIMIT",
    "REFERENCE_LIMIT",
    "AuditRun",
    "Entry",
    "EntryQuerySet",
    "EventKind",
    "NameCheck",
    "NamesAsked",
    "SavedReport",
    "Seal",
    "SealedDay",
    "StaffReason",
    "Transaction",
    "TransactionQuerySet",
    "reversal_word",
]
