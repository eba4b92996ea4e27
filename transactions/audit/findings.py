"""Findings of the audit: fields for machines and a sentence for people."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Self
from uuid import UUID

from django.utils.timezone import localtime

from accounts.models import Account
from ledger.logs.output import is_for_the_log
from ledger.text.dates import clock_seconds, long_date
from ledger.text.lines import cut, visible
from ledger.text.money import NO_BREAK, account_number, money

STATUS_WORDS = {
    "pending": "held", "completed": "booked", "captured": "captured", "voided": "released",
}  # fmt: skip

BREAKS = {ord(c): f"[U+{ord(c):04X}]" for c in "\t\n\r\u2028\u2029"}
LONGEST = 20_000  # characters of a text in a finding


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: the check, the row, the expected value and the found one.

    A finding is the first of its kind; `broken` is the number of such rows if counting is cheap.
    `seal` is the number of a seal. `day` (ISO) is set if the finding is about that day's rows and
    not about the seal itself. The sentence is written immediately, because the rows it names may be
    gone later.
    """

    check: str
    account: str | None
    transaction: str | None
    expected: str
    found: str
    broken: int | None = None
    seal: int | None = None
    sentence: str = ""
    day: str | None = None

    def in_lines(self) -> Self:
        """Returns the finding with each text in one line of at most LONGEST characters.

        A forged value of 60 MB fits into the history, but not into the stored result. A value with
        control characters could clear the terminal or write other sentences there.
        """
        return replace(
            self,
            expected=_line(self.expected),
            found=_line(self.found),
            sentence=_line(self.sentence),
        )

    def __str__(self) -> str:
        """Returns the sentence for a terminal."""
        more = f" This is the first of {self.broken:,}." if (self.broken or 0) > 1 else ""
        return self.sentence.replace(NO_BREAK, " ") + more

    def printed(self) -> str:
        """Returns what a command prints: no values if the output goes to a log."""
        return self.without_values() if is_for_the_log() else str(self)

    def without_values(self) -> str:
        """Returns the rule and the row ids for a log, without amounts and account numbers."""
        rows = {"account": self.account, "transaction": self.transaction, "seal": self.seal}
        named = ", ".join(f"{what} {id}" for what, id in rows.items() if id is not None)
        return (
            f"Broken: {self.check}; {named or 'no row'}. The admin page Audit and seals has the"
            " values."
        )


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """The name of an account for sentences; formats amounts in the account's currency."""

    words: str
    currency: str = ""

    def __str__(self) -> str:
        return self.words

    @property
    def at_start(self) -> str:
        """The name, for the start of a sentence."""
        return self.words[0].upper() + self.words[1:]

    def money(self, amount: Decimal | None) -> str:
        """Formats an amount in this account's currency: "71.00 USD"."""
        return amount_text(amount, self.currency)


def _line(text: str) -> str:
    return cut(visible(cut(text, LONGEST)).translate(BREAKS), LONGEST)


def named(pk: UUID | None) -> NamedAccount:
    """Names the account with this id by its number. Also accepts None and an unknown id."""
    row = Account.objects.filter(pk=pk).values_list("number", "currency").first() if pk else None
    if row is None:
        return NamedAccount(f"account {pk}, which is not in the books" if pk else "no account")
    number, currency = row
    return NamedAccount(f"account {account_number(number).replace(' ', NO_BREAK)}", currency)


def amount_text(amount: Decimal | None, currency: str) -> str:
    """Formats an amount in a sentence; "no amount" for None."""
    return "no amount" if amount is None else money(amount, currency)


def moment_text(moment: datetime | None) -> str:
    """Formats a booking time with microseconds; "never" for None."""
    if moment is None:
        return "never"
    here = localtime(moment)
    return f"{long_date(here)}, {clock_seconds(here)}.{here:%f %Z}"
