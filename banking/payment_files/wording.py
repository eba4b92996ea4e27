"""Texts about the state of a file, for its page."""

from dataclasses import dataclass
from decimal import Decimal

from banking.payment_files.models import PaymentFile
from ledger.text.lines import counted
from ledger.text.money import money

State = PaymentFile.State


@dataclass(frozen=True, slots=True)
class Summary:
    """The texts at the top of a file's page: a topic (`eyebrow`), an amount (`figure`), and a
    sentence. `doubts` is a text about lines that a person should check before paying, or "".
    """

    eyebrow: str
    figure: Decimal
    sentence: str
    doubts: str = ""


def summary_of(file: PaymentFile) -> Summary:
    """Returns the texts at the top of a file's page. They depend on the state of the file."""
    if file.state == State.DONE:
        eyebrow = f"Paid from {file.from_account.name}: {payments(file.booked_count)}"
        return Summary(eyebrow, file.booked_total, _what_was_paid(file))
    if file.state == State.PAYING:
        eyebrow = f"Being paid from {file.from_account.name}: {payments(file.line_count)}"
        return Summary(eyebrow, file.booked_total, how_far(file))
    sender = file.from_account.name
    eyebrow = f"{payments(file.line_count)} from {sender}"
    if file.waiting_count != file.line_count and file.state != State.STORED:
        eyebrow = f"{file.waiting_count:,} of {eyebrow} can be booked"
    return Summary(eyebrow, file.waiting_total, what_can_be_paid(file), doubts_of(file))


def payments(count: int) -> str:
    """Returns the number with its noun, for example "1 payment" or "1,240 payments"."""
    return counted(count, "payment")


def what_can_be_paid(file: PaymentFile) -> str:
    """Returns a text with the number of lines that can be booked. If the lines are not checked yet,
    the text contains only this fact.
    """
    if file.state == State.STORED:
        return "The lines are not checked yet. Nothing is booked."
    if file.booked_count:
        before = f"{file.booked_count:,} {_were(file.booked_count)} booked before."
    else:
        before = "Nothing is booked yet."
    if not file.refused_count:
        return f"All lines can be booked. {before}"
    amounts = f", {_money(file, file.refused_total)}" if file.refused_total else ""
    which = "The line" if file.refused_count == 1 else "Each line"
    lines = f"{file.refused_count:,} {_lines(file.refused_count)} cannot be booked{amounts}"
    return f"{lines}. {which} shows the reason. {before}"


def doubts_of(file: PaymentFile) -> str:
    """Returns a text with the number of payable lines that a person should check before paying, or
    "" if there are none.
    """
    names, twins, sentences = file.misnamed_count, file.repeated_count, []
    if names:
        verb = "does" if names == 1 else "do"
        sentences.append(f"{names:,} {_lines(names)} {verb} not have the holder's exact name.")
    if twins:
        verb = "repeats" if twins == 1 else "repeat"
        sentences.append(f"{twins:,} {_lines(twins)} {verb} another line of this file.")
    return " ".join(sentences)


def how_far(file: PaymentFile) -> str:
    """Returns a text with the number of finished lines, for a file that is being paid."""
    refused = f", {file.refused_count:,} of them refused" if file.refused_count else ""
    return f"{file.decided_count:,} of {file.line_count:,} lines are done{refused}."


def _what_was_paid(file: PaymentFile) -> str:
    if not file.refused_count:
        return "All lines were booked."
    return (
        f"{file.refused_count:,} of {file.line_count:,} lines {_were(file.refused_count)} not "
        "booked. They are first in the list, with the reason."
    )


def _lines(count: int) -> str:
    return "line" if count == 1 else "lines"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _money(file: PaymentFile, amount: Decimal) -> str:
    return money(amount, file.currency)
