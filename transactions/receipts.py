"""A transaction as one reader may see it: their own side in full, the other by name alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounts.currencies import plain
from accounts.models import Account, User
from accounts.templatetags.money import figure, signed
from transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class Side:
    """One side. `balance` is None for somebody else's account, and for a hold."""

    label: str
    name: str
    account: Account | None
    is_mine: bool
    balance: Decimal | None


@dataclass(frozen=True, slots=True)
class Link:
    """Another transaction that belongs to this one."""

    label: str
    row: Transaction


@dataclass(frozen=True, slots=True)
class Receipt:
    """`signed` is the reader's own change of balance; None for a move among their accounts."""

    row: Transaction
    sentence: str
    signed: Decimal | None
    sides: list[Side]
    links: list[Link]
    again_url: str
    details: list[tuple[str, str]]

    @property
    def figure(self) -> str:
        """The amount with the reader's sign; without one for a move among their accounts."""
        if self.signed is None or self.row.is_pending:
            return figure(self.row.amount, self.row.currency)
        return signed(self.signed, self.row.currency)


def receipt_for(row: Transaction, reader: User) -> Receipt:
    """What the reader sees of a row. `row` comes with both accounts and their holders."""
    sender = _side("From", row.from_account, row.from_balance, reader)
    recipient = _side("To", row.to_account, row.to_balance, reader)
    return Receipt(
        row=row,
        sentence=_sentence(row, sender, recipient),
        signed=_signed(row, sender, recipient),
        sides=[side for side in (sender, recipient) if side],
        links=_links(row),
        again_url=_again_url(row, sender, recipient),
        details=[line for line in tidy(row.metadata) if line[0] != "Category"],
    )


def _links(row: Transaction) -> list[Link]:
    """The hold it captured or its capture, the original it reverses or its reversals."""
    links = [Link("Captures this hold", row.captures)] if row.captures else []
    links += [Link("Reverses this transaction", row.reverses)] if row.reverses else []
    links += [Link("Captured", capture) for capture in row.captured_by.all()]
    links += [Link("Reversed", reversal) for reversal in row.reversals.order_by("created_at")]
    return links


def _side(
    label: str, account: Account | None, balance: Decimal | None, reader: User
) -> Side | None:
    if account is None:
        return None
    mine = account.user_id == reader.pk
    name = account.name if mine else account.user.name
    return Side(label, name, account, mine, balance if mine else None)


def _again_url(row: Transaction, sender: Side | None, recipient: Side | None) -> str:
    """The transfer form filled in like this payment, for whoever sent it."""
    if not (sender and recipient and sender.is_mine and sender.account and recipient.account):
        return ""
    query = {"from": sender.account.pk, "to": recipient.account.number}
    query |= {"amount": plain(row.amount, row.currency), "description": row.description}
    return f"{reverse('transactions:transfer')}?{urlencode(query)}"


def _signed(row: Transaction, sender: Side | None, recipient: Side | None) -> Decimal | None:
    amount: Decimal = row.amount
    out, into = bool(sender and sender.is_mine), bool(recipient and recipient.is_mine)
    if out and into:
        return None
    return -amount if out else amount


def _sentence(row: Transaction, sender: Side | None, recipient: Side | None) -> str:
    """What happened, said to the reader."""
    if row.is_pending:
        return f"Held for {recipient.name if recipient else row.description or 'a payment'}"
    if sender is None:
        return f"Paid into {recipient.name if recipient else ''}"
    if recipient is None:
        return f"Paid out of {sender.name}"
    if sender.is_mine and recipient.is_mine:
        return f"Moved from {sender.name} to {recipient.name}"
    return f"You paid {recipient.name}" if sender.is_mine else f"{sender.name} paid you"


# How a bank's usual names read; others read as they are.
WORDS = {
    "last4": "ending in",
    "mcc": "code",
    "trans id": "transaction",
    "account id": "account",
    "partner bank": "their bank",
    "partner account": "their account",
}


def tidy(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Metadata as lines to read: ("Merchant city", "Porto"). Nested names are joined."""
    for key, inner in value.items():
        plain_key = key.replace("_", " ").strip()
        words = WORDS.get(plain_key, plain_key)
        label = f"{path} {words}" if path else words[:1].upper() + words[1:]
        if isinstance(inner, Mapping):
            yield from tidy(inner, label)
        else:
            yield label, _said(inner)


def _said(value: Any) -> str:
    if value is None or value == "":
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_said(inner) for inner in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{label}: {said}" for label, said in tidy(value))
    return str(value)
