"""Transactions as JSON, and the body of a new transaction."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import (
    AmountTextField,
    ExactAmountField,
    InstantField,
    StrictSerializer,
    TextField,
)
from transactions.models import Transaction

WRITTEN = ("description", "reference", "metadata")  # texts by people, which may contain names
NULL_WITHOUT_NAMES = "Null in other users' transactions for staff who may not see names."
OWN_FIRST = "The category that the caller assigned, else the category in the metadata."


@extend_schema_field({"type": "object", "additionalProperties": True})
class MetadataField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object of at most 16 KiB."""

    def to_internal_value(self, data: Any) -> Any:
        """Returns the object unchanged, because posting validates it.

        Raises: ValidationError if the value is not an object.
        """
        if not isinstance(data, dict):
            raise serializers.ValidationError("Send a JSON object: names with values.")
        return data

    def to_representation(self, value: Any) -> Any:
        """Returns the object as it is stored."""
        return value


@extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
class OptionalMetadataField(MetadataField):
    """Metadata, or null if the user may not see it."""


class TransactionSerializer(serializers.Serializer[Transaction]):
    """A movement of money. `from_account` is null if the money comes from outside the bank.
    `to_account` is null if the money leaves the bank.
    """

    id = serializers.UUIDField()
    type = serializers.ChoiceField(Transaction.Type.choices)
    status = serializers.ChoiceField(Transaction.Status.choices)
    amount = ExactAmountField()
    currency = serializers.CharField()
    from_account = serializers.UUIDField(source="from_account_id", allow_null=True)
    to_account = serializers.UUIDField(source="to_account_id", allow_null=True)
    description = serializers.CharField(allow_null=True, help_text=NULL_WITHOUT_NAMES)
    reference = serializers.CharField(allow_null=True, help_text=NULL_WITHOUT_NAMES)
    category = serializers.SerializerMethodField(help_text=OWN_FIRST)
    metadata = OptionalMetadataField(allow_null=True, help_text=NULL_WITHOUT_NAMES)
    value_date = serializers.DateField()
    created_at = InstantField()
    expires_at = InstantField(allow_null=True, help_text="When a hold ends automatically.")
    captures = serializers.UUIDField(
        source="captures_id", allow_null=True, help_text="The hold that it captures."
    )
    reverses = serializers.UUIDField(
        source="reverses_id", allow_null=True, help_text="The transaction that it refunds."
    )

    @extend_schema_field({"type": ["string", "null"]})
    def get_category(self, row: Transaction) -> str | None:
        """Returns the category that the caller has assigned, if this category was loaded with the
        row. Otherwise returns `category` of the metadata, in the same form as the generated column,
        or None. Makes no query.
        """
        if own := getattr(row, "own_category", None):
            return str(own)
        found = row.metadata.get("category")
        return found if isinstance(found, str) else row.category if found is not None else None


class NewTransactionSerializer(StrictSerializer):
    """A payment from the caller's account to an account that is given by its id or number.

    Staff of the cash desk omit one account. Without `from_account`, the payment is a deposit.
    Without a recipient, it is a withdrawal.
    """

    from_account = serializers.UUIDField(required=False, allow_null=True)
    to_account = serializers.UUIDField(required=False, allow_null=True)
    to_number = TextField(required=False, max_length=40)
    amount = AmountTextField(max_length=60)
    description = TextField(required=False, allow_blank=True)
    reference = TextField(required=False, allow_blank=True)
    metadata = MetadataField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Returns the values.

        Raises: ValidationError if there are two recipients.
        """
        if attrs.get("to_account") and attrs.get("to_number"):
            raise serializers.ValidationError(
                {"to_number": ["Send one recipient: in to_account or in to_number."]}
            )
        return attrs
