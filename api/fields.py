"""Fields of responses and requests: amounts, times, texts."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.forms import Form
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger.text.currencies import PLAIN_NUMBER, decimals_of, minor_units
from ledger.text.dates import moment_in_utc
from ledger.text.lines import tidy_reason
from transactions.exceptions import InvalidAmount

LONGEST_TEXT = 10_000  # characters; checked before anything else is checked
NAMED = 20  # the number of unknown names that an error lists
NO_FIGURE = 'Write the amount in digits with a point before the decimals, like "950.00".'
AMOUNT = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["950.00"]}


def amount_text(amount: Decimal, currency: str) -> str:
    """Returns the amount with the decimals of its currency and with a plain minus sign, such as
    "-950.00".
    """
    places = max(minor_units(currency), decimals_of(amount))
    return f"{amount:.{places}f}"


def moment_text(moment: datetime) -> str:
    """Returns a time as RFC 3339 in UTC, with microseconds, such as
    "2026-11-20T14:32:05.000000Z".
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@extend_schema_field(AMOUNT)
class ExactAmountField(serializers.Field[Any, Any, Any, Any]):
    """An amount, with the decimals of the `currency` of the same object."""

    def get_attribute(self, instance: Any) -> Any:
        """Returns the amount as text, or None if there is no amount."""
        amount = super().get_attribute(instance)
        return None if amount is None else amount_text(amount, instance.currency)

    def to_representation(self, value: Any) -> Any:
        """Returns the text unchanged, because `get_attribute` has already converted the amount."""
        return value


@extend_schema_field({**AMOUNT, "type": ["string", "null"]})
class OptionalAmountField(ExactAmountField):
    """An amount that may be null."""


class InstantField(serializers.DateTimeField):
    """A time in RFC 3339."""

    def to_representation(self, value: Any) -> Any:
        """Returns the time as text in RFC 3339, or None."""
        return None if value is None else moment_text(value)

    def to_internal_value(self, value: Any) -> datetime:
        """Parses a text in the format of RFC 3339 and returns the time.

        Raises: ValidationError for another text, or if the offset is missing.
        """
        found = moment_in_utc(value) if isinstance(value, str) else None
        if found is None:
            raise serializers.ValidationError(
                "Write a time with its offset, like 2026-11-20T14:32:05Z."
            )
        return found


class TextField(serializers.CharField):
    """A text. Unlike REST framework's field, it refuses numbers and booleans."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": LONGEST_TEXT, **options})

    def to_internal_value(self, data: Any) -> str:
        """Returns the text unchanged.

        Raises: ValidationError if the value is not a text.
        """
        if not isinstance(data, str):
            raise serializers.ValidationError("Write a text in quotation marks.")
        return data

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Returns the validated text. Accepts a blank text, because the services decide which texts
        are stored.
        """
        if data == "" and self.allow_blank:
            return ""
        return super().run_validation(data)


class ReasonTextField(TextField):
    """The reason of a staff action. The text must contain a letter or a digit."""

    def to_internal_value(self, data: Any) -> str:
        """Returns the text without extra spaces.

        Raises: ValidationError if it contains no letter or digit.
        """
        if not (reason := tidy_reason(super().to_internal_value(data))):
            self.fail("blank")
        return reason


@extend_schema_field({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$", "examples": ["950.00"]})
class AmountTextField(TextField):
    """An amount in a request. The amount must be a string, so that no program rounds it."""

    def to_internal_value(self, data: Any) -> str:
        """Returns the text unchanged, because the posting of the payment parses it.

        Raises: ValidationError if the value is not a string.
        """
        if not isinstance(data, str):
            raise serializers.ValidationError(
                'Write the amount as a string, like "950.00", so that no program rounds it.'
            )
        return data


def refuse_odd(amount: str) -> None:
    """Raises InvalidAmount if the text is not a plain number, for example "NaN", "1e400" or
    "1,000". The posting of the payment checks the value.
    """
    if not PLAIN_NUMBER.fullmatch(amount):
        raise InvalidAmount(NO_FIGURE)


class TextListField(serializers.ListField):
    """A list of at most `max_length` texts. The length of the list is checked before the texts."""

    child = TextField(allow_blank=True)

    def to_internal_value(self, data: Any) -> list[str]:
        """Returns the list of texts.

        Raises: ValidationError if the list is too long.
        """
        if isinstance(data, list) and len(data) > (self.max_length or 0):
            raise serializers.ValidationError(f"Write a list of at most {self.max_length} texts.")
        return super().to_internal_value(data)


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses unknown fields. If a misspelt field were ignored, the payment would
    be made without the effect of this field.
    """

    def to_internal_value(self, data: Any) -> Any:
        """Returns the validated fields.

        Raises: ValidationError for an unknown field.
        """
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                known = ", ".join(
                    name for name, field in self.fields.items() if not field.read_only
                )
                why = [f"Unknown field. Known fields: {known}."]
                errors = {name[:60]: why for name in unknown[:NAMED]}
                if len(unknown) > NAMED:
                    errors[""] = [f"{len(unknown) - NAMED:,} more names are not known."]
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)


def refused(form: Form) -> serializers.ValidationError:
    """Converts the errors of a Django form to a ValidationError of the API. The API uses some forms
    of the pages.
    """
    found = {name: [str(error) for error in errors] for name, errors in form.errors.items()}
    return serializers.ValidationError(found)


@cache
def _shared(kind: type[serializers.Serializer[Any]]) -> Any:
    """Returns one instance of this serializer class, which all requests share. To create an
    instance takes longer than to serialize a row, because REST framework copies each field. The
    instance can be shared, because it stores nothing.
    """
    return kind()


def row_of(kind: type[serializers.Serializer[Any]], row: Any) -> Any:
    """Returns the row as JSON data."""
    return _shared(kind).to_representation(row)


def rows_of(kind: type[serializers.Serializer[Any]], rows: Iterable[Any]) -> list[Any]:
    """Returns the rows as JSON data."""
    return [row_of(kind, row) for row in rows]


def values_of(kind: type[serializers.Serializer[Any]], data: Any) -> Any:
    """Returns the validated values of a request body.

    Raises: ValidationError.
    """
    return _shared(kind).run_validation(data)


def names_in(listed: str) -> set[str]:
    """Returns the set of names in a comma-separated parameter."""
    return {name.strip() for name in listed.split(",")} - {""}


def picked(representation: Any, wanted: str | None) -> Any:
    """Returns only the fields that the parameter `fields=` selects, in their usual order, or all
    fields if the parameter is missing.

    Raises: ValidationError for an unknown field.
    """
    if not wanted:
        return representation
    names = names_in(wanted)
    if not names:
        raise serializers.ValidationError({"fields": ["List one or more fields."]})
    if isinstance(representation, list):
        return [picked(one, wanted) for one in representation]
    unknown = sorted(names - set(representation))
    if unknown:
        raise serializers.ValidationError(
            {
                "fields": [
                    f"There is no field {unknown[0][:60]}; there are {', '.join(representation)}."
                ]
            }
        )
    return {name: value for name, value in representation.items() if name in names}
