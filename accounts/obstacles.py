"""Obstacles: the reasons why an action is currently not possible, with advice for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.models import Account
from ledger.text.money import figure

HELD, COMING, MONEY, DEBT = (
    "held",
    "coming",
    "money",
    "debt",
)  # reasons why an account cannot be closed
Link = tuple[str, str]  # label and URL
NO_LINK: Link = ("", "")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A reason why an action is not possible. `sentence` explains the reason and what to do.
    `label` and `url` are a link to the page where the user can remove the obstacle, or "".
    """

    sentence: str
    label: str = ""
    url: str = ""


def _no_link(_kind: str, _account: Account) -> Link:
    return NO_LINK


def obstacles_to_closing(
    accounts: Sequence[Account], link: Callable[[str, Account], Link] = _no_link
) -> dict[UUID, list[Obstacle]]:
    """Returns the reasons why each account cannot be closed (holds, money or a debt), by the id of
    the account. Makes one query.

    `link` returns the label and the URL of a page for an obstacle of one kind: HELD, COMING, MONEY
    or DEBT.
    """
    pks = [account.pk for account in accounts]
    waiting = Account.objects.filter(pk__in=pks, received__status="pending")
    coming = set(waiting.values_list("pk", flat=True))
    return {
        account.pk: [
            Obstacle(sentence, *link(kind, account))
            for kind, sentence in _sentences(account, has_coming=account.pk in coming)
        ]
        for account in accounts
    }


def _sentences(account: Account, *, has_coming: bool) -> list[tuple[str, str]]:
    name, currency = account.name, account.currency
    found = []
    if account.held:
        held = f"{figure(account.held, currency)} {currency}"
        rest = "on hold for pending payments. Wait until these payments are captured or released."
        found.append((HELD, f"{name} has {held} {rest}"))
    if has_coming:
        rest = "on another account. Wait until the hold is captured or released."
        found.append((COMING, f"Money is on hold for {name} {rest}"))
    amount = f"{figure(abs(account.balance), currency)} {currency}"
    if account.balance > 0:
        found.append((MONEY, f"{name} still has {amount}. Move the money out first."))
    elif account.balance < 0:
        found.append((DEBT, f"{name} owes {amount}. Pay in this amount first."))
    return found
