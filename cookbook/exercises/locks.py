"""The part of the learning path about locks.

The session of an answer only reads, so an answer cannot take locks. The exercises ask which rows a
statement would lock, and in which order. The solutions of the ORM contain the lock.
"""

from datetime import date
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from accounts.models import Account, User
from cookbook.exercises.exercise import PathPart
from cookbook.models import Voucher
from transactions.models import Entry, Transaction

PART = PathPart(
    "locks",
    "Locks",
    "Which rows a statement locks, in which order, and who waits. The box only reads: write each "
    "answer without FOR UPDATE. The solution contains the lock.",
    (
        "all-or-nothing", "lost-update", "select-for-update", "deadlock", "locks-in-one-order",
        "nowait", "skip-locked", "no-key", "lock-one-table", "advisory-lock",
    ),
)  # fmt: skip
WITHOUT_LOCK = "The box only reads, so leave FOR UPDATE out of your answer."


@PART.exercise(
    "Lock order",
    asks="A batch repeats all completed transfers with the value date 25 June 2026. It first locks "
    "both accounts of each transfer, each account once, in the order of the ids. Which accounts "
    "does it lock? Return the column number in the order of the locks.",
    uses=(Account, Transaction),
    hints=(
        "A transfer has the type transfer. Its accounts are from_account_id and to_account_id.",
        "With a join, an account with two transfers appears twice. IN or EXISTS returns it once.",
        WITHOUT_LOCK,
    ),
    recipes=("locks-in-one-order", "deadlock"),
    is_ordered=True,
    note="Transactions that lock only accounts, and only in this order, wait for each other but "
    "cannot deadlock. Postgres refuses FOR UPDATE together with DISTINCT.",
)
def accounts_in_lock_order() -> QuerySet[Account, Any]:
    batch = Transaction.objects.filter(
        type="transfer", status="completed", value_date=date(2026, 6, 25)
    )
    sides = Q(pk__in=batch.values("from_account")) | Q(pk__in=batch.values("to_account"))
    accounts = Account.objects.filter(sides).order_by("pk")
    return accounts.select_for_update(no_key=True).values("number")


@PART.exercise(
    "A queue for several workers",
    asks="Three workers begin in parallel. Each takes one voucher that no other worker has locked: "
    "the voucher with the most money left (worth minus spent). Of vouchers with the same money "
    "left, it takes the one that was sold first, and of vouchers of the same day the largest id. "
    "Which three vouchers do they take? Return the columns code and sold_on, the first voucher "
    "first.",
    uses=(Voucher,),
    hints=(
        "With SKIP LOCKED, the second worker skips the row of the first worker and takes the next.",
        "So the three workers together take the first three rows of one order.",
        WITHOUT_LOCK,
    ),
    recipes=("skip-locked", "nowait"),
    is_ordered=True,
    note="Each worker runs this statement with [:1]. The rows of the others are locked, so the "
    "workers never wait for each other.",
)
def vouchers_of_three_workers() -> QuerySet[Voucher, Any]:
    queue = Voucher.objects.order_by((F("worth") - F("spent")).desc(), "sold_on", "-pk")
    return queue.select_for_update(skip_locked=True).values("code", "sold_on")[:3]


@PART.exercise(
    "Pairs that could deadlock",
    asks="A service that locks the payer before the payee can deadlock if two accounts pay each "
    "other. Between which pairs of accounts did transfers go in both directions? Return the "
    "numbers of the two accounts, first the account with the smaller id. Each pair appears once.",
    uses=(Transaction, Account),
    hints=(
        "Take the transfers from the smaller id to the larger id: from_account_id < to_account_id.",
        "Keep a transfer only if there EXISTS a transfer with the two sides exchanged.",
        "Join accounts twice for the two numbers. DISTINCT removes repeated pairs.",
    ),
    recipes=("deadlock", "locks-in-one-order"),
)
def pairs_that_pay_each_other() -> QuerySet[Transaction, Any]:
    back = Transaction.objects.filter(
        from_account=OuterRef("to_account"), to_account=OuterRef("from_account")
    )
    return (
        Transaction.objects.filter(Exists(back), from_account__lt=F("to_account"))
        .values("from_account__number", "to_account__number")
        .distinct()
    )


@PART.exercise(
    "The account with the longest queue",
    asks="Each completed entry locks its account once. Which three accounts were locked most often "
    "on the value date 27 June 2026? Return the number of the account and the number of its "
    "entries, most entries first. Of accounts with the same number of entries, the largest account "
    "number comes first.",
    uses=(Entry, Account),
    hints=(
        "The view entries has one row for each side of a transaction. Its account is account_id.",
        "The view also contains holds, so the status must be completed.",
        "GROUP BY accounts.number ORDER BY count(*) DESC, accounts.number DESC LIMIT 3",
    ),
    recipes=("lost-update", "select-for-update"),
    is_ordered=True,
    note="The default manager of Entry returns only completed rows with an account.",
)
def longest_queues() -> QuerySet[Entry, Any]:
    return (
        Entry.objects.filter(value_date=date(2026, 6, 27))
        .values("account__number")
        .annotate(entries=Count("*"))
        .order_by("-entries", "-account__number")[:3]
    )


@PART.exercise(
    "FOR UPDATE without OF",
    asks="A page reads the completed transfers with the value date 25 June 2026, together with the "
    "account of the payer and its holder, in one inner join. With FOR UPDATE and without OF, "
    "Postgres locks rows of all three tables. How many rows of each table does it lock? Return one "
    "row for each currency with four columns: the currency, and the numbers of transfers, of "
    "accounts, and of people.",
    uses=(Transaction, Account, User),
    hints=(
        "Join transactions with accounts by from_account_id, and with users by user_id.",
        "An account with two transfers is locked only once: count(DISTINCT accounts.id).",
        "GROUP BY transactions.currency",
    ),
    recipes=("lock-one-table", "no-key"),
    note='With select_for_update(of=("self",)), Postgres locks only the transfers. from_account '
    "can be NULL, so select_related() makes a LEFT JOIN, and Postgres refuses to lock its nullable "
    "side: here Django's query needs OF.",
)
def rows_locked_without_of() -> QuerySet[Transaction, Any]:
    return (
        Transaction.objects.filter(
            type="transfer", status="completed", value_date=date(2026, 6, 25)
        )
        .values("currency")
        .annotate(
            transfers=Count("pk"),
            accounts=Count("from_account", distinct=True),
            people=Count("from_account__user", distinct=True),
        )
    )
