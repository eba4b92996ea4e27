"""Known recipients, and what the review of a payment says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from accounts.models import Account
from transactions.models import Entry, Transaction
from transactions.models.payment_file import NameCheck
from transactions.safeguards.confirmation import why_confirm
from transactions.safeguards.names import compared
from transactions.safeguards.quota import name_check
from transactions.safeguards.recipients import has_paid, shown_name
from transactions.search.engine import between
from transactions.services import Draft
from transactions.transfers.forms import TransferForm

JUST_MINUTES = 30


KNOWN_FROM = 100  # latest entries from which recipients are suggested


def known_accounts(mine: Sequence[Account], sender: Account | None) -> list[tuple[str, str]]:
    """Account numbers that this sender may want to pay, with their holders: own accounts first.

    Only accounts in the currency of the sender.
    """
    if sender is None:
        return []
    known = {
        account.number: f"{account.name} \u00b7\u00b7{account.number[-4:]}"
        for account in mine
        if _can_pay(sender, account)
    }
    for entry in Entry.objects.latest_of(mine, KNOWN_FROM):
        other = entry.counterparty
        if other is not None and not entry.is_credit and _can_pay(sender, other):
            known.setdefault(other.number, entry.counterparty_name)
    return list(known.items())


def _can_pay(sender: Account, recipient: Account) -> bool:
    return (
        recipient.pk != sender.pk
        and recipient.currency == sender.currency
        and not recipient.is_closed
    )


@dataclass(frozen=True, slots=True)
class TransferReview:
    """What the review says. `who` is masked for strangers. `name_check` is "" if no name was typed;
    `is_uncompared`, if one was and is not compared any more today. `why_confirm` says why sending
    asks for a step-up; "" if it does not.
    """

    who: str
    is_masked: bool
    is_new: bool
    name_check: str
    is_uncompared: bool
    times: int
    just_paid: Transaction | None
    leaves: Decimal
    why_confirm: str

    @property
    def history(self) -> str:
        """Says how often the person has paid this recipient, and what to check the first time."""
        if self.is_new:
            first = f"This is your first payment to {self.who}."
            if not self.is_masked:
                return f"{first} Compare the account number."
            after = "You see the full name after it."
            is_asked = self.name_check or self.is_uncompared
            hint = (
                "" if is_asked else " To be sure now, press Change and type the recipient's name."
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
    """Reads the review of a valid form. `row` was posted and rolled back. Counts a wrong name."""
    draft, person, data = form.draft, form.user, form.cleaned_data
    recipient = form.to_account
    assert recipient is not None  # noqa: S101 - the draft has one
    holder, who = recipient.user.name, shown_name(person, recipient)
    if form.is_between_own or not data["name"]:
        check = NameCheck.NONE
    elif who == holder:
        check = compared(data["name"], holder)
    else:
        check = name_check(person.pk, data["name"], holder)
    who = holder if check == NameCheck.MATCH else who
    return TransferReview(
        who=who,
        is_masked=not form.is_between_own and who != holder,
        is_new=not form.is_between_own and not has_paid(person, recipient),
        name_check=check.value,
        is_uncompared=bool(data["name"]) and not check and not form.is_between_own,
        times=times_paid(draft),
        just_paid=just_paid(draft),
        leaves=data["from_account"].available - row.amount,
        why_confirm=why_confirm(
            person, data["from_account"], recipient, row.amount, covered_until=covered_until
        ),
    )


def times_paid(draft: Draft) -> int:
    """How many payments went from this account to that one, counted up to 100."""
    sender, recipient = draft.from_account, draft.to_account
    if not (isinstance(sender, Account) and isinstance(recipient, Account)):
        return 0
    paid = Transaction.objects.filter(
        from_account=sender, to_account=recipient, status="completed"
    ).filter(search=between(sender, recipient))
    count: int = paid[:100].count()
    return count


def just_paid(draft: Draft) -> Transaction | None:
    """Returns the latest payment of the same amount between the same accounts within JUST_MINUTES,
    if any: the draft may repeat it by mistake.
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
