"""Checks of money: chains of entries, balances, holds, and totals per currency."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.fields import DecimalField
from django.db.models.functions import Coalesce

from accounts.models import Account
from ledger.db.local_settings import locally
from transactions.audit.findings import Finding, NamedAccount, amount_text, moment_text, named
from transactions.models import Entry, Transaction
from transactions.models.entry import EntryQuerySet

ZERO = Value(Decimal(0), output_field=DecimalField())

# Note [One pass over the books]: with these settings, Postgres reads all rows once, in sequence,
# and sorts them by account, in parallel. Each process uses up to this amount of memory; the rest
# goes to disk. Without the settings, the planner would use the indexes of the accounts, which are
# already sorted. But then ten million rows need twenty million single reads. This is slower if the
# rows are cached, and much too slow if they are not.
ONE_PASS = {"work_mem": "64MB", "enable_indexscan": "off", "enable_bitmapscan": "off"}

# Returns the first broken link of a chain, and the number of broken links, which is computed before
# LIMIT.
CHAINS = """
SELECT account_id, transaction_id, before, coalesce(signed_amount, 'NaN'), balance, created_at,
       count(*) OVER ()
FROM (SELECT account_id, transaction_id, created_at, signed_amount, balance,
             coalesce(lag(balance) OVER chain, {balance_before}, 0) AS before,
             lag(created_at) OVER chain AS time_before
      FROM entries AS entry
      WHERE status = 'completed' AND account_id IS NOT NULL {since}
      WINDOW chain AS (PARTITION BY account_id ORDER BY created_at, transaction_id)) AS links
WHERE balance IS DISTINCT FROM before + signed_amount OR created_at = time_before
ORDER BY account_id, created_at LIMIT 1"""
ALL_CHAINS = CHAINS.format(balance_before="NULL", since="")
# Looks up the previous balance once per account, if `lag` does not find an earlier entry.
CHAINS_SINCE = CHAINS.format(
    balance_before="""(SELECT balance FROM entries AS earlier
              WHERE earlier.account_id = entry.account_id AND status = 'completed'
                AND earlier.created_at < %(since)s ORDER BY created_at DESC LIMIT 1)""",
    since="AND created_at >= %(since)s",
)


def chains(since: datetime | None = None) -> Iterator[Finding]:
    """Yields the first entry whose balance is not the previous balance plus the signed amount, or
    whose time is not later than the time of the previous entry.
    """
    with locally(**({} if since else ONE_PASS)), connection.cursor() as cursor:
        cursor.execute(CHAINS_SINCE if since else ALL_CHAINS, {"since": since})
        found = cursor.fetchone()
    if found is not None:
        account, transaction, before, signed, balance, moment, broken = found
        yield Finding(
            "chain",
            str(account),
            str(transaction),
            f"{before} {signed:+} at its own time",
            f"{balance} at {moment.isoformat() if moment else 'no time'}",
            broken,
            sentence=_chain_sentence(named(account), transaction, before, signed, balance, moment),
        )


def _chain_sentence(
    account: NamedAccount,
    transaction: object,
    before: Decimal,
    signed: Decimal,
    balance: Decimal | None,
    moment: datetime | None,
) -> str:
    if balance == before + signed:
        return (
            f"{account.at_start}: transaction {transaction} has the same time as the one before "
            f"it, {moment_text(moment)}, so their order is unknown."
        )
    went = "moved" if signed.is_nan() else "came in" if signed > 0 else "went out"
    return (
        f"{account.at_start}: {account.money(abs(signed))} {went} with transaction {transaction}. "
        f"The balance before it was {account.money(before)}, so it should be "
        f"{account.money(before + signed)} after it, but the books have {account.money(balance)}."
    )


def balances(_since: datetime | None = None) -> Iterator[Finding]:
    """Yields the first account whose balance differs from the balance of its newest entry. The
    balance of an account without entries must be zero. Also checks `last_entry_at`. Always checks
    all accounts, with one index look-up per account.
    """
    newest = Entry.objects.filter(account=OuterRef("pk")).order_by("-created_at")
    accounts: QuerySet[Any] = Account.objects.annotate(
        last=Coalesce(Subquery(newest.values("balance")[:1]), ZERO),
        last_transaction=Subquery(newest.values("transaction_id")[:1]),
    )
    for account in accounts.exclude(balance=F("last")).order_by("pk")[:1]:
        yield Finding(
            "balance",
            str(account.pk),
            _text(account.last_transaction),
            f"balance {account.last} from its entries",
            f"{account.balance}",
            sentence=_balance_sentence(named(account.pk), account),
        )
    yield from _times()


def _balance_sentence(name: NamedAccount, account: Any) -> str:
    stored = f"but its balance in the books is {name.money(account.balance)}."
    if account.last_transaction is None:
        return f"{name.at_start} has no entries, so its balance should be zero, {stored}"
    left = (
        f"its last entry, transaction {account.last_transaction}, left {name.money(account.last)}"
    )
    return f"{name.at_start}: {left}, {stored}"


def _times() -> Iterator[Finding]:
    """Yields the first account whose `last_entry_at` is not the time of the account's newest
    payment or hold, see Note [Balances follow rows].

    If `last_entry_at` is too early, a new row could be booked before existing rows. If
    `last_entry_at` is too late, a row was removed.
    """
    newest = EntryQuerySet(Entry).filter(account=OuterRef("pk")).order_by("-created_at")
    accounts: QuerySet[Any] = Account.objects.annotate(
        last_transaction=Subquery(newest.values("transaction_id")[:1]),
        last_time=Subquery(newest.values("created_at")[:1]),
    )
    differ = ~Q(last_entry_at=F("last_time")) | Q(last_time=None) | Q(last_entry_at=None)
    neither = Q(last_time=None, last_entry_at=None)
    for account in accounts.filter(differ).exclude(neither).order_by("pk")[:1]:
        yield Finding(
            "time",
            str(account.pk),
            _text(account.last_transaction),
            f"last entry at {account.last_time.isoformat()}" if account.last_time else "no entry",
            account.last_entry_at.isoformat() if account.last_entry_at else "none",
            sentence=_time_sentence(named(account.pk), account),
        )


def _time_sentence(name: NamedAccount, account: Any) -> str:
    """Returns a sentence about how the account's `last_entry_at` differs from the time of its
    newest row. If `last_entry_at` is later, the sentence adds that a row may be missing.
    """
    if account.last_time is None:
        newest = f"{name.at_start} has no payments and no holds"
    else:
        row = f"transaction {account.last_transaction}"
        newest = f"{name.at_start}: its newest row, {row}, is of {moment_text(account.last_time)}"
    if account.last_entry_at is None:
        return f"{newest}, but the account has no time of a last entry."
    stored = f"{newest}, but the account has {moment_text(account.last_entry_at)}."
    is_ahead = account.last_time is None or account.last_entry_at > account.last_time
    return f"{stored} A later row may be missing." if is_ahead else stored


def holds(_since: datetime | None = None) -> Iterator[Finding]:
    """Yields the first account whose held amount is not the sum of its pending holds. Always checks
    all accounts.
    """
    pending = (
        Transaction.objects.filter(from_account=OuterRef("pk"), status="pending")
        .order_by()
        .values("from_account")
        .annotate(total=Sum("amount"))
        .values("total")
    )
    accounts: QuerySet[Any] = Account.objects.annotate(
        reserved=Coalesce(Subquery(pending), ZERO)
    ).exclude(held=F("reserved"))
    for account in accounts.order_by("pk")[:1]:
        name = named(account.pk)
        yield Finding(
            "held",
            str(account.pk),
            None,
            f"{account.reserved} held",
            f"{account.held}",
            sentence=f"{name.at_start}: its pending holds add up to "
            f"{name.money(account.reserved)}, but the books have {name.money(account.held)} as "
            "its held amount.",
        )


def currencies(_since: datetime | None = None) -> Iterator[Finding]:
    """Yields each currency in which the sum of all balances is not equal to all deposits minus all
    withdrawals. Always checks all rows.
    """
    signed = Case(
        When(type="deposit", then=F("amount")), When(type="withdrawal", then=-F("amount"))
    )
    flows = Transaction.objects.filter(status="completed").values("currency")
    net = dict(flows.annotate(net=Coalesce(Sum(signed), ZERO)).values_list("currency", "net"))
    balances = Account.objects.values("currency").annotate(total=Sum("balance"))
    held = dict(balances.values_list("currency", "total"))
    for currency in sorted({*net, *held}):
        into, total = net.get(currency, Decimal(0)), held.get(currency, Decimal(0))
        if into != total:
            yield Finding(
                "currency",
                None,
                None,
                f"{into} {currency} deposited less withdrawn",
                f"{total} {currency} in accounts",
                sentence=f"The whole bank in {currency}: deposits minus withdrawals are "
                f"{amount_text(into, currency)}, but the balances of all accounts add up to "
                f"{amount_text(total, currency)}.",
            )


def _text(value: Any) -> str | None:
    return str(value) if value else None
