"""camt.053, the bank-to-customer statement of ISO 20022, in any of its versions."""

from collections.abc import Generator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import IO
from xml.etree.ElementTree import Element

from transactions.outside.formats.lines import (
    OutsideLine,
    StatementBalances,
    StatementFacts,
    UnreadableStatement,
    made_line,
    plain_figure,
    read_compact_day,
)
from transactions.outside.formats.xml import at, elements, text_at, texts_of

WANTED = frozenset({"Acct", "Bal", "Ntry"})
OPENING, CLOSING = ("OPBD", "PRCD"), ("CLBD",)


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    facts: StatementFacts
    balances: StatementBalances
    account: str = ""
    is_begun: bool = False
    number: int = 0
    statement: list[str] = field(default_factory=list)  # its balances as texts


def camt_lines(source: IO[bytes], facts: StatementFacts) -> Generator[OutsideLine, None, None]:
    """Yields the booked entries. Raises UnreadableStatement, also for entries that do not lead from
    the opening to the closing balance.
    """
    reading = _Reading(facts, StatementBalances(facts))
    for name, element in elements(source, WANTED):
        if name.startswith("root "):
            _refuse_other_roots(name.removeprefix("root "))
        elif name == "Acct":
            _begin(reading, element)
        elif name == "Bal":
            _balance(reading, element)
        elif line := _line(reading, element):
            reading.balances.add(line.amount)
            reading.balances.note_texts(line)
            yield line
    reading.balances.end()
    reading.balances.note()


def _refuse_other_roots(name: str) -> None:
    if name != "Document":
        raise UnreadableStatement(
            f"The file is XML of another kind ({name[:40]}). Download it as camt.053 or OFX."
        )


def _begin(reading: _Reading, account: Element) -> None:
    """Each statement has one account above its balances and entries."""
    number = text_at(account, "Id/IBAN") or text_at(account, "Id/Othr/Id")
    if reading.is_begun:
        reading.balances.end()
        if number != reading.account:
            raise UnreadableStatement(
                "The file has statements of more than one account. Download each as a file."
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
    """The signed amount of an entry or a balance."""
    amount = at(element, "Amt")
    reading.facts.is_in((amount.get("Ccy") or "") if amount is not None else "")
    value = plain_figure(reading.number, text_at(element, "Amt"))
    sign = text_at(element, "CdtDbtInd")
    if sign not in ("CRDT", "DBIT") or value < 0:
        raise UnreadableStatement(
            f"Line {reading.number:,} does not say whether money came in or went out."
        )
    return value if sign == "CRDT" else -value


def _line(reading: _Reading, entry: Element) -> OutsideLine | None:
    reading.number += 1
    if (text_at(entry, "Sts/Cd") or text_at(entry, "Sts")) not in ("BOOK", ""):
        reading.facts.unbooked += 1  # pending, or for information
        return None
    amount = _amount(reading, entry)
    day = (
        text_at(entry, "BookgDt/Dt") or text_at(entry, "BookgDt/DtTm")
        or text_at(entry, "ValDt/Dt") or text_at(entry, "ValDt/DtTm")
    )  # fmt: skip
    other = "Cdtr" if amount < 0 else "Dbtr"
    details = at(entry, "NtryDtls/TxDtls")
    parties = at(details, "RltdPties")
    return made_line(
        reading.number,
        read_compact_day(reading.number, day.replace("-", "")),
        amount,
        description=" ".join(texts_of(entry, "Ustrd")) or text_at(entry, "AddtlNtryInf"),
        other=text_at(parties, f"{other}/Nm") or text_at(parties, f"{other}/Pty/Nm"),
        reference=text_at(details, "Refs/EndToEndId"),
        outside_id=text_at(entry, "AcctSvcrRef"),
    )
