"""The checks of money: chains, balances, holds, and the bank as a whole."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Case, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.fields import DecimalField
from django.db.models.functions import Coalesce

from accounts.models import Account
from ledger.db.local_settings import locally
from transactions.audit_findings import Finding
from transactions.models import Entry, Transaction

ZERO = Value(Decimal(0), output_field=DecimalField())

# Note [One pass over the books]: the chains of all accounts are sorted out of one sequential
# read, in parallel, with this much memory of the server for each process and the rest on its
# disk. By the accounts' indexes, which the planner likes for their order, ten million rows are
# twenty million single reads: slower where they are cached, hopeless where they are not.
ONE_PASS = {"work_mem": "64MB", "enable_indexscan": "off", "enable_bitmapscan": "off"}

# `count` is taken before LIMIT: how many links are broken, and the first of them.
CHAINS = """
SELECT account_id, transaction_id, before, signed_amount, balance, created_at, count(*) OVER ()
FROM (SELECT account_id, transaction_id, created_at, signed_amount, balance,
             coalesce(lag(balance) OVER chain, {balance_before}, 0) AS before,
             lag(created_at) OVER chain AS time_before
      FROM entries AS entry
      WHERE status = 'completed' AND account_id IS NOT NULL {since}
      WINDOW chain AS (PARTITION BY account_id ORDER BY created_at, transaction_id)) AS links
WHERE balance IS DISTINCT FROM before + signed_amount OR created_at = time_before
ORDER BY account_id, created_at LIMIT 1"""
ALL_CHAINS = CHAINS.format(balance_before="NULL", since="")
# The balance before is asked once an account, where `lag` finds no entry before.
CHAINS_SINCE = CHAINS.format(
    balance_before="""(SELECT balance FROM entries AS earlier
              WHERE earlier.account_id = entry.account_id AND status = 'completed'
                AND earlier.created_at < %(since)s ORDER BY created_at DESC LIMIT 1)""",
    since="AND created_at >= %(since)s",
)


def chains(since: datetime | None = None) -> Iterator[Finding]:
    """Each entry: the previous balance + the signed amount = its balance; times strictly rise."""
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
            f"{balance} at {moment.isoformat()}",
            broken,
        )


def balances(_since: datetime | None = None) -> Iterator[Finding]:
    """Each account's balance is that of its newest entry, and zero without one. Always whole:
    it is one look into the index for each account."""
    newest = Entry.objects.filter(account=OuterRef("pk")).order_by("-created_at")
    accounts = Account.objects.annotate(
        last=Coalesce(Subquery(newest.values("balance")[:1]), ZERO),
        last_transaction=Subquery(newest.values("transaction_id")[:1]),
        last_time=Subquery(newest.values("created_at")[:1]),
    ).order_by("pk")
    for account in accounts.exclude(balance=F("last"))[:1]:
        yield Finding(
            "balance",
            str(account.pk),
            _text(account.last_transaction),
            f"balance {account.last} from its entries",
            f"{account.balance}",
        )
    for account in accounts.filter(
        Q(last_entry_at__isnull=True) | Q(last_entry_at__lt=F("last_time")),
        last_time__isnull=False,
    )[:1]:
        yield Finding(
            "time",
            str(account.pk),
            _text(account.last_transaction),
            f"last entry at {account.last_time.isoformat()}",
            account.last_entry_at.isoformat() if account.last_entry_at else "none",
        )


def holds(_since: datetime | None = None) -> Iterator[Finding]:
    """Each account's held money is the sum of its pending rows. Always whole."""
    pending = (
        Transaction.objects.filter(from_account=OuterRef("pk"), status="pending")
        .order_by()
        .values("from_account")
        .annotate(total=Sum("amount"))
        .values("total")
    )
    accounts = Account.objects.annotate(reserved=Coalesce(Subquery(pending), ZERO)).exclude(
        held=F("reserved")
    )
    for account in accounts.order_by("pk")[:1]:
        yield Finding("held", str(account.pk), None, f"{account.reserved} held", f"{account.held}")


def currencies(_since: datetime | None = None) -> Iterator[Finding]:
    """Per currency, the money in all accounts is deposits less withdrawals. Always whole."""
    signed = Case(
        When(type="deposit", then=F("amount")), When(type="withdrawal", then=-F("amount"))
    )
    flows = Transaction.objects.filter(status="completed").values("currency")
    net = dict(flows.annotate(net=Coalesce(Sum(signed), ZERO)).values_list("currency", "net"))
    kept_by = Account.objects.values("currency").annotate(kept=Sum("balance"))
    held = dict(kept_by.values_list("currency", "kept"))
    for currency in sorted({*net, *held}):
        into, kept = net.get(currency, Decimal(0)), held.get(currency, Decimal(0))
        if into != kept:
            yield Finding(
                "currency",
                None,
                None,
                f"{into} {currency} deposited less withdrawn",
                f"{kept} {currency} in accounts",
            )


def _text(value: Any) -> str | None:
    return str(value) if value else None
