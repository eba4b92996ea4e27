"""The words of the query language: its fields, and what `is:` may say.

Nothing here asks the database. A value that cannot be read raises NotUnderstood.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ledger.text.currencies import CURRENCIES
from transactions.search.language.values import NotUnderstood, Unfinished, read_days, read_numbers

IS_WORDS: Mapping[str, str] = {
    "booked": "money that has moved",
    "pending": "held and not taken yet",
    "captured": "holds that were taken",
    "released": "holds that were let go",
    "expired": "holds whose time is over",
    "hold": "everything that is or was a hold",
    "refund": "what gives something back",
    "refunded": "what was given back",
    "in": "came from outside; with account: beside it, into that account",
    "out": "went outside; with account: beside it, out of that account",
    "own": "between own accounts",
    "transfer": "between two accounts",
    "deposit": "into the bank",
    "withdrawal": "out of the bank",
}
HAS_WORDS: Mapping[str, str] = {  # what has: may say besides keys of the metadata
    "note": "with a note of your own",
    "tag": "with a tag of your own",
}
TYPES = ("transfer", "deposit", "withdrawal")


def read_currency(typed: str) -> str:
    """A code like USD, in whatever case."""
    code = typed.upper()
    if code in CURRENCIES:
        return code
    if len(typed) < 3:
        raise Unfinished("Write a currency by its three letters, like USD.")
    raise NotUnderstood(f"“{typed}” is no currency; write its three letters, like USD.")


def _one_of(words: tuple[str, ...], field: str) -> Callable[[str], str]:
    def read(typed: str) -> str:
        word = typed.lower()
        if word in words:
            return word
        if any(known.startswith(word) for known in words):
            fits = [known for known in words if known.startswith(word)]
            raise Unfinished(f"{field}: goes on with {' or '.join(fits)}.", *fits)
        raise NotUnderstood(
            f"“{typed}” is nothing {field}: knows; it may be {', '.join(words[:-1])} "
            f"or {words[-1]}.",
            *near(word, words),
        )

    return read


def near(word: str, words: "tuple[str, ...] | list[str]", most: int = 1) -> list[str]:
    """The words of a list that somebody may have meant."""
    from difflib import get_close_matches

    return get_close_matches(word, words, n=most, cutoff=0.6)


WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()


def read_weekday(typed: str) -> int:
    """`friday`, or as much of it as tells: 1 for Monday to 7 for Sunday."""
    fits = [day for day in WEEKDAYS if day.startswith(typed.lower())]
    if len(fits) == 1:
        return WEEKDAYS.index(fits[0]) + 1
    if fits:
        raise Unfinished(f"weekday: goes on with {' or '.join(fits)}.", *fits)
    raise NotUnderstood(
        f"“{typed}” is no day of the week, like friday.", *near(typed.lower(), WEEKDAYS)
    )


def read_hour(typed: str) -> int:
    """The hour that begins then, by the bank's clock: 0 to 23."""
    if re.fullmatch("[0-9]{1,2}", typed) and int(typed) < 24:
        return int(typed)
    raise NotUnderstood(f"“{typed}” is no hour; write 0 to 23, like 14 for 14:00 to 15:00.")


def read_id(typed: str) -> UUID:
    """A transaction's id as its receipt shows it."""
    try:
        return UUID(typed)
    except ValueError:
        raise NotUnderstood(
            "An id has 32 digits, as at the foot of a receipt; copy the whole of it."
        ) from None


def read_tag(typed: str) -> str:
    """A tag as it is kept: "#Food" is food."""
    tag = typed.removeprefix("#").lower()
    if not tag:
        raise Unfinished("tag: one of your tags, like tag:food.")
    return tag


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the language: what it is for, an example or "", how its value is read."""

    says: str
    example: str
    read: Callable[[str], Any] = str
    bank_only: bool = False  # asked of the whole bank alone


FIELDS: Mapping[str, Field] = {
    "to": Field(
        "who got the money: the name that a row shows, an account number, or me", "to:mara"
    ),
    "from": Field("who paid it", "from:me"),
    "with": Field("who stands on the other side, whichever way it went", "with:mara"),
    "account": Field("one account, by its name or the end of its number", "account:everyday"),
    "amount": Field("how much", "amount:>100", read_numbers),
    "currency": Field("in which currency", "currency:EUR", read_currency),
    "date": Field("when it was booked", "date:2026-01..2026-03", read_days),
    "weekday": Field("on which day of the week", "weekday:friday", read_weekday),
    "hour": Field("in which hour of the day", "hour:14", read_hour),
    "joined": Field("paid by who joined the bank then", "joined:2026-03", read_days, True),
    "category": Field("its category; none for those without", "category:rent"),
    "refunds": Field("what gave back a payment of a category", "refunds:shopping"),
    "is": Field("what became of it", "is:pending", _one_of(tuple(IS_WORDS), "is")),
    "type": Field("transfer, deposit or withdrawal", "type:deposit", _one_of(TYPES, "type")),
    "has": Field("what its details have; or a note or a tag of your own", "has:meta.channel"),
    "tag": Field("your tag, the whole of it", "tag:food", read_tag),
    "note": Field("words of your note, from the beginning of a word on", "note:split"),
    "ref": Field("its reference, from the beginning of a word on", "ref:INV"),
    "id": Field("one transaction, by the 32 digits at the foot of its receipt", "", read_id),
}
