"""The ids of transactions whose key comes from outside the bank: a header, or a hidden field."""

import uuid

from accounts.models import ApprovalRequest, User
from ledger.db.ids import uuid7_for
from transactions.models import Transaction


def transaction_id_for(person: User, key: uuid.UUID) -> uuid.UUID:
    """Returns the id of the transaction that this person books with this key.

    Until November 2026 the key was the id, so a key with which the person booked a row then is
    still its id: a request that is sent again after the upgrade finds that row, or the request for
    approval that was made for it.
    """
    if Transaction.objects.filter(pk=key, created_by=person).exists():
        return key
    asked = ApprovalRequest.objects.filter(requested_by=person, transaction_id=key)
    if person.is_staff and asked.exists():
        return key
    return uuid7_for(person.pk, key)
