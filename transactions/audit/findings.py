"""Findings of the audit. A finding has fields for programs and a sentence for people."""

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
LONGEST = 20_000  # max. characters of a text in a finding


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule: the name of the check, the row, the expected value and the value that was
    found.

    A finding is about the first row that breaks the rule. `broken` is the number of such rows, if
    counting them is cheap. `seal` is the number of a seal. If the finding is about the rows of a
    sealed day, `day` is this day in ISO format. If it is about the seal itself, `day` is empty. The
    text of the finding is created together with the finding, because the rows may be deleted later.
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
        """Returns a copy of the finding in which each text is one line of at most LONGEST
        characters.

        A forged value of 60 MB fits into the history, but not into the stored result. A value with
        control characters could clear the terminal or write other sentences to it.
        """
        return replace(
            self,
            expected=_line(self.expected),
            found=_line(self.found),
            sentence=_line(self.sentence),
        )

    def __str__(self) -> str:
        """Returns the sentence for a terminal. If several rows break the rule,
        adds their number.
        """
        more = f" This is the first of {self.broken:,}." if (self.broken or 0) > 1 else ""
        return self.sentence.replace(NO_BREAK, " ") + more

    def printed(self) -> str:
        """Returns the text that a command prints. If the output goes to a log, the text has no
        values.
        """
        return self.without_values() if is_for_the_log() else str(self)

    def without_values(self) -> str:
        """Returns a text for a log: the rule and the ids of the rows, without amounts and account
        numbers.
        """
        rows = {"account": self.account, "transaction": self.transaction, "seal": self.seal}
        named = ", ".join(f"{what} {id}" for what, id in rows.items() if id is not None)
        return (
            f"Broken: {self.check}; {named or 'no row'}. The admin page Audit and seals has the"
            " values."
        )


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """The name of an account as used in the sentence of a finding. Also formats amounts in the
    currency of the account.
    """

    words: str
    currency: str = ""

    def __str__(self) -> str:
        return self.words

    @property
    def at_start(self) -> str:
        """The name with a capital letter, for the start of a sentence."""
        return self.words[0].upper() + self.words[1:]

    def money(self, amount: Decimal | None) -> str:
        """Returns an amount in the currency of this account as text, such as "71.00 USD"."""
        return amount_text(amount, self.currency)


def _line(text: str) -> str:
    return cut(visible(cut(text, LONGEST)).translate(BREAKS), LONGEST)


def named(pk: UUID | None) -> NamedAccount:
    """Returns the name of the account with this id. The name contains the account's number. `pk`
    may also be None, or the id of an account that does not exist.
    """
    row = Account.objects.filter(pk=pk).values_list("number", "currency").first() if pk else None
    if row is None:
        return NamedAccount(f"account {pk}, which is not in the books" if pk else "no account")
    number, currency = row
    return NamedAccount(f"account {account_number(number).replace(' ', NO_BREAK)}", currency)


def row_text(row_id: str, account: UUID | None) -> str:
    """Returns the id of a row, with its account if it has one, as text for a sentence."""
    return f"{row_id} of {named(account)}" if account else row_id


def amount_text(amount: Decimal | None, currency: str) -> str:
    """Returns an amount as text for a sentence, or "no amount" if `amount` is None."""
    return "no amount" if amount is None else money(amount, currency)


def moment_text(moment: datetime | None) -> str:
    """Returns a booking time as text, with microseconds, or "never" if `moment` is None."""
    if moment is None:
        return "never"
    here = localtime(moment)
    return f"{long_date(here)}, {clock_seconds(here)}.{here:%f %Z}"
