"""Opens the accounts of the Berka data and adds a user for each owner."""

import secrets
from dataclasses import dataclass, field
from datetime import date

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from accounts.models import Account, User
from accounts.services import open_accounts
from banking.berka.identity import email_of, id_of, noon, number_of
from banking.berka.lines import Refusal
from banking.berka.source import Source, SourceAccount

CURRENCY = "CZK"


@dataclass(slots=True)
class ImportReport:
    """The counts and refusals of an import. The import updates them during the run, so that an
    interrupted run can still show them.
    """

    users: int = 0
    accounts: int = 0
    imported: int = 0
    skipped: int = 0
    refusals: list[Refusal] = field(default_factory=list)


def open_missing(source: Source, report: ImportReport) -> dict[int, Account]:
    """Opens the missing accounts. Returns a dict from the bank's id to the account. The dict
    contains every account that exists, also accounts that existed before.
    """
    ids = {id_of("account", account.account_id): account for account in source.accounts.values()}
    existing = Account.objects.in_bulk(list(ids))
    missing = [account for id, account in ids.items() if id not in existing]
    users = _add_missing_users(missing, report)
    taken = set(
        Account.objects.filter(
            number__in=[number_of(account.account_id) for account in missing]
        ).values_list("number", flat=True)
    )
    fresh = []
    for account in missing:
        user = users.get(account.client_id)
        if number_of(account.account_id) in taken:
            reason = f"another account has its number, {number_of(account.account_id)}"
            report.refusals.append(Refusal("account.asc", account.line, reason))
        elif user is None:
            reason = (
                f"the owner, client {account.client_id}, has left the bank, or somebody else "
                f"signs in as {email_of(account.client_id)}"
            )
            report.refusals.append(Refusal("account.asc", account.line, reason))
        else:
            fresh.append(_account(account, user))
    open_accounts(fresh)
    report.accounts += len(fresh)
    existing |= {account.pk: account for account in fresh}
    return {account.account_id: existing[id] for id, account in ids.items() if id in existing}


def _account(account: SourceAccount, user: User) -> Account:
    return Account(
        id=id_of("account", account.account_id),
        user=user,
        number=number_of(account.account_id),
        name="Current account",
        currency=CURRENCY,
        created_at=noon(account.day),
    )


def _add_missing_users(accounts: list[SourceAccount], report: ImportReport) -> dict[int, User]:
    """Adds the missing owners as users who cannot sign in. Returns a dict from client id to user,
    which contains only active users.
    """
    since: dict[int, date] = {}
    for account in accounts:
        since[account.client_id] = min(account.day, since.get(account.client_id, account.day))
    ids = {client_id: id_of("client", client_id) for client_id in since}
    emails = [email_of(client_id) for client_id in since]
    existing = User.objects.in_bulk(list(ids.values()))
    taken = set(User.objects.filter(email__in=emails).values_list("email", flat=True))
    fresh = [
        User(
            id=id,
            email=email_of(client_id),
            name=f"Client {client_id}",
            created_at=noon(since[client_id]),
            password=UNUSABLE_PASSWORD_PREFIX + secrets.token_hex(20),
        )
        for client_id, id in ids.items()
        if id not in existing and email_of(client_id) not in taken
    ]
    User.objects.bulk_create(fresh)
    report.users += len(fresh)
    existing |= {user.pk: user for user in fresh}
    return {
        client_id: existing[id]
        for client_id, id in ids.items()
        if id in existing and existing[id].is_active
    }
