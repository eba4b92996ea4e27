"""A transaction as one reader may see it. The reader sees all data of the reader's account, but
only the name of the person on the other side.

Staff who own neither account see both accounts, the reasons of staff, and the actions that they may
take.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urlencode

from django.urls import reverse

from accounts.models import Account, User
from ledger.text.money import figure, money, signed
from transactions.annotations.categories import read_own_categories
from transactions.annotations.services import AnnotationHistory, annotation_history
from transactions.entry_line import again_url
from transactions.lifecycle import STATES, Lifecycle, lifecycle_of
from transactions.models import StaffReason, Transaction, reversal_word
from transactions.origins import Origin, origin_of
from transactions.payees.models import Payee
from transactions.payees.reads import save_url, saved_as
from transactions.receipts.details import MetadataView, details_of
from transactions.scope import BANK, MINE, may_read_bank
from transactions.search.address import categories_url, search_url
from transactions.search.language.terms import token
from transactions.staff_actions import actions_for


@dataclass(frozen=True, slots=True)
class Side:
    """The sender's or the recipient's side of a transaction. `balance` is None for a hold, and for
    another person's account.
    """

    label: str
    name: str
    account: Account
    is_mine: bool
    balance: Decimal | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction with all data that its page shows.

    `signed` is the change of the reader's balance. It is None for a hold, for a transfer between
    the reader's accounts, and for staff. `actions` and `reasons` are only for staff. `mine` is the
    reader's annotation, and is empty for staff who own neither account.
    """

    row: Transaction
    lifecycle: Lifecycle
    sentence: str
    subline: str
    signed: Decimal | None
    sides: list[Side]
    facts: list[tuple[str, str]]
    again_url: str
    saved: Payee | None
    save_url: str
    back_url: str
    details: MetadataView
    mine: AnnotationHistory
    origin: Origin | None = None  # None if the reader may not open the origin
    scope_kind: str = MINE  # the scope of the search links
    may_search: bool = True
    is_for_staff: bool = False
    actions: list[tuple[str, str]] = field(default_factory=list)
    reasons: list[StaffReason] = field(default_factory=list)

    @property
    def badge(self) -> str:
        """A label for a refund or a hold, or "" for any other payment."""
        if self.row.is_reversal:
            return reversal_word(self.row.type)
        return STATES.get(self.lifecycle.state, "")

    @property
    def lines(self) -> list[tuple[str, str, str, str]]:
        """The metadata lines. Each line is a tuple of a label, a text, the URL of the search for
        the key, and the URL of the search for the value.
        """
        return [
            (
                line.label,
                line.value_text,
                self.search_url(line.key_term),
                self.search_url(line.term),
            )
            for line in self.details.lines
        ]

    @property
    def category_url(self) -> str:
        """The URL of the search for payments with the same category."""
        return self.search_url(token("category", self.row.shown_category))

    @property
    def change_category_url(self) -> str:
        """The URL of the page that changes the category of this payment. It is "" for staff."""
        return "" if self.is_for_staff else categories_url(f"id:{self.row.pk}")

    @property
    def tags(self) -> list[tuple[str, str]]:
        """The reader's tags, each with the URL of its search."""
        return [(tag, self.search_url(token("tag", tag))) for tag in self.mine.tags]

    def search_url(self, query: str) -> str:
        """Returns the URL of the search for `query` in the reader's scope, or "" if the query is
        empty or the reader may not search.
        """
        return search_url(query, self.scope_kind) if query and self.may_search else ""

    @property
    def figure(self) -> str:
        """The amount as text, with a plus or minus sign if `signed` is not None."""
        if self.signed is None:
            return figure(self.row.amount, self.row.currency)
        return signed(self.signed, self.row.currency)


def receipt_for(row: Transaction, reader: User) -> Receipt:
    """Returns the receipt for a reader. `row` must be loaded with both accounts and their
    holders.
    """
    for_staff = not row.is_of(reader)
    if not for_staff:
        read_own_categories(reader, [row])
    sender = _side("From", row.from_account, row.from_balance, reader)
    recipient = _side("To", row.to_account, row.to_balance, reader)
    lifecycle, origin = lifecycle_of(row), origin_of(row, reader)
    is_paid = _is_paid_by(row, sender, recipient)
    other = recipient.account if is_paid and recipient and not recipient.is_mine else None
    saved = saved_as(reader, other) if other else None
    return Receipt(
        row=row,
        lifecycle=lifecycle,
        sentence=_sentence(lifecycle, sender, recipient, origin.how if origin else ""),
        subline=_subline(lifecycle),
        signed=None if for_staff else _signed(row, sender, recipient),
        sides=[side for side in (sender, recipient) if side],
        facts=_facts(lifecycle) + (_booked_by(row, origin) if for_staff else []),
        again_url=again_url(row.pk) if is_paid else "",
        saved=saved,
        save_url=save_url(row.pk) if other and not saved else "",
        back_url=_back_url(lifecycle, sender, recipient),
        details=details_of(row.metadata),
        origin=origin if origin and origin.url else None,
        mine=AnnotationHistory() if for_staff else annotation_history(row, reader),
        scope_kind=BANK if for_staff else MINE,
        may_search=not for_staff or may_read_bank(reader),
        is_for_staff=for_staff,
        actions=actions_for(lifecycle, reader) if for_staff else [],
        reasons=lifecycle.reasons if for_staff else [],
    )


def _side(
    label: str, account: Account | None, balance: Decimal | None, reader: User
) -> Side | None:
    if account is None:
        return None
    mine = account.user_id == reader.pk
    name = account.name if mine else account.user.name
    return Side(label, name, account, mine, balance if mine else None)


def _facts(lifecycle: Lifecycle) -> list[tuple[str, str]]:
    """Returns (label, text) pairs about refunds, or about the purpose of a hold."""
    row = lifecycle.row
    if lifecycle.reversals:
        back, whole = money(lifecycle.reversed, row.currency), money(row.amount, row.currency)
        left = money(lifecycle.left, row.currency)
        return [
            (lifecycle.back, f"{back} of {whole}; {left} is left" if lifecycle.left else "in full")
        ]
    if row.is_hold and row.to_account_id and row.description:
        return [("For", row.description)]
    if lifecycle.original:
        return [("Refund of", money(lifecycle.original.amount, row.currency))]
    return []


def _booked_by(row: Transaction, origin: Origin | None) -> list[tuple[str, str]]:
    """Returns a line with the person who booked the payment, if the payment has an `origin`, such
    as a payment file or a standing order. Otherwise returns an empty list.
    """
    return [("Booked by", str(row.created_by or "The bank"))] if origin else []


def _subline(lifecycle: Lifecycle) -> str:
    """Returns the effect of a hold on the available money as a sentence. For any other transaction,
    returns the description.
    """
    row, state = lifecycle.row, lifecycle.state
    amount = money(row.amount, row.currency)
    if state == "captured" and lifecycle.capture:
        captured, rest = lifecycle.capture.amount, row.amount - lifecycle.capture.amount
        if not rest:
            return "The full amount was charged."
        sentence = f"{money(captured, row.currency)} was charged"
        return f"{sentence}, {money(rest, row.currency)} released."
    return {
        "pending": "This money is reserved. It is either charged, or becomes available again.",
        "expired": (
            "This hold has expired. The money stays on hold until the bank releases it."
            if row.is_pending
            else f"The hold was not charged in time. The {amount} is available again."
        ),
        "released": f"Nothing was charged. The {amount} is available again.",
    }.get(state, row.description)


def _is_paid_by(row: Transaction, sender: Side | None, recipient: Side | None) -> bool:
    """Returns whether the reader made this payment, to another person or between the reader's
    accounts. Returns False for holds and refunds.
    """
    if row.is_hold or row.is_reversal:
        return False
    return bool(sender and recipient and sender.is_mine)


def _back_url(lifecycle: Lifecycle, sender: Side | None, recipient: Side | None) -> str:
    """Returns the URL of the transfer form, filled in so that the recipient sends the money back.
    Returns "" if the reader is not the recipient, or if nothing is left to send back.
    """
    row = lifecycle.row
    if not (lifecycle.left and sender and recipient and recipient.is_mine and not sender.is_mine):
        return ""
    sentence = f"Back: {row.description}" if row.description else "Sent back"
    return _transfer_url(recipient.account, sender.account, row, lifecycle.left, sentence)


def _transfer_url(
    sender: Account, recipient: Account, row: Transaction, amount: Decimal, description: str
) -> str:
    query = {"from": sender.pk, "to": recipient.number}
    query |= {"amount": figure(amount, row.currency), "description": description}
    return f"{reverse('transactions:transfer')}?{urlencode(query)}"


def _signed(row: Transaction, sender: Side | None, recipient: Side | None) -> Decimal | None:
    amount: Decimal = row.amount
    out, into = bool(sender and sender.is_mine), bool(recipient and recipient.is_mine)
    if row.is_hold or (out and into):
        return None
    return -amount if out else amount


def _sentence(lifecycle: Lifecycle, sender: Side | None, recipient: Side | None, how: str) -> str:
    """Returns a sentence about the transaction for the reader. `how` is `Origin.how`, or ""."""
    if lifecycle.row.is_hold:
        return _sentence_of_hold(lifecycle, sender, recipient)
    if lifecycle.row.is_reversal:
        return _sentence_of_refund(sender, recipient)
    if sender is None:
        return f"Paid into {_named(recipient)}"
    if recipient is None:
        return f"Paid out of {_named(sender)}"
    if sender.is_mine and recipient.is_mine:
        return f"Moved from {sender.name} to {recipient.name}"
    return _sentence_of_payment(lifecycle, sender, recipient, how)


def _sentence_of_payment(lifecycle: Lifecycle, sender: Side, recipient: Side, how: str) -> str:
    """Returns the sentence for a payment between two people. The payer in the sentence is the bank
    if staff made the payment from a file.
    """
    if how and _is_paid_for(lifecycle.row) and not recipient.is_mine:
        account = f"your {sender.name}" if sender.is_mine else _named(sender)
        return f"The bank paid {recipient.name} from {account}, {how}"
    payer, payee = (
        "You" if sender.is_mine else sender.name,
        "you" if recipient.is_mine else recipient.name,
    )
    return f"{payer} paid {payee}"


def _is_paid_for(row: Transaction) -> bool:
    """Returns whether the author of the payment is not the holder of the paying account."""
    return row.from_account is not None and row.created_by_id != row.from_account.user_id


def _sentence_of_hold(lifecycle: Lifecycle, sender: Side | None, recipient: Side | None) -> str:
    held = "Held" if lifecycle.row.is_pending else "Was held"
    if recipient and recipient.is_mine and not (sender and sender.is_mine):
        return f"{held} for you by {sender.name if sender else ''}".rstrip()
    payee = recipient.name if recipient else lifecycle.row.description or "a payment"
    on = f" on {_named(sender)}" if sender and not sender.is_mine else ""
    return f"{held}{on} for {payee}"


def _sentence_of_refund(sender: Side | None, recipient: Side | None) -> str:
    if recipient is None:
        return f"Taken back from {_named(sender)}"
    if sender is None:
        return f"Refunded into {_named(recipient)}"
    if sender.is_mine and recipient.is_mine:
        return f"Moved back from {sender.name} to {recipient.name}"
    if sender.is_mine:
        return f"Refunded to {recipient.name}"
    return f"{sender.name} refunded {'you' if recipient.is_mine else recipient.name}"


def _named(side: Side | None) -> str:
    """Returns the name of the account. If the account does not belong to the reader, the text also
    contains the holder's name.
    """
    if side is None:
        return ""
    return side.name if side.is_mine else f"{side.account.name} of {side.name}"
