"""The actions of staff on a transaction, and the reasons why an action is not possible."""

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse

from accounts.models import Account, User
from accounts.obstacles import NO_LINK, Link, Obstacle
from transactions.exceptions import (
    HOLD_CAPTURED,
    HOLD_EXPIRED,
    HOLD_RELEASED,
    NO_REFUND_OF_HOLD,
    NOT_A_HOLD,
    REFUNDED_IN_FULL,
    REFUNDS_ARE_FINAL,
)
from transactions.lifecycle import Lifecycle
from transactions.models import Transaction

OWN = "This moves your own or your household's money, so a colleague must do it."


def _no_accounts(_lifecycle: Lifecycle, _person: User) -> list[Obstacle]:
    return []


@dataclass(frozen=True, slots=True)
class StaffAction:
    """An action of staff on a transaction. Its page has the URL name
    `admin:transactions_transaction_<name>`.
    """

    name: str
    label: str
    permission: str
    # Returns the reason why the state of the transaction does not allow the action, or "".
    why_not: Callable[[Lifecycle], str]
    # Returns the obstacles of the transaction's accounts to the action.
    accounts: Callable[[Lifecycle, User], list[Obstacle]] = _no_accounts

    def refusal(self, lifecycle: Lifecycle, person: User) -> str:
        """Returns the reason why this person may not take the action on this transaction, or "".
        Does not check permissions.
        """
        sides = (lifecycle.row.from_account, lifecycle.row.to_account)
        if any(side is not None and person.is_close_to(side.user) for side in sides):
            return OWN
        return self.why_not(lifecycle)

    def obstacles(self, lifecycle: Lifecycle, person: User) -> list[Obstacle]:
        """Returns the obstacles to the action for this person. An obstacle may have a link to a
        page that helps.
        """
        if refusal := self.refusal(lifecycle, person):
            link = NO_LINK if refusal == OWN else _instead(lifecycle, person)
            return [Obstacle(refusal, *link)]
        return self.accounts(lifecycle, person)

    def url(self, row: Transaction) -> str:
        """Returns the URL of the page for this action on the transaction."""
        return reverse(f"admin:transactions_transaction_{self.name}", args=[row.pk])


def _why_no_refund(lifecycle: Lifecycle) -> str:
    if lifecycle.row.is_hold:
        return NO_REFUND_OF_HOLD[lifecycle.row.status]
    if lifecycle.row.is_reversal:
        return REFUNDS_ARE_FINAL
    return "" if lifecycle.left else REFUNDED_IN_FULL


def _why_no_release(lifecycle: Lifecycle) -> str:
    row = lifecycle.row
    if not row.is_hold:
        return NOT_A_HOLD
    if row.is_pending:
        return ""
    return HOLD_CAPTURED if row.status == Transaction.Status.CAPTURED else HOLD_RELEASED


def _why_no_capture(lifecycle: Lifecycle) -> str:
    if lifecycle.row.is_pending and lifecycle.row.is_expired:
        return HOLD_EXPIRED
    return _why_no_release(lifecycle)


def _accounts_of_refund(lifecycle: Lifecycle, person: User) -> list[Obstacle]:
    """Returns the obstacles to a refund because of the accounts. A closed account can neither
    receive nor send, and a frozen account cannot send.
    """
    payer, payee = lifecycle.row.from_account, lifecycle.row.to_account
    found = []
    if payer is not None and payer.is_closed:
        take = f"withdraw it from {_named(payee)} and " if payee is not None else ""
        sentence = (
            f"{_named(payer)}, which paid, is closed and cannot receive a refund. Instead, "
            f"{take}deposit it to another account."
        )
        found.append(Obstacle(sentence, *_cash_desk(person)))
    if payee is not None and payee.is_closed:
        sentence = f"{_named(payee)}, which was paid, is closed and has no money to refund."
        found.append(Obstacle(sentence))
    return [*found, *_frozen(payee, person)]


def _accounts_of_capture(lifecycle: Lifecycle, person: User) -> list[Obstacle]:
    return _frozen(lifecycle.row.from_account, person)


def _frozen(sender: Account | None, person: User) -> list[Obstacle]:
    if sender is None or not sender.is_frozen:
        return []
    url = reverse("admin:accounts_account_change", args=[sender.pk])
    link = ("Go to the account", url) if person.has_perm("accounts.view_account") else NO_LINK
    sentence = f"{_named(sender)} is frozen and cannot send money. Unfreeze this account first."
    return [Obstacle(sentence, *link)]


def _named(account: Account) -> str:
    """Returns the name of an account and its holder, such as "Everyday of Ana Ferreira". The
    account number is left out, because some staff may not see account numbers.
    """
    return f"{account.name} of {account.user}"


def _cash_desk(person: User) -> Link:
    url = reverse("admin:transactions_transaction_cash_desk")
    return ("Cash desk", url) if person.has_perm("transactions.use_cash_desk") else NO_LINK


def _instead(lifecycle: Lifecycle, person: User) -> Link:
    """Returns a link to another action that the state of the transaction allows, or an empty
    link.
    """
    if lifecycle.capture:
        page = reverse("admin:transactions_transaction_change", args=[lifecycle.capture.pk])
        return "Go to that payment", page
    other = RELEASE if lifecycle.row.is_pending else REFUND
    if other.why_not(lifecycle) or not person.has_perm(other.permission):
        return NO_LINK
    return f"{other.label} it", other.url(lifecycle.row)


MANAGE_HOLDS = "transactions.manage_holds"
REFUND = StaffAction(
    "refund", "Refund", "transactions.refund_transactions", _why_no_refund, _accounts_of_refund
)
CAPTURE = StaffAction("capture", "Capture", MANAGE_HOLDS, _why_no_capture, _accounts_of_capture)
RELEASE = StaffAction("release", "Release", MANAGE_HOLDS, _why_no_release)


def actions_for(lifecycle: Lifecycle, person: User) -> list[tuple[str, str]]:
    """Returns the label and the URL of each action that this person may take on the transaction
    now.
    """
    return [
        (action.label, action.url(lifecycle.row))
        for action in (REFUND, CAPTURE, RELEASE)
        if person.has_perm(action.permission) and not action.refusal(lifecycle, person)
    ]
