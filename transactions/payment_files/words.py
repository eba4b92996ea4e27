"""Where a file stands, in the words of its page."""

from dataclasses import dataclass
from decimal import Decimal

from accounts.templatetags.money import money
from transactions.models import PaymentFile

State = PaymentFile.State


@dataclass(frozen=True, slots=True)
class Summary:
    """The page's head: what it is about, the one figure, and the sentence under it."""

    eyebrow: str
    figure: Decimal
    sentence: str


def summary_of(file: PaymentFile) -> Summary:
    """What the page of a file says first."""
    if file.state == State.DONE:
        eyebrow = f"Paid from {file.from_account.name}: {payments(file.booked_count)}"
        return Summary(eyebrow, file.booked_total, _what_was_paid(file))
    if file.state == State.PAYING:
        eyebrow = f"Being paid from {file.from_account.name}: {payments(file.line_count)}"
        return Summary(eyebrow, file.booked_total, how_far(file))
    eyebrow = f"{payments(file.line_count)} from {file.from_account.name}"
    return Summary(eyebrow, file.total, what_can_be_paid(file))


def payments(count: int) -> str:
    """ "1 payment", "1,240 payments"."""
    return f"{count:,} payment{'' if count == 1 else 's'}"


def what_can_be_paid(file: PaymentFile) -> str:
    """After the check; of a file that was paid in part, what is left is meant."""
    if file.state == State.STORED:
        return "The lines are not checked yet. Nothing is booked."
    if not file.refused_count:
        return "All can be booked. Nothing is booked yet."
    if not file.waiting_count:
        return "None can be booked; each line says why."
    can = f"{file.waiting_count:,} can be booked, {_money(file, file.waiting_total)}"
    if file.booked_count:
        return f"{can}; {file.refused_count:,} cannot. {file.booked_count:,} were booked before."
    return f"{can}; {file.refused_count:,} cannot. Nothing is booked yet."


def how_far(file: PaymentFile) -> str:
    """While it is being paid."""
    refused = f", {file.refused_count:,} of them refused" if file.refused_count else ""
    return f"{file.decided_count:,} of {file.line_count:,} lines are done{refused}."


def _what_was_paid(file: PaymentFile) -> str:
    if not file.refused_count:
        return "All lines were booked."
    were = "was" if file.refused_count == 1 else "were"
    return (
        f"{file.refused_count:,} of {file.line_count:,} lines {were} not booked; "
        "each says why, first in the list."
    )


def _money(file: PaymentFile, amount: Decimal) -> str:
    return money(amount, file.currency)
