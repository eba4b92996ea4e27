"""The fields of the query language, and the functions that parse their values. Sends no queries."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.functional import lazy

from ledger.text.currencies import is_currency
from ledger.text.fuzzy import closest
from transactions.search.language.has_values import has_finds
from transactions.search.language.values import (
    IncompleteValue,
    InvalidValue,
    read_days,
    read_numbers,
)

IS_VALUES: Mapping[str, str] = {  # each value of is:, and the transactions that the value finds
    "booked": "money that has moved",
    "pending": "holds that are still open",
    "captured": "holds that were captured",
    "released": "holds that were released",
    "expired": "holds that have expired",
    "hold": "every hold, open or closed",
    "refund": "refunds of other payments",
    "refunded": "payments that were refunded",
    "in": "money in; with account:, money into that account",
    "out": "money out; with account:, money out of that account",
    "own": "transfers between your own accounts",
    "transfer": "transfers between two accounts",
    "deposit": "deposits into the bank",
    "withdrawal": "withdrawals from the bank",
}
TYPES = ("transfer", "deposit", "withdrawal")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_currency(typed: str) -> str:
    """Returns the typed currency code in upper case, such as USD.

    Raises: IncompleteValue for fewer than three letters; InvalidValue for any other text.
    """
    code = typed.upper()
    if is_currency(code):
        return code
    if len(typed) < 3:
        raise IncompleteValue("Write a currency by its three letters, like USD.")
    raise InvalidValue(f"“{typed}” is not a currency. Write its three letters, like USD.")


def _one_of(choices: tuple[str, ...], field: str) -> Callable[[str], str]:
    def read(typed: str) -> str:
        value = typed.lower()
        if value in choices:
            return value
        if matches := [choice for choice in choices if choice.startswith(value)]:
            raise IncompleteValue(f"{field}: continue with {' or '.join(matches)}.", *matches)
        raise InvalidValue(
            f"“{typed}” is not a value of {field}: (choose {', '.join(choices[:-1])} "
            f"or {choices[-1]}).",
            *closest(value, choices),
        )

    return read


def read_weekday(typed: str) -> int:
    """Returns the number of a weekday, from 1 for Monday to 7 for Sunday. The text may be the first
    letters of the name, if only one weekday starts with these letters.

    Raises: InvalidValue; IncompleteValue if several weekdays start with the letters.
    """
    matches = [day for day in WEEKDAYS if day.startswith(typed.lower())]
    if len(matches) == 1:
        return WEEKDAYS.index(matches[0]) + 1
    if matches:
        raise IncompleteValue(f"weekday: continue with {' or '.join(matches)}.", *matches)
    raise InvalidValue(
        f"“{typed}” is not a day of the week, like friday.", *closest(typed.lower(), WEEKDAYS)
    )


def read_hour(typed: str) -> int:
    """Returns an hour of the day in the bank's time zone, from 0 to 23.

    Raises: InvalidValue.
    """
    if re.fullmatch("[0-9]{1,2}", typed) and int(typed) < 24:
        return int(typed)
    raise InvalidValue(f"“{typed}” is not an hour. Write 0 to 23, like 14 for 14:00 to 15:00.")


def read_id(typed: str) -> UUID:
    """Parses the id of a transaction.

    Raises: InvalidValue.
    """
    try:
        return UUID(typed)
    except ValueError:
        raise InvalidValue(
            "An id has 32 digits. Copy all of it from the end of a receipt."
        ) from None


def read_tag(typed: str) -> str:
    """Returns the tag as it is stored, in lower case and without "#": "food" for "#Food".

    Raises: IncompleteValue if no tag remains.
    """
    tag = typed.removeprefix("#").lower()
    if not tag:
        raise IncompleteValue("tag: needs one of your tags, like tag:food.")
    return tag


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the query language: a help text, an example (or ""), and the function `read`,
    which parses the value of the field.

    `read` raises InvalidValue. Fields with `bank_only` work only in a search of the whole bank.
    """

    description: str
    example: str
    read: Callable[[str], Any] = str
    bank_only: bool = False


FIELDS: Mapping[str, Field] = {
    "to": Field(
        "who received the money: a name as results show it, an account number, or me", "to:mara"
    ),
    "from": Field("who paid", "from:me"),
    "with": Field("the other side, whether it paid or received", "with:mara"),
    "account": Field("an account, by its name or the end of its number", "account:everyday"),
    "amount": Field("the amount", "amount:>100", read_numbers),
    "currency": Field("the currency", "currency:EUR", read_currency),
    "date": Field("when it was booked", "date:2026-01..2026-03", read_days),
    "weekday": Field("the day of the week", "weekday:friday", read_weekday),
    "hour": Field("the hour of the day", "hour:14", read_hour),
    "joined": Field(
        "payments by people who joined the bank then", "joined:2026-03", read_days, True
    ),
    "category": Field("the category; none for payments without one", "category:rent"),
    "refunds": Field("refunds of payments of a category", "refunds:shopping"),
    "is": Field("the status or the kind", "is:pending", _one_of(tuple(IS_VALUES), "is")),
    "type": Field("transfer, deposit or withdrawal", "type:deposit", _one_of(TYPES, "type")),
    "has": Field(lazy(has_finds, str)(), "has:meta.channel"),
    "tag": Field("your tag, in full", "tag:food", read_tag),
    "note": Field("words of your note; the beginning of a word is enough", "note:split"),
    "ref": Field("words of the reference; the beginning of a word is enough", "ref:INV"),
    "id": Field("one transaction, by the 32 digits at the end of its receipt", "", read_id),
}
