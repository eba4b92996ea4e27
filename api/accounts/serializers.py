"""Accounts and their entries as JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Account
from api.fields import (
    ExactAmountField,
    InstantField,
    OptionalAmountField,
    StrictSerializer,
    TextField,
)
from api.parameters import expand
from api.transactions.expansion import RELATED, OwnTransactionField, RelatedField
from api.transactions.serializers import OWN_FIRST
from transactions.models import Entry, Transaction

EXPANDABLE = ("transaction", *RELATED)
EXPAND = expand(EXPANDABLE)


class AccountSerializer(serializers.Serializer[Account]):
    """An account of the caller."""

    id = serializers.UUIDField()
    number = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    status = serializers.ChoiceField(Account.Status.choices)
    balance = ExactAmountField(help_text="Booked money.")
    held = ExactAmountField(help_text="Reserved by holds.")
    available = ExactAmountField(help_text="Available money: balance + overdraft_limit - held.")
    overdraft_limit = ExactAmountField()
    transfer_limit = OptionalAmountField(help_text="Maximum of one payment.")
    daily_limit = OptionalAmountField(help_text="Maximum of all outgoing payments in a day.")
    created_at = InstantField()
    last_entry_at = InstantField(allow_null=True)
    closed_at = InstantField(allow_null=True)


class NewAccountSerializer(StrictSerializer):
    """The currency and name of a new account."""

    currency = TextField(min_length=3, max_length=3)
    name = TextField(max_length=100)


class BalanceSerializer(serializers.Serializer[Any]):
    """The booked balance of an account at a point in time."""

    account = serializers.UUIDField()
    currency = serializers.CharField()
    at = InstantField()
    balance = ExactAmountField()


class PartySerializer(serializers.Serializer[Any]):
    """The other account of an entry's transaction, with the name that the statement shows."""

    account = serializers.UUIDField()
    number = serializers.CharField()
    name = serializers.CharField()


class EntrySerializer(serializers.Serializer[Entry]):
    """An entry on an account. A transaction has one entry on each of its accounts."""

    transaction = OwnTransactionField(source="transaction_id")
    direction = serializers.ChoiceField([("debit", "out"), ("credit", "in")])
    amount = ExactAmountField()
    signed_amount = ExactAmountField(help_text="Below zero for money that went out.")
    balance = ExactAmountField(help_text="Booked balance of the account after this entry.")
    currency = serializers.CharField()
    type = serializers.ChoiceField(Transaction.Type.choices)
    counterparty = serializers.SerializerMethodField(
        help_text="The other side; null outside the bank."
    )
    description = serializers.CharField()
    reference = serializers.CharField()
    category = serializers.SerializerMethodField(help_text=OWN_FIRST)
    value_date = serializers.DateField()
    created_at = InstantField(help_text="Booking time; strictly rises within an account.")
    captures = RelatedField(source="captures_id")
    reverses = RelatedField(source="reverses_id")

    @extend_schema_field({"type": ["string", "null"]})
    def get_category(self, entry: Entry) -> str | None:
        """Returns the category that the caller has assigned, if this category was loaded with the
        entry. Otherwise returns the category of the transaction, or None.
        """
        return getattr(entry, "own_category", None) or entry.category

    @extend_schema_field(PartySerializer(allow_null=True))
    def get_counterparty(self, entry: Entry) -> dict[str, str] | None:
        """Returns the other account of the entry's transaction, with the name that the statement
        shows. Returns None if the money came from outside the bank or left the bank.
        """
        other = entry.counterparty
        if other is None:
            return None
        return {
            "account": str(other.pk), "number": other.number, "name": entry.counterparty_name,
        }  # fmt: skip


class AccountListSerializer(serializers.Serializer[Any]):
    """All accounts on one page. The oldest account is first."""

    results = AccountSerializer(many=True)


class EntryPageSerializer(serializers.Serializer[Any]):
    """A page of entries. The newest entry is first."""

    results = EntrySerializer(many=True)
    next = serializers.URLField(
        allow_null=True, help_text="URL of the next page, with older items."
    )
