"""Reads the recipients that a person may want to pay, and the data for the review of a payment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from accounts.models import Account, User
from ledger.text.lines import cut
from transactions.models import Entry, NameCheck, Transaction
from transactions.payees.models import Payee
from transactions.payees.reads import saved_as, saved_payees
from transactions.safeguards.confirmation import why_confirm
from transactions.safeguards.names import compared
from transactions.safeguards.quota import name_check
from transactions.safeguards.recipients import has_paid, is_payable, shown_name
from transactions.search.engine import between
from transactions.services import Draft
from transactions.transfers.forms import TransferForm

JUST_MINUTES = 30
NAME_SHOWN = 30  # maximum length of a recipient's name, in characters
KNOWN_FROM = 100  # number of latest entries from which recipients are suggested


@dataclass(frozen=True, slots=True)
class KnownRecipient:
    """An account that a person may want to pay, and the name that the person may see."""

    account: Account
    name: str
    is_own: bool


def known_recipients(
    mine: Sequence[Account], sender: Account | None = None
) -> list[KnownRecipient]:
    """Returns accounts that a person may want to pay: first the person's own accounts, then saved
    payees, then recently paid accounts. If `sender` is set, returns only accounts that `sender` can
    pay. Sends four queries.
    """
    found = {
        account.pk: KnownRecipient(account, account.name, is_own=True)
        for account in mine
        if _can_pay(sender, account)
    }
    for payee in saved_payees(mine[0].user_id) if mine else []:
        if _can_pay(sender, payee.account):
            found[payee.account_id] = KnownRecipient(payee.account, payee.name, is_own=False)
    for entry in Entry.objects.latest_of(mine, KNOWN_FROM):
        other = entry.counterparty
        if other is not None and not entry.is_credit and _can_pay(sender, other):
            found.setdefault(other.pk, KnownRecipient(other, entry.counterparty_name, is_own=False))
    return list(found.values())


def known_accounts(mine: Sequence[Account], sender: Account | None) -> list[tuple[str, str]]:
    """Returns (account number, label) pairs for accounts that `sender` may want to pay: first the
    person's own accounts, then other accounts, all in the sender's currency. Returns an empty list
    if `sender` is None.
    """
    if sender is None:
        return []
    return [(it.account.number, _label(it)) for it in known_recipients(mine, sender)]


def _label(recipient: KnownRecipient) -> str:
    """Returns the name with the last four digits of the number. Several accounts may have the same
    name.
    """
    return f"{cut(recipient.name, NAME_SHOWN)} \u00b7\u00b7{recipient.account.number[-4:]}"


def _can_pay(sender: Account | None, recipient: Account) -> bool:
    if sender is None:
        return not recipient.is_closed
    return recipient.pk != sender.pk and is_payable(sender, recipient)


@dataclass(frozen=True, slots=True)
class PayeeName:
    """The name of the recipient as the person may see it, and the result of comparing a typed name
    with the holder's name.

    `check` is NONE if no name was typed, or if the daily limit of wrong names is reached.
    """

    who: str
    is_masked: bool
    check: NameCheck


def payee_name(person: User, recipient: Account, typed: str) -> PayeeName:
    """Returns the recipient's name as the person may see it, and the result of comparing the typed
    name with the holder's name. A wrong name counts towards the daily limit, if the person may not
    see the holder's name yet.
    """
    holder, who = recipient.user.name, shown_name(person, recipient)
    is_own = recipient.user_id == person.pk
    if is_own or not typed:
        check = NameCheck.NONE
    elif who == holder:
        check = compared(typed, holder)
    else:
        check = name_check(person.pk, typed, holder)
    who = holder if check == NameCheck.MATCH else who
    return PayeeName(who, not is_own and who != holder, check)


@dataclass(frozen=True, slots=True)
class TransferReview:
    """The data of the page on which a person reviews a transfer.

    `who` is masked for a stranger. `name_check` is "" if no name was typed. `is_uncompared` is True
    if a name was typed, but the daily limit of wrong names is reached. `why_confirm` is the reason
    for a step-up, or "".
    """

    who: str
    is_masked: bool
    saved: Payee | None
    is_new: bool
    name_check: str
    is_uncompared: bool
    times: int
    just_paid: Transaction | None
    leaves: Decimal
    why_confirm: str

    @property
    def history(self) -> str:
        """A text about earlier payments to this recipient. Before the first payment, the text asks
        the person to check the number or the name.
        """
        if self.is_new:
            first = f"This is your first payment to {self.who}."
            if not self.is_masked:
                return f"{first} Compare the account number."
            after = "You will see the full name after the payment."
            is_asked = self.name_check or self.is_uncompared
            hint = (
                ""
                if is_asked
                else " To check the name now, press Change and type the recipient's name."
            )
            return f"{first} {after}{hint}"
        if self.times == 0:
            return f"You have paid {self.who} before, from another account."
        if self.times == 1:
            return f"You have paid {self.who} once before."
        often = "a hundred times or more" if self.times > 99 else f"{self.times} times"
        return f"You have paid {self.who} {often}."


def review_of(
    form: TransferForm, row: Transaction, *, covered_until: datetime | None
) -> TransferReview:
    """Returns the data for the review of a valid form. `row` is the payment, which was posted and
    rolled back. A wrong name may count towards the daily limit, see `payee_name`.
    """
    draft, person, data = form.draft, form.user, form.cleaned_data
    recipient = form.to_account
    assert recipient is not None  # noqa: S101 - the draft has one
    named = payee_name(person, recipient, data["name"])
    return TransferReview(
        who=named.who,
        is_masked=named.is_masked,
        saved=saved_as(person, recipient),
        is_new=not form.is_between_own and not has_paid(person, recipient),
        name_check=named.check.value,
        is_uncompared=bool(data["name"]) and not named.check and not form.is_between_own,
        times=times_paid(draft),
        just_paid=just_paid(draft),
        leaves=data["from_account"].available - row.amount,
        why_confirm=why_confirm(
            person, data["from_account"], recipient, row.amount, covered_until=covered_until
        ),
    )


def times_paid(draft: Draft) -> int:
    """Returns the number of completed payments from the sender's account to the recipient's
    account, at most 100.
    """
    sender, recipient = draft.from_account, draft.to_account
    if not (isinstance(sender, Account) and isinstance(recipient, Account)):
        return 0
    paid = Transaction.objects.filter(
        from_account=sender, to_account=recipient, status="completed"
    ).filter(search=between(sender, recipient))
    count: int = paid[:100].count()
    return count


def just_paid(draft: Draft) -> Transaction | None:
    """Returns the latest payment of the same amount between the same accounts in the last
    JUST_MINUTES, or None. The person may be repeating this payment by mistake.
    """
    sender, recipient = draft.from_account, draft.to_account
    if not (isinstance(sender, Account) and isinstance(recipient, Account)):
        return None
    lately = timezone.now() - timedelta(minutes=JUST_MINUTES)
    same = Transaction.objects.filter(
        from_account=sender,
        to_account=recipient,
        amount=draft.amount,
        created_at__gte=lately,
        status=Transaction.Status.COMPLETED,
    )
    last: Transaction | None = same.order_by("-created_at").first()
    return last
