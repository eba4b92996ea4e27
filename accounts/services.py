"""Opens, changes, freezes and closes accounts. Sign-in is in `accounts.sign_in.access`.

Each public function runs in one database transaction and is retried after a conflict with another
transaction.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack

from django.db import IntegrityError
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts import current_access
from accounts.approvals import check_now, translated
from accounts.exceptions import (
    AccountNotActive,
    AccountNotEmpty,
    AccountNotFound,
    CurrencyUnknown,
    DetailsInvalid,
    LimitInvalid,
    TooManyAccounts,
)
from accounts.models import LIMITS, SETTINGS, Account, Currency, LimitChange, StatusChange, User
from accounts.numbers import clean_account_number, new_account_number
from accounts.obstacles import obstacles_to_closing
from accounts.refusal_counts import counts_refusals
from accounts.sign_in.access import (
    change_email,
    close_sign_in,
    deactivate_user,
    reactivate_user,
    revoke_tokens,
    set_sign_in,
    sign_out_everywhere,
)
from ledger.db.ids import uuid7
from ledger.db.retry import with_retry
from ledger.text.currencies import LARGEST_AMOUNT, fits, minor_units
from ledger.text.lines import shortened, tidy_line, tidy_reason
from ledger.text.money import figure

__all__ = [
    "AccountChanges",
    "change_account",
    "change_email",
    "change_status",
    "choose_name",
    "choose_settings",
    "close_account",
    "close_sign_in",
    "deactivate_user",
    "freeze_account",
    "open_account",
    "open_account_once",
    "open_accounts",
    "raise_overdraft_limits",
    "reactivate_user",
    "revoke_tokens",
    "set_sign_in",
    "set_status",
    "sign_out_everywhere",
    "unfreeze_account",
]

FIELDS = {"name", *LIMITS}
MAX_ACCOUNTS = 50  # limit for accounts that customers open themselves
TOO_MANY_ACCOUNTS = f"{MAX_ACCOUNTS} accounts are the maximum. Close an account first."
TRIES_FOR_A_FREE_NUMBER = 5
LARGEST_LIMIT = Decimal(10) ** 12  # leaves room for the balance in numeric(19,4)
NAME_LIMIT = Account._meta.get_field("name").max_length or 0


class AccountChanges(TypedDict, total=False):
    """The arguments of `change_account`. A limit or name that is missing does not change. `reason`,
    `changed_by` and `id` are stored in the row that records the change of the limits.
    """

    name: str
    overdraft_limit: Decimal
    transfer_limit: Decimal | None
    daily_limit: Decimal | None
    reason: str
    changed_by: User | None
    id: uuid.UUID


@counts_refusals
@with_retry
def choose_name(*, user: User, name: str) -> bool:
    """Sets the name of a user without a name. Returns False and changes nothing if the user has a
    name. Payers recognise people by their names, so only the bank may change a name.

    Raises: the errors of `lock_active`.
    """
    with db_transaction.atomic(durable=True):
        User.objects.lock_active(user.pk)
        return bool(User.objects.filter(pk=user.pk, name="").update(name=name))


@counts_refusals
def open_account(
    *,
    user: User,
    currency: str,
    name: str = "Account",
    overdraft_limit: Decimal = Decimal(0),
    transfer_limit: Decimal | None = None,
    daily_limit: Decimal | None = None,
    id: uuid.UUID | None = None,
    number: str | None = None,
    created_at: datetime | None = None,
    by_owner: bool = False,
) -> Account:
    """Opens an empty account and returns the account. Imports pass `id`, `number` and `created_at`.
    A repeated import then finds the account that the first import has opened.

    Raises: CurrencyUnknown, OwnerNotActive, LimitInvalid; DetailsInvalid for an invalid number or
    for a name that is too long; TooManyAccounts if `by_owner` is True and the owner already has
    MAX_ACCOUNTS open accounts.
    """
    account = Account(
        id=id or uuid7(),
        user=user,
        currency=currency,
        name=name.strip() or "Account",
        overdraft_limit=overdraft_limit,
        transfer_limit=transfer_limit,
        daily_limit=daily_limit,
        created_at=created_at or timezone.now(),
    )
    account.number = number or account.number
    _check_opening([account])
    return _insert_under_free_number(account, number, by_owner=by_owner)


def open_account_once(
    *, user: User, currency: str, name: str, id: uuid.UUID
) -> tuple[Account, bool]:
    """Opens an account as `open_account` does, if the user has no account with this `id` yet.
    Returns the account, and whether it existed before the call. An account that existed before may
    have another name and currency than the arguments.

    The caller must pass an id that no other user can choose.
    """
    own = Account.objects.owned_by(user).filter(pk=id)
    if opened := own.first():
        return opened, True
    try:
        return open_account(user=user, currency=currency, name=name, id=id, by_owner=True), False
    except IntegrityError:  # the same request may have been sent twice in parallel
        if opened := own.first():
            return opened, True
        raise


@counts_refusals
@with_retry
def open_accounts(accounts: Sequence[Account]) -> None:
    """Opens many empty accounts for an import: all of them, or none after an error.

    Raises: the errors of `open_account`; AccountNotEmpty for an account with money; IntegrityError
    if a number is already used.
    """
    _check_opening(accounts)
    for account in accounts:
        if account.balance or account.held:
            raise AccountNotEmpty(f"{account} must be opened empty: money comes in by posting.")
    with db_transaction.atomic(durable=True):
        for owner in User.objects.locked({account.user_id for account in accounts}):
            owner.refuse_unless_active()
        Account.objects.bulk_create(accounts)


@counts_refusals
@with_retry
def raise_overdraft_limits(limits: Mapping[uuid.UUID, Decimal]) -> None:
    """Raises overdraft limits to at least these values. Does not lower a higher limit."""
    with db_transaction.atomic(durable=True):
        raised = []
        for account in Account.objects.locked(limits):
            if limits[account.pk] > account.overdraft_limit:
                account.overdraft_limit = limits[account.pk]
                _check_limit("overdraft_limit", account.overdraft_limit, account.currency)
                raised.append(account)
        Account.objects.bulk_update(raised, ["overdraft_limit"])


@counts_refusals
@with_retry
def choose_settings(*, account: Account | uuid.UUID, owner: User, **settings: str) -> Account:
    """Changes the given SETTINGS of the owner's account and returns the account.

    Raises: AccountNotFound if the account belongs to another person, AccountNotActive if the
    account is closed, OwnerNotActive, and DetailsInvalid for a value that is not among the choices.
    """
    with db_transaction.atomic(durable=True):
        User.objects.lock_active(owner.pk)
        locked = _locked(account)
        if locked.user_id != owner.pk:
            raise AccountNotFound("You have no such account.")
        _check_changes(locked)
        for name, value in settings.items():
            choices = SETTINGS[name]
            if choices and value not in choices.values:
                raise DetailsInvalid(f"{shortened(repr(value))} is not a choice of {name}.")
            setattr(locked, name, value)
        locked.save(update_fields=list(settings))
    return locked


def _check_changes(account: Account) -> None:
    if account.is_closed:
        raise AccountNotActive(f"{account.name} is closed permanently and cannot be changed.")


@counts_refusals
@with_retry
def change_account(*, account: Account | uuid.UUID, **changes: Unpack[AccountChanges]) -> Account:
    """Changes the name and the limits of an account and returns the account. A new LimitChange row
    sets the limits and records the reason. Only changed columns are written, so the balance cannot
    be overwritten.

    Raises: AccountNotActive for a closed account; LimitInvalid for an invalid limit, or for an
    overdraft limit below the overdraft in use; NeedsApproval or ServesOwn if staff make the change.
    """
    with db_transaction.atomic(durable=True):
        locked = _locked(account)
        _check_changes(locked)
        for name in FIELDS & changes.keys():
            setattr(locked, name, changes[name])  # type: ignore[literal-required]
        locked.name = locked.name.strip() or "Account"
        _check_limits(locked)
        used = locked.held - locked.balance
        if "overdraft_limit" in changes and used > locked.overdraft_limit:
            raise LimitInvalid(
                (
                    f"{locked.name} uses {figure(used, locked.currency)} {locked.currency} of its "
                    "overdraft. The overdraft limit cannot be below this amount."
                ),
                "overdraft_limit",
            )
        if "name" in changes:
            locked.save(update_fields=["name"])
        if LIMITS.keys() & changes.keys():
            _set_limits(locked, changes)
            locked.refresh_from_db(fields=["available"])
    return locked


def _set_limits(account: Account, changes: AccountChanges) -> None:
    """Inserts a LimitChange. A trigger then sets the limits of the account to the limits of this
    row. The caller must have locked the account.
    """
    with translated():
        LimitChange.objects.create(
            id=changes.get("id") or uuid7(),
            account=account,
            reason=tidy_reason(changes.get("reason", "")),
            changed_by=changes.get("changed_by"),
            **{name: getattr(account, name) for name in LIMITS},
        )
        check_now()


@counts_refusals
def freeze_account(
    *,
    account: Account | uuid.UUID,
    reason: str = "",
    message: str = "",
    changed_by: User | None = None,
) -> Account:
    """Stops outgoing payments and returns the account. Incoming payments stay possible. Changes
    nothing if the account is already frozen.

    `reason` is shown only to staff. `message` is shown to the owner.
    """
    return _change_status(account, Account.Status.FROZEN, reason, message, changed_by)


@counts_refusals
def unfreeze_account(
    *,
    account: Account | uuid.UUID,
    reason: str = "",
    message: str = "",
    changed_by: User | None = None,
) -> Account:
    """Makes a frozen account active again and returns the account."""
    return _change_status(account, Account.Status.ACTIVE, reason, message, changed_by)


@counts_refusals
def close_account(
    *,
    account: Account | uuid.UUID,
    reason: str = "",
    message: str = "",
    changed_by: User | None = None,
) -> Account:
    """Closes an empty account permanently and returns the account.

    Raises: AccountNotEmpty if the account has a balance or holds, or if another account has a hold
    for a payment to this account. The message lists all obstacles.
    """
    return _change_status(account, Account.Status.CLOSED, reason, message, changed_by)


@counts_refusals
def change_status(
    *,
    account: Account | uuid.UUID,
    status: Account.Status,
    reason: str = "",
    message: str = "",
    changed_by: User | None = None,
) -> bool:
    """Freezes, unfreezes or closes an account. Returns False and changes nothing if the account
    already has this status.
    """
    return _changed_status(account, status, reason, message, changed_by)[1]


@counts_refusals
def set_status(
    account: Account,
    status: Account.Status,
    *,
    reason: str,
    message: str = "",
    changed_by: User | None,
) -> None:
    """Sets another status of an account, in the database transaction of the caller. The caller must
    have locked the row.

    Raises: the errors of `freeze_account` and `close_account`; ServesOwn if the account belongs to
    `changed_by` or to the household of `changed_by`.
    """
    _check_change(account, status)
    with translated():
        StatusChange.objects.create(
            account=account,
            from_status=account.status,
            to_status=status,
            reason=tidy_reason(reason),
            message=tidy_line(message),
            changed_by=changed_by,
        )
    account.refresh_from_db(fields=["status", "closed_at"])  # see Note [Status follows changes]


def _change_status(
    account: Account | uuid.UUID,
    status: Account.Status,
    reason: str,
    message: str,
    changed_by: User | None,
) -> Account:
    return _changed_status(account, status, reason, message, changed_by)[0]


def _check_opening(accounts: Sequence[Account]) -> None:
    codes = {account.currency for account in accounts}
    currencies = {found.code: found for found in Currency.objects.filter(code__in=codes)}
    for account in accounts:
        currency = currencies.get(account.currency)
        if currency is None:
            text = shortened(repr(account.currency))
            raise CurrencyUnknown(f"{text} is not a currency code like EUR, USD or JPY.")
        if not currency.is_open:
            message = f"{currency} is closed for new accounts. Choose another currency."
            raise CurrencyUnknown(message)
        if len(account.name) > NAME_LIMIT:
            message = f"An account's name has at most {NAME_LIMIT} characters. Shorten the name."
            raise DetailsInvalid(message)
        try:
            account.number = clean_account_number(account.number)
        except ValueError as error:
            raise DetailsInvalid(str(error)) from None
        _check_limits(account)


def _check_limits(account: Account) -> None:
    for field in LIMITS:
        _check_limit(field, getattr(account, field), account.currency)
    if account.balance + account.overdraft_limit > LARGEST_AMOUNT:
        message = f"{account.name} has too much money for this overdraft limit."
        raise LimitInvalid(message, "overdraft_limit")


def _check_limit(field: str, limit: Decimal | None, currency: str) -> None:
    if limit is None:
        return
    what = LIMITS[field].lower()
    if not limit.is_finite() or limit < 0 or (limit == 0 and field != "overdraft_limit"):
        least = "zero or more" if field == "overdraft_limit" else "above zero, or left out"
        raise LimitInvalid(f"The {what} must be {least}.", field)
    if limit > LARGEST_LIMIT:
        raise LimitInvalid(f"The {what} must be at most {LARGEST_LIMIT:,f}.", field)
    if not fits(limit, minor_units(currency)):
        raise LimitInvalid(f"The {what} has more decimals than {currency} has.", field)


@with_retry
def _insert_under_free_number(account: Account, number: str | None, *, by_owner: bool) -> Account:
    """Saves the account with the given number, or with the first random number that is free.
    Returns the account.
    """
    with db_transaction.atomic(durable=True):
        User.objects.lock_active(account.user_id)
        mine = Account.objects.owned_by(account.user).not_closed()
        if by_owner and mine.count() >= MAX_ACCOUNTS:
            raise TooManyAccounts(TOO_MANY_ACCOUNTS)
        for tries_left in reversed(range(TRIES_FOR_A_FREE_NUMBER)):
            account.number = number or new_account_number()
            try:
                with db_transaction.atomic():
                    account.save(force_insert=True)
                    break
            except IntegrityError:
                taken = Account.objects.filter(number=account.number).exists()
                if number or not taken or not tries_left:
                    raise
    return account


def _locked(account: Account | uuid.UUID) -> Account:
    """Returns the account. Its row is locked until the transaction ends.

    Raises: AccountNotFound; AccessEnded, as described at `current_access.refuse_if_ended`.
    """
    pk = account.pk if isinstance(account, Account) else account
    locked: Account | None = Account.objects.locked([pk]).first()
    if locked is None:
        raise AccountNotFound("There is no account with that id.")
    current_access.refuse_if_ended()
    return locked


@with_retry
def _changed_status(
    account: Account | uuid.UUID,
    status: Account.Status,
    reason: str,
    message: str,
    changed_by: User | None,
) -> tuple[Account, bool]:
    """Sets the status. Returns the account, and whether the status has changed."""
    with db_transaction.atomic(durable=True):
        locked = _locked(account)
        if locked.status == status:
            return locked, False
        set_status(locked, status, reason=reason, message=message, changed_by=changed_by)
    return locked, True


def _check_change(account: Account, status: Account.Status) -> None:
    if account.is_closed:
        raise AccountNotActive(f"{account.name} is closed permanently. Open a new account instead.")
    if status != Account.Status.CLOSED:
        return
    if found := obstacles_to_closing([account])[account.pk]:
        raise AccountNotEmpty(" ".join(obstacle.sentence for obstacle in found))
