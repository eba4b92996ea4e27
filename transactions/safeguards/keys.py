"""The ids of transactions whose key comes from outside the bank: a header, or a hidden field."""

import uuid
from datetime import datetime

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import ApprovalRequest, User
from ledger.db.ids import uuid7_for
from transactions.models import Transaction

# The first migration after ids began to follow from keys. A bank that began later had it before its
# first payment.
SINCE = "0052_registered_standing_orders"
DERIVED = 7  # the version of all ids that follow from keys


def transaction_id_for(person: User, key: uuid.UUID) -> uuid.UUID:
    """Returns the id of the transaction that this person books with this key.

    Until November 2026 the key was the id, so a key with which the person booked a row then is
    still its id: a request that is sent again after the upgrade finds that row, or the request for
    approval that was made for it. The id of a row that was booked later is a key like any other.
    """
    moment = _used_as_id_at(person, key)
    if moment and (key.version != DERIVED or moment < _derived_since()):
        return key
    return uuid7_for(person.pk, key)


def _used_as_id_at(person: User, key: uuid.UUID) -> datetime | None:
    """When this person booked the row with this id, or asked for it as staff; None if never."""
    moment: datetime | None
    rows = Transaction.objects.filter(pk=key, created_by=person)
    moment = rows.values_list("created_at", flat=True).first()
    if moment or not person.is_staff:
        return moment
    asked = ApprovalRequest.objects.filter(requested_by=person, transaction_id=key)
    moment = asked.values_list("requested_at", flat=True).first()
    return moment


def _derived_since() -> datetime:
    """When this database was upgraded to ids that follow from keys."""
    applied = MigrationRecorder(connection).migration_qs.filter(app="transactions", name=SINCE)
    moment: datetime = applied.values_list("applied", flat=True).get()
    return moment
