"""The id of a transaction whose key comes from a request: a header or a hidden field of a form."""

from uuid import UUID

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Subquery

from accounts.models import ApprovalRequest, User
from ledger.db.ids import uuid7_for
from ledger.db.migrating.older import FIRST
from transactions.models import Transaction


def transaction_id_for(person: User, key: UUID) -> UUID:
    """Returns the id of the transaction that this person books with this key.

    Until 26 November 2026, the key itself was the id. So if the person used the key before
    `adopt_migrations` moved the bank, a repeated request must find that transaction, or the
    request for approval that was made for it.
    """
    return key if _is_id_from_before(person, key) else uuid7_for(person.pk, key)


def _is_id_from_before(person: User, key: UUID) -> bool:
    app, name = FIRST.split(".")
    first = MigrationRecorder(connection).migration_qs.filter(app=app, name=name)
    moved_at = Subquery(first.values("applied"))
    booked = Transaction.objects.filter(pk=key, created_by=person, created_at__lt=moved_at)
    asked = ApprovalRequest.objects.filter(
        transaction_id=key, requested_by=person, requested_at__lt=moved_at
    )
    return booked.exists() or (person.is_staff and asked.exists())
