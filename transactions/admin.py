"""Django's admin finds the registrations of this app here. The pages are in `staff/`."""

from transactions.staff.audit import AuditRunAdmin
from transactions.staff.payment_files import PaymentFileAdmin
from transactions.staff.reconciliation import ReconciliationAdmin
from transactions.staff.standing_orders import StandingOrderAdmin
from transactions.staff.transactions import TransactionAdmin

__all__ = [
    "AuditRunAdmin",
    "PaymentFileAdmin",
    "ReconciliationAdmin",
    "StandingOrderAdmin",
    "TransactionAdmin",
]
