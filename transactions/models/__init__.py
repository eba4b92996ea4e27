"""How money moves: `Transaction` has one row per movement, `Entry` one row per side; the other
models refer to them. Constraints and triggers declare the rules of the database.
"""

from transactions.models.alert import Alert, AlertChoice, AlertKind, AlertMail, AlertTimes
from transactions.models.annotation import Annotation
from transactions.models.attachment import Attachment, AttachmentKind
from transactions.models.audit_run import AuditRun
from transactions.models.budget import Budget
from transactions.models.category_rule import CategoryRule
from transactions.models.entry import Entry, EntryQuerySet
from transactions.models.event import AccountEvent, EventKind, EventStream
from transactions.models.monthly_statement import MonthlyStatement
from transactions.models.outside import (
    OutsideAccount,
    OutsideEntry,
    OutsideFilePart,
    OutsideImport,
)
from transactions.models.own_category import OwnCategory
from transactions.models.payee import Payee
from transactions.models.payment_file import NamesAsked, PaymentFile, PaymentLine
from transactions.models.reconciliation import (
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
)
from transactions.models.saved_report import SavedReport
from transactions.models.seal import Seal, SealedDay
from transactions.models.staff_reason import StaffReason
from transactions.models.standing_order import Every, Occurrence, StandingOrder
from transactions.models.transaction import (
    BOOKED_AT,
    DESCRIPTION_LIMIT,
    METADATA_LIMIT,
    REFERENCE_LIMIT,
    Transaction,
    TransactionQuerySet,
    reversal_word,
)
from transactions.models.webhook import Webhook, WebhookDelivery, WebhookQueue

__all__ = [
    "BOOKED_AT",
    "DESCRIPTION_LIMIT",
    "METADATA_LIMIT",
    "REFERENCE_LIMIT",
    "AccountEvent",
    "Alert",
    "AlertChoice",
    "AlertKind",
    "AlertMail",
    "AlertTimes",
    "Annotation",
    "Attachment",
    "AttachmentKind",
    "AuditRun",
    "Budget",
    "CategoryRule",
    "Entry",
    "EntryQuerySet",
    "EventKind",
    "EventStream",
    "Every",
    "MonthlyStatement",
    "NamesAsked",
    "Occurrence",
    "OutsideAccount",
    "OutsideEntry",
    "OutsideFilePart",
    "OutsideImport",
    "OwnCategory",
    "Payee",
    "PaymentFile",
    "PaymentLine",
    "Reconciliation",
    "ReconciliationLine",
    "ReconciliationMatch",
    "SavedReport",
    "Seal",
    "SealedDay",
    "StaffReason",
    "StandingOrder",
    "Transaction",
    "TransactionQuerySet",
    "Webhook",
    "WebhookDelivery",
    "WebhookQueue",
    "reversal_word",
]
