"""Determines for which files the person must confirm their identity again (step-up): files with a
new recipient, and files above the daily limit.
"""

from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from accounts.models import User
from accounts.sign_in.step_up import limit_in
from banking.payment_files.booking import FileLimit
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.models.payment_file import PaymentLineQuerySet
from transactions.models import Transaction
from transactions.safeguards.confirmation import (
    ConfirmationNeeded,
    is_covered,
    limit_today,
    over_limit,
    paid_today,
)
from transactions.safeguards.recipients import own_accounts, paid_by

NEW_RECIPIENTS = "The file pays somebody for the first time. Confirm that it is you."


def why_confirm_file(file: PaymentFile, person: User, *, covered_until: datetime | None) -> str:
    """Returns the reason why the person must confirm their identity before paying this file, or ""
    if no confirmation is needed. `covered_until` is the time until which an earlier confirmation is
    valid.
    """
    if file.is_from_bank or not file.waiting_count or is_covered(covered_until):
        return ""
    to_others = _to_others(file, person)
    paid = Transaction.objects.filter(
        paid_by(person), from_account__in=own_accounts(person.pk), to_account__isnull=False
    )
    if to_others.exclude(to_account__in=paid.values("to_account")).exists():
        return NEW_RECIPIENTS
    to_come = _sum_of(to_others)
    total = to_come + paid_today(person.pk, file.currency, covered_until)
    return over_limit(file.currency) if to_come and total > limit_in(file.currency) else ""


def limit_unconfirmed(
    file: PaymentFile, person: User, *, covered_until: datetime | None
) -> FileLimit | None:
    """Returns the daily limit for a file that the person may pay without confirming their identity
    again, or None if no limit applies. Each booked part of the file is checked against this limit:
    see Note [Splitting].

    Raises: ConfirmationNeeded if the person must confirm their identity first.
    """
    if is_covered(covered_until):
        return None
    if why := why_confirm_file(file, person, covered_until=covered_until):
        raise ConfirmationNeeded(why)
    if not _to_others(file, person).exists():
        return None
    limit = limit_today(person.pk, file.currency, covered_until)
    return FileLimit(limit, to_come=lambda: _sum_of(_to_others(file, person)))


def _to_others(file: PaymentFile, person: User) -> PaymentLineQuerySet:
    """Returns the lines that can be booked and pay other people. Leaves out lines that pay the
    person's own accounts.
    """
    own = own_accounts(person.pk)
    return PaymentLine.objects.of(file).waiting().exclude(to_account__in=own)


def _sum_of(lines: PaymentLineQuerySet) -> Decimal:
    return lines.aggregate(total=Sum("amount"))["total"] or Decimal(0)
