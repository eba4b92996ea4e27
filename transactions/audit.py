"""The books proved against themselves, from the rows alone.

Every check is a query for the rows that break a rule, so that clean books are empty answers.
All run in one REPEATABLE READ transaction: one instant, however busy the bank is.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Sum, Value, When, Window
from django.db.models.fields import DecimalField
from django.db.models.functions import Coalesce, Lag

from accounts.models import Account
from ledger.db.snapshot import snapshot
from transactions.models import Entry, Transaction

ZERO = Value(Decimal(0), output_field=DecimalField())


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: the check's name, where, and what was expected and found."""

    check: str
    account: str | None
    transaction: str | None
    expected: str
    found: str

    def __str__(self) -> str:
        account = Account.objects.filter(pk=self.account).first() if self.account else None
        known = {
            "account": self.account,
            "number": account and account.number,
            "transaction": self.transaction,
        }
        where = " ".join(f"{name} {value}" for name, value in known.items() if value)
        return f"{self.check}: {where or 'the whole bank'}: {self.expected}; found {self.found}"


@dataclass(slots=True)
class Audit:
    """What was read and what was found."""

    accounts: int = 0
    transactions: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        return {"clean": self.clean, **asdict(self)}


def audit() -> Audit:
    """Runs every check in one snapshot; at most one finding, the first, per check."""
    result = Audit()
    with snapshot():
        result.accounts = Account.objects.count()
        result.transactions = Transaction.objects.count()
        for check in CHECKS:
            finding = next(check(), None)
            if finding is not None:
                result.findings.append(finding)
    return result


def chains() -> Iterator[Finding]:
    """Each entry: the previous balance + the signed amount = its balance; times strictly rise."""

    def previous(field: str) -> Window:
        order = [F("created_at"), F("transaction")]
        return Window(Lag(field), partition_by=F("account"), order_by=order)

    entries = Entry.objects.annotate(
        before=Coalesce(previous("balance"), ZERO),
        time_before=previous("created_at"),
    ).filter(~Q(balance=F("before") + F("signed_amount")) | Q(created_at=F("time_before")))
    for entry in entries.order_by("account", "created_at")[:1]:
        yield Finding(
            "chain",
            str(entry.account_id),
            str(entry.transaction_id),
            f"{entry.before} {entry.signed_amount:+} at its own time",
            f"{entry.balance} at {entry.created_at.isoformat()}",
        )


def balances() -> Iterator[Finding]:
    """Each account's balance is that of its newest entry, and zero without one."""
    newest = Entry.objects.filter(account=OuterRef("pk")).order_by("-created_at")
    accounts = Account.objects.annotate(
        last=Coalesce(Subquery(newest.values("balance")[:1]), ZERO),
        last_transaction=Subquery(newest.values("transaction_id")[:1]),
    ).exclude(balance=F("last"))
    for account in accounts.order_by("pk")[:1]:
        yield Finding(
            "balance",
            str(account.pk),
            str(account.last_transaction) if account.last_transaction else None,
            f"balance {account.last} from its entries",
            f"{account.balance}",
        )


def holds() -> Iterator[Finding]:
    """Each account's held money is the sum of its pending rows."""
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


def captures() -> Iterator[Finding]:
    """A hold is captured exactly when a row captures it."""
    capture = Transaction.objects.filter(captures=OuterRef("pk"))
    holds = Transaction.objects.exclude(status="completed").annotate(taken=Exists(capture))
    for row in (
        holds.exclude(status="captured", taken=True)
        .exclude(~Q(status="captured"), taken=False)
        .order_by("pk")[:1]
    ):
        yield Finding(
            "capture",
            str(row.from_account_id),
            str(row.pk),
            "captured" if row.taken else "no longer captured",
            row.status,
        )


def currencies() -> Iterator[Finding]:
    """Per currency, the money in all accounts is deposits less withdrawals."""
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


def orphans() -> Iterator[Finding]:
    """Every side names an account of the books in the transaction's currency."""
    for side in ("from_account", "to_account"):
        account = Account.objects.filter(pk=OuterRef(side), currency=OuterRef("currency"))
        rows = Transaction.objects.filter(~Exists(account), **{f"{side}__isnull": False})
        for row in rows.order_by("pk")[:1]:
            yield Finding(
                "orphan",
                str(getattr(row, f"{side}_id")),
                str(row.pk),
                f"an account in {row.currency}",
                "none",
            )


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    chains,
    balances,
    holds,
    captures,
    currencies,
    orphans,
)
