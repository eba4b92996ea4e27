"""A person closes their accounts and their sign-in by themselves."""

from django.db import transaction as db_transaction
from django.db.models import Q

from accounts import services as account_services
from accounts.models import Account, User
from accounts.refusal_counts import counts_refusals
from ledger.db.retry import with_retry
from ledger.text.money import figure
from transactions.exceptions import LedgerError
from transactions.models import Transaction, Webhook

STAFF = "You work for this bank. Ask a colleague to close your sign-in."
REASON = "Closed by the customer, who left the bank."


class CannotLeave(LedgerError):
    """Something stands in the way of closing a person's accounts; the text says what."""


def obstacles(person: User) -> list[str]:
    """What has to be done first, in sentences; none if the person may leave now."""
    if person.is_staff:
        return [STAFF]
    accounts = list(Account.objects.owned_by(person).not_closed())
    return _obstacles(accounts)


@counts_refusals
@with_retry
def leave(*, person: User) -> User:
    """Closes the person's accounts and sign-in, and ends their sessions, in one database
    transaction; the history stays.

    Raises CannotLeave, with nothing changed, while an account has money, holds or is frozen, and
    as `lock_active` does.
    """
    with db_transaction.atomic(durable=True):
        person = User.objects.lock_active(person.pk)
        if person.is_staff:
            raise CannotLeave(STAFF)
        ids = Account.objects.owned_by(person).not_closed().values_list("pk", flat=True)
        accounts = list(Account.objects.locked(list(ids)))
        if found := _obstacles(accounts):
            raise CannotLeave(" ".join(found))
        for account in accounts:
            account_services.set_status(
                account, Account.Status.CLOSED, reason=REASON, changed_by=person
            )
        for webhook in Webhook.objects.owned_by(person):
            webhook.remove()
        account_services.close_sign_in(person)
    return person


def _obstacles(accounts: list[Account]) -> list[str]:
    """What keeps these accounts open."""
    sentences = []
    for account in accounts:
        name, currency = account.name, account.currency
        if account.is_frozen:
            sentences.append(f"{name} is frozen. Ask the bank to unfreeze it first.")
        if account.held:
            held = figure(account.held, currency)
            sentences.append(f"{name} holds {held} {currency} for payments under way. Wait until"
                             " they are paid or released.")  # fmt: skip
        if account.balance > 0:
            money = figure(account.balance, currency)
            sentences.append(f"{name} still has {money} {currency}. Send it elsewhere first.")
        elif account.balance < 0:
            debt = figure(-account.balance, currency)
            sentences.append(f"{name} owes {debt} {currency}. Pay that in first.")
    coming = Q(to_account__in=[account.pk for account in accounts])
    if Transaction.objects.pending().filter(coming).exists():
        sentences.append("Money is on hold for you at somebody else. Wait until it has come.")
    return sentences
