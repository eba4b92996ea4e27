"""Adds the search term `has:receipt`."""

from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from banking.attachments.models import Attachment
from transactions.search.language.has_values import register


def ids_with_receipt(reader: User) -> QuerySet[Any, Any]:
    """Returns the ids of the transactions to which the reader has attached a file."""
    return Attachment.objects.of(reader).values("transaction")


register("receipt", ids_with_receipt)
