"""Reads camt.053, the bank-to-customer statement of ISO 20022, in any version.

Note [Batches]: a bank may book several payments as one entry that contains the details of each
payment. Each payment becomes a line, because people recognise single payments more easily. Two
conditions must be true: all details have an amount in the currency of the entry, and these amounts
add up exactly to the amount of the entry. Otherwise the entry becomes one line with the bank's text
for the batch. This line has no name and no reference of a single payment.
"""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import IO
from xml.etree.ElementTree import Element

from banking.outside.formats.lines import (
    OutsideLine,
    StatementBalances,
    StatementFacts,
    UnreadableStatement,
    is_no_id,
    made_line,
    plain_figure,
    read_compact_day,
)
from banking.outside.formats.xml import at, children, elements, text_at, texts_of
from ledger.text.currencies import decimals_of, minor_units

WANTED = frozenset({"Acct", "Bal", "Ntry"})
MAX_ELEMENTS_OF_ENTRY = 60_000  # enough for a batch of 2,000 payments
OPENING, CLOSING = ("OPBD", "PRCD"), ("CLBD",)


@dataclass(frozen=True, slots=True)
class _Entry:
    """The values of an entry (`Ntry`) that are the same for all its payments."""

    amount: Decimal
    day: date
    side: str
    text: str
    id: str


@dataclass(slots=True)
class _Reading:
    """The state of the camt.053 reader while it reads a file."""

    facts: StatementFacts
    balances: StatementBalances
    account: str = ""
    is_begun: bool = False
    number: int = 0
    statement: list[str] = field(default_factory=list)  # balances of the statement as text


def camt_lines(source: IO[bytes], facts: StatementFacts) -> Generator[OutsideLine, None, None]:
    """Yields a line for each booked payment of a camt.053 file, and sets the currency and balances
    in `facts`.

    Raises: UnreadableStatement if the file cannot be read, or if the opening balance plus all
    entries differs from the closing balance.
    """
    reading = _Reading(facts, StatementBalances(facts))
    for name, element in elements(source, WANTED, MAX_ELEMENTS_OF_ENTRY):
        if name.startswith("root "):
            _refuse_other_roots(name.removeprefix("root "))
        elif name == "Acct":
            _begin(reading, element)
        elif name == "Bal":
            _balance(reading, element)
        else:
            for line in _lines(reading, element):
                reading.balances.add(line.amount)
                reading.balances.note_texts(line)
                yield line
    reading.balances.end()
    reading.balances.note()


def _refuse_other_roots(name: str) -> None:
    if name != "Document":
        raise UnreadableStatement(
            f"The file is XML of a different type ({name[:40]}). Download it as camt.053 or OFX."
        )


def _begin(reading: _Reading, account: Element) -> None:
    """Begins a new statement of the file, and ends the previous statement. Must be called for the
    account (`Acct`) of each statement, which comes before the balances and entries.
    """
    number = text_at(account, "Id/IBAN") or text_at(account, "Id/Othr/Id")
    if reading.is_begun:
        reading.balances.end()
        if number != reading.account:
            raise UnreadableStatement(
                "The file has statements of several accounts. Download a file for each account."
            )
    reading.account, reading.is_begun = number, True


def _balance(reading: _Reading, balance: Element) -> None:
    code = text_at(balance, "Tp/CdOrPrtry/Cd")
    if code in (*OPENING, *CLOSING):
        amount = _amount(reading, balance)
        day = text_at(balance, "Dt/Dt") or text_at(balance, "Dt/DtTm")
        if code in CLOSING:
            reading.balances.close(amount, day)
        else:
            reading.balances.open(amount, day)


def _amount(reading: _Reading, element: Element) -> Decimal:
    """Returns the amount of an entry or a balance. Money out is negative."""
    amount = at(element, "Amt")
    reading.facts.is_in((amount.get("Ccy") or "") if amount is not None else "")
    value = plain_figure(reading.number, text_at(element, "Amt"))
    sign = text_at(element, "CdtDbtInd")
    if sign not in ("CRDT", "DBIT") or value < 0:
        raise UnreadableStatement(
            f"Line {reading.number:,} does not show whether money came in or went out."
        )
    return value if sign == "CRDT" else -value


def _lines(reading: _Reading, entry: Element) -> Iterator[OutsideLine]:
    """Yields one line for an entry, or a line for each payment of a batch. See Note [Batches]."""
    reading.number += 1
    statuses = (text_at(entry, path) for path in ("Sts", "Sts/Cd", "Sts/Prtry"))
    if not {*statuses} <= {"BOOK", ""}:
        reading.facts.unbooked += 1  # pending, only for information, or a code of this bank
        return
    shared = _Entry(
        _amount(reading, entry),
        _day(reading, entry),
        text_at(entry, "CdtDbtInd"),
        text_at(entry, "AddtlNtryInf"),
        text_at(entry, "AcctSvcrRef"),
    )
    details = [child for each in children(entry, "NtryDtls") for child in children(each, "TxDtls")]
    if len(details) < 2:
        yield _payment(reading, shared, shared.amount, details[0] if details else None, shared.id)
        return
    amounts = _amounts_of(reading, shared, details)
    if not amounts:
        yield made_line(
            reading.number,
            shared.day,
            shared.amount,
            description=shared.text or f"{len(details):,} payments",
            outside_id=shared.id,
        )
        return
    ids = _ids_of(shared, details)
    for place, (part, each, id) in enumerate(zip(amounts, details, ids, strict=True)):
        reading.number += place > 0
        yield _payment(reading, shared, part, each, id)


def _payment(
    reading: _Reading, entry: _Entry, amount: Decimal, details: Element | None, id: str
) -> OutsideLine:
    other = "Cdtr" if amount < 0 else "Dbtr"
    parties = at(details, "RltdPties")
    reference, words = _reference_and_words(details, is_out=amount < 0)
    return made_line(
        reading.number,
        entry.day,
        amount,
        description=" ".join(words) or text_at(details, "AddtlTxInf") or entry.text,
        other=text_at(parties, f"{other}/Nm") or text_at(parties, f"{other}/Pty/Nm"),
        reference=reference,
        outside_id=id,
    )


def _reference_and_words(details: Element | None, *, is_out: bool) -> tuple[str, list[str]]:
    """Returns the reference of a payment, and the texts of its remittance information.

    For money in, the reference is the creditor's reference, for example from a Swiss QR-bill.
    Without a creditor's reference, it is the payer's id. For money out, the reference is the
    payer's id, and the texts include the creditor's reference. If a payment has several creditor's
    references, the texts include all of them.
    """
    id = text_at(details, "Refs/EndToEndId")
    words = texts_of(details, "Ustrd")
    remittance = at(details, "RmtInf")
    parts = children(remittance, "Strd") if remittance is not None else []
    references = {text_at(each, "CdtrRefInf/Ref") for each in parts} - {""}
    is_the_lines = len(references) == 1 and (is_no_id(id) or not is_out)
    for each in parts:
        if not is_the_lines:
            words.append(text_at(each, "CdtrRefInf/Ref"))
        words += texts_of(each, "AddtlRmtInf")
    return references.pop() if is_the_lines else id, [word for word in words if word]


def _day(reading: _Reading, entry: Element) -> date:
    day = (
        text_at(entry, "BookgDt/Dt") or text_at(entry, "BookgDt/DtTm")
        or text_at(entry, "ValDt/Dt") or text_at(entry, "ValDt/DtTm")
    )  # fmt: skip
    return read_compact_day(reading.number, day.replace("-", ""))


def _amounts_of(reading: _Reading, entry: _Entry, details: list[Element]) -> list[Decimal]:
    """Returns the signed amounts of the payments of a batch. Returns an empty list if these amounts
    do not add up to the amount of the entry.
    """
    amounts = []
    for each in details:
        amount = at(each, "Amt")
        if amount is None:  # before version 4 of camt.053
            amount = at(each, "AmtDtls/TxAmt/Amt")
        side = text_at(each, "CdtDbtInd") or entry.side
        if amount is None or (amount.get("Ccy") or "").strip().upper() != reading.facts.currency:
            return []
        try:
            value = plain_figure(reading.number, amount.text or "")
            is_odd = decimals_of(value) > minor_units(reading.facts.currency)
        except (UnreadableStatement, KeyError):
            return []
        if is_odd or value <= 0 or side not in ("CRDT", "DBIT"):
            return []
        amounts.append(value if side == "CRDT" else -value)
    return amounts if sum(amounts) == entry.amount else []


def _ids_of(entry: _Entry, details: list[Element]) -> list[str]:
    """Returns an id for each payment of a batch:

    - the bank's id of the payment, if all these ids are different;
    - otherwise the id of the entry followed by the payer's id, if all payer's ids are different;
    - otherwise the id of the entry followed by the number 1, 2, 3 and so on.
    """
    batch = entry.id
    own = [text_at(each, "Refs/AcctSvcrRef") for each in details]
    if all(own) and len(set(own)) == len(own):
        return own
    if is_no_id(batch) or re.fullmatch("[0-9]{1,4}", batch):
        return [batch] * len(details)  # equal ids identify none of them
    theirs = [text_at(each, "Refs/EndToEndId") for each in details]
    if any(map(is_no_id, theirs)) or len(set(theirs)) < len(theirs):
        theirs = [str(place + 1) for place in range(len(details))]
    return [f"{batch}/{each}" for each in theirs]
