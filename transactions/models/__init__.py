"""The models of money movements. `Transaction` has one row per movement. `Entry` has two rows per
movement: one for the payer and one for the payee. Constraints and triggers enforce the rules of the
models in the database.
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
