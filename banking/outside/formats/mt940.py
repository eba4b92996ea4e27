"""Reads MT940, the customer statement of SWIFT. A field begins with a tag such as `:61:` and may
continue on the next lines.
"""

import re
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import IO

from banking.outside.formats.lines import (
    CUT,
    OutsideLine,
    StatementBalances,
    StatementFacts,
    UnreadableStatement,
    bounded,
    full_year,
    made_day,
    made_line,
    opened,
    plain_figure,
    text_lines,
)
from ledger.text.lines import shortened, tidy_line

LONGEST_FIELD = 20_000
_FIELD = re.compile(r":(\d{2}[A-Z]?):(.*)", re.ASCII | re.DOTALL)
_END = re.compile(r"-(\}.*|XXX)?\s*$", re.ASCII)  # end of a message; SWIFT's trailer may follow
_BALANCE = re.compile(r"([CD])(\d{6})([A-Z]{3})([\d,]{1,16})", re.ASCII)
_MOVE = re.compile(
    r"(?P<value>\d{6})(?P<booked>\d{4})?(?P<mark>R?[CD])[A-Z]?(?P<amount>\d[\d,]{0,15})"
    r"(?P<kind>[NFS][A-Z0-9]{2}[A-Z0-9 ])?(?P<reference>[^\n]*?)(?://(?P<bank>[^\n]*))?(?:\n(?P<more>.*))?",
    re.ASCII | re.DOTALL,
)
Field = tuple[int, str, str]
# Dutch banks write one of these words in place of the reference. The reference is then in `:86:`.
NO_REFERENCE = frozenset({"NONREF", "EREF", "MARF", "PREF"})


@dataclass(slots=True)
class _Move:
    """A payment (`:61:`) whose description (`:86:`) is not read yet."""

    number: int
    day: date
    amount: Decimal
    reference: str
    more: str


def mt940_lines(source: IO[bytes], facts: StatementFacts) -> Generator[OutsideLine, None, None]:
    """Yields a line for each payment of an MT940 file, and sets the currency and balances in
    `facts`.

    Raises: UnreadableStatement if the file cannot be read, or if the opening balance plus all
    payments differs from the closing balance.
    """
    balances, account, is_open = StatementBalances(facts), "", False
    move: _Move | None = None
    for number, tag, text in bounded(_fields(source)):
        if move:
            line = _line(move, text if tag == "86" else "")
            balances.note_texts(line)
            yield line
            move = None
        if tag == "25":
            if account not in ("", text.strip()):
                raise UnreadableStatement(
                    "The file has statements of several accounts. Download a file for each account."
                )
            account = text.strip()
        elif tag in ("60F", "60M"):
            _refuse_open(is_open)
            balances.open(*_balance(number, text, facts), is_page=tag == "60M")
            is_open = True
        elif tag == "61":
            if not is_open:
                raise UnreadableStatement(f"There is no opening balance before line {number:,}.")
            move = _move(number, text)
            balances.add(move.amount)
        elif tag in ("62F", "62M"):
            balances.close(*_balance(number, text, facts), is_page=tag == "62M")
            balances.end()
            is_open = False
    _refuse_open(is_open or move is not None)
    balances.note()


def _refuse_open(is_open: bool) -> None:
    if is_open:
        raise UnreadableStatement(f"A statement of the file has no closing balance. {CUT}")


def _fields(source: IO[bytes]) -> Iterator[Field]:
    """Yields the line number, the tag and the text of each field."""
    began, tag, lines, size = 0, "", [""], 0
    with opened(source) as text:
        for number, typed in enumerate(text_lines(text), start=1):
            line = re.sub(r"^\{1:.*\{4:", "", typed.strip("\r\n"))
            found = _FIELD.match(line)
            if not found and not _END.match(line) and tag:
                lines.append(line)
                size += len(line) + 1
                if size > LONGEST_FIELD:
                    raise UnreadableStatement(
                        f"The end of the field that begins in line {began:,} is missing. {CUT}"
                    )
                continue
            if tag:
                yield began, tag, "\n".join(lines)
            began, tag, lines, size = number, found[1] if found else "", [], 0
            if found:
                lines.append(found[2])
        if tag:
            yield began, tag, "\n".join(lines)


def _balance(number: int, text: str, facts: StatementFacts) -> tuple[Decimal, str]:
    found = _BALANCE.fullmatch(text.strip())
    if not found:
        raise UnreadableStatement(f"Line {number:,} should have a balance. {CUT}")
    facts.is_in(found[3])
    amount = plain_figure(number, found[4])
    return (amount if found[1] == "C" else -amount), found[2]


def _move(number: int, text: str) -> _Move:
    found = _MOVE.fullmatch(text.strip())
    if not found:
        raise UnreadableStatement(
            f"Line {number:,}: \u201c{shortened(tidy_line(text))}\u201d is not an entry. {CUT}"
        )
    amount = plain_figure(number, found["amount"])
    is_out = found["mark"] in ("D", "RC")  # the reversal of a credit is money out
    reference = (found["reference"] or "").strip()
    return _Move(
        number, _booked_on(number, found["value"], found["booked"]), -amount if is_out else amount,
        "" if reference in NO_REFERENCE else reference, found["more"] or "",
    )  # fmt: skip


def _booked_on(number: int, value: str, booked: str | None) -> date:
    """Returns the booking date of a payment. The file contains only the month and the day of this
    date. The year is chosen so that the booking date is as near as possible to the value date.

    Raises: UnreadableStatement if the date does not exist, for example 29 February in a year that
    is not a leap year.
    """
    day = made_day(number, full_year(value[:2]), int(value[2:4]), int(value[4:]))
    if not booked:
        return day
    near = []
    for year in (day.year, day.year - 1, day.year + 1):
        with suppress(UnreadableStatement):
            near.append(made_day(number, year, int(booked[:2]), int(booked[2:])))
    near = [each for each in near if abs(each - day) < timedelta(days=200)]
    if not near:
        return made_day(number, day.year, int(booked[:2]), int(booked[2:]))  # raises the error
    return min(near, key=lambda each: abs(each - day))


def _line(move: _Move, text: str) -> OutsideLine:
    description, other, reference = details_of(text)
    return made_line(
        move.number, move.day, move.amount,
        description=description or move.more, other=other,
        reference=reference or move.reference,
    )  # fmt: skip


_CODED = re.compile(r"\d{3}([?>~<^])", re.ASCII)  # some banks do not use "?"
_SLASHED = re.compile(r"/([A-Z]{3,4})/")
_SEPA = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|IBAN|BIC)\+")


def details_of(text: str) -> tuple[str, str, str]:
    """Returns the purpose, the name of the other side, and the reference from a text of `:86:`.

    German banks write codes such as `?20`, Dutch banks write `/NAME/`, and other banks write plain
    text.
    """
    joined = text.replace("\n", "").strip()
    if coded := _CODED.match(joined):
        pieces_of = defaultdict[str, list[str]](list)
        for part in joined[4:].split(coded[1]):
            pieces_of[part[:2]].append(part[2:])
        parts = {code: "".join(texts) for code, texts in pieces_of.items()}
        purpose = "".join(parts.get(f"{n}", "") for n in (*range(20, 30), *range(60, 64)))
        description, reference = _of_sepa(purpose)
        other = parts.get("32", "") + parts.get("33", "")
        return description or parts.get("00", ""), other, reference
    pieces = _SLASHED.split(joined)
    if len(pieces) > 2:
        named = dict(zip(pieces[1::2], pieces[2::2], strict=False))
        description = named.get("REMI", "") or joined
        reference = named.get("EREF", "")
        return description, named.get("NAME", ""), "" if reference == "NOTPROVIDED" else reference
    return " ".join(text.split("\n")), "", ""


def _of_sepa(purpose: str) -> tuple[str, str]:
    pieces = _SEPA.split(purpose)
    named = dict(zip(pieces[1::2], pieces[2::2], strict=False))
    reference = named.get("EREF", "").strip()
    if not named:
        return purpose, ""
    return (
        named.get("SVWZ", "") or pieces[0],
        "" if reference in ("NOTPROVIDED", "NICHT ANGEGEBEN") else reference,
    )
