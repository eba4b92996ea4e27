"""The features that each compared program has or lacks, which explain the ratios."""

from collections.abc import Iterable

from tests.bench.figures import Figure

RIVALS = {
    "ours": (
        "`transactions.services` as the pages call it: ordered locks; checks status, limits and"
        " funds; keeps balances; idempotent; on the real tables with every trigger"
    ),
    "textbook": (
        "two `select_for_update().get()`, two `save()`, one `create()`: locks sender, then"
        " recipient, so that it can deadlock; checks funds and keeps balances; no idempotency, no"
        " limits; on copies of the tables without triggers"
    ),
    "hordak": (
        "django-hordak's `Account.transfer_to` in one transaction: a row and two legs, and a"
        " trigger that they balance; no lock, no check of funds, no balance kept, no idempotency;"
        " on tables and indexes of its own"
    ),
    "pgledger": (
        "`pgledger_create_transfer` by psycopg, prepared: locks in order, moves balances, writes"
        " two entries; no limits on these accounts; on its own tables in a database of its own"
    ),
    "pgbench": (
        "lock in order, two updates, one insert, prepared and sent by a C program: keeps balances,"
        " checks nothing itself; on copies of the tables without triggers"
    ),
    "COPY": (
        "the rows that `post_batch` has just booked, ready as text: locks no account, moves no"
        " balance, checks only constraints; into a copy of the table without triggers"
    ),
    "COPY with all triggers": "the same rows into the real table of a twin database",
    "spread": "the same transfers into one account for each process",
}


def notes(figures: Iterable[Figure]) -> list[str]:
    """Returns one line for each rival in the results."""
    named = {"ours", *(figure.against for figure in figures)}
    return [f"{name}: {words}." for name, words in RIVALS.items() if name in named]
