"""Reads the bank's files and puts their content into booking order."""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from banking.berka import lines
from banking.berka.closing import Closing, StatedBalance, closing_of
from banking.berka.codes import is_credit, wording_of
from banking.berka.identity import id_of
from banking.berka.lines import BrokenLine, Refusal, UnreadableSource


@dataclass(frozen=True, slots=True)
class SourceAccount:
    """An account in the bank's files, with its owner."""

    line: int
    account_id: int
    client_id: int
    day: date


@dataclass(frozen=True, slots=True)
class Movement:
    """A row of trans.asc that can be booked."""

    id: uuid.UUID
    line: int
    trans_id: int
    account_id: int
    day: date
    credit: bool
    amount: Decimal
    description: str
    metadata: dict[str, Any]

    @property
    def signed_amount(self) -> Decimal:
        return self.amount if self.credit else -self.amount


@dataclass(slots=True)
class Source:
    """The content of all files of the bank, in booking order."""

    accounts: dict[int, SourceAccount] = field(default_factory=dict)
    movements: dict[int, list[Movement]] = field(default_factory=dict)
    closings: dict[int, Closing] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    repeated: int = 0  # number of lines of trans.asc that repeat an earlier line

    @property
    def row_count(self) -> int:
        return sum(map(len, self.movements.values()))


def read(directory: Path) -> Source:
    """Reads and checks the bank's files in a directory, and returns their content.

    Raises: UnreadableSource if the directory or a file is missing or cannot be read.
    """
    if not directory.is_dir():
        raise UnreadableSource(f"There is no directory {directory}.")
    source = Source()
    clients = _clients(directory, source)
    days = _accounts(directory, source)
    owners = _owners(directory, source, clients, set(days))
    for account_id, (line, day) in days.items():
        if account_id in owners:
            source.accounts[account_id] = SourceAccount(line, account_id, owners[account_id], day)
        else:
            reason = f"account {account_id} has no owner in disp.asc that could be read"
            source.refusals.append(Refusal("account.asc", line, reason))
    _movements(directory, source)
    return source


def _clients(directory: Path, source: Source) -> set[int]:
    """Returns the ids of all clients, also of clients with an invalid birth number."""
    clients = set()
    for line, (client, birth) in lines.rows(directory, "client.asc", source.refusals):
        with lines.refused(source.refusals, "client.asc", line):
            clients.add(lines.identifier("client_id", client))
            lines.birthday(birth)
    return clients


def _accounts(directory: Path, source: Source) -> dict[int, tuple[int, date]]:
    """Returns the line number and the opening day of each account."""
    days: dict[int, tuple[int, date]] = {}
    for line, (account, opened) in lines.rows(directory, "account.asc", source.refusals):
        with lines.refused(source.refusals, "account.asc", line):
            account_id = lines.identifier("account_id", account)
            day = lines.day("date", opened)
            first_line, first_day = days.setdefault(account_id, (line, day))
            if first_day != day:
                raise BrokenLine(f"account {account_id} is on line {first_line} with another date")
    return days


def _owners(
    directory: Path, source: Source, clients: set[int], accounts: set[int]
) -> dict[int, int]:
    """Returns a dict from the id of each account to the id of its owner. A disponent (another
    person who may use the account) is not the owner.
    """
    owners: dict[int, int] = {}
    for line, (client, account, kind) in lines.rows(directory, "disp.asc", source.refusals):
        with lines.refused(source.refusals, "disp.asc", line):
            client_id = lines.identifier("client_id", client)
            account_id = lines.identifier("account_id", account)
            if kind not in ("OWNER", "DISPONENT"):
                raise BrokenLine(f"the type {kind!r} is neither OWNER nor DISPONENT")
            if client_id not in clients:
                raise BrokenLine(f"there is no client {client_id} in client.asc")
            if account_id not in accounts:
                raise BrokenLine(f"there is no account {account_id} in account.asc")
            if kind == "OWNER" and owners.setdefault(account_id, client_id) != client_id:
                raise BrokenLine(f"account {account_id} has an owner, client {owners[account_id]}")
    return owners


def _movements(directory: Path, source: Source) -> None:
    """Reads the rows of trans.asc. The rows of each account are in booking order."""
    seen: dict[int, tuple[int, list[str]]] = {}
    stated_balances: dict[int, list[StatedBalance]] = defaultdict(list)
    movements: dict[int, list[Movement]] = defaultdict(list)
    for line, fields in lines.rows(directory, "trans.asc", source.refusals):
        with lines.refused(source.refusals, "trans.asc", line):
            trans_id = lines.identifier("trans_id", fields[0])
            first_line, first = seen.get(trans_id, (line, fields))
            if first != fields:
                raise BrokenLine(f"trans_id {trans_id} is on line {first_line} with other content")
            if first_line != line:
                source.repeated += 1
                continue
            movement = _movement(line, trans_id, fields, stated_balances)
            if movement.account_id not in source.accounts:
                raise BrokenLine(
                    f"account {movement.account_id} is not open; it is missing in account.asc, "
                    "or its line there or in disp.asc was refused"
                )
            seen[trans_id] = line, fields
            movements[movement.account_id].append(movement)
    for account_id in sorted(movements):
        # Rows of one day have no order. Credits are first, because this keeps most balances above
        # zero.
        source.movements[account_id] = sorted(
            movements[account_id], key=lambda row: (row.day, not row.credit, row.trans_id)
        )
    for account_id in sorted(stated_balances.keys() & source.accounts.keys()):
        source.closings[account_id] = closing_of(stated_balances[account_id])


def _movement(
    line: int, trans_id: int, fields: list[str], stated_balances: dict[int, list[StatedBalance]]
) -> Movement:
    """Parses a row and returns it. Also records the row's stated balance for the comparison, even
    if the row is refused.
    """
    _, account, day_text, kind, operation, amount_text, balance, purpose, bank, partner = fields
    account_id = lines.identifier("account_id", account)
    day, credit = lines.day("date", day_text), is_credit(kind)
    amount = lines.money("amount", amount_text)
    signed = amount if credit else -amount
    stated_balances[account_id].append(StatedBalance(day, signed, lines.money("balance", balance)))
    if amount <= 0:
        raise BrokenLine(f"the amount {amount_text} is not above zero: the type has the direction")
    bank, partner = lines.partner("bank", bank), lines.partner("account", partner)
    words = wording_of(
        credit=credit,
        operation=operation,
        purpose=purpose,
        partner_bank=bank,
        partner_account=partner,
    )
    metadata: dict[str, Any] = {"category": words.category, "channel": words.channel}
    if bank:
        metadata["partner_bank"] = bank
    if partner:
        metadata["partner_account"] = partner
    metadata["source"] = {"bank": "berka", "trans_id": trans_id, "account_id": account_id}
    return Movement(
        id=id_of("trans", trans_id),
        line=line,
        trans_id=trans_id,
        account_id=account_id,
        day=day,
        credit=credit,
        amount=amount,
        description=words.description,
        metadata=metadata,
    )
