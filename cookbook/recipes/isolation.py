"""Recipes about isolation levels, lost updates and retries."""

from typing import Literal

from django.db import OperationalError, connection
from django.db import transaction as db_transaction
from django.db.models import F, Sum

from cookbook.models import Jar, JarNote
from cookbook.recipes.transactions import GROUP
from cookbook.runner.sessions import Session
from ledger.db.retry import run_with_retry


def coins_in_jars() -> dict[str, int]:
    return dict(Jar.objects.order_by("pk").values_list("name", "coins"))


@GROUP.recipe(
    "F() expressions: avoid the lost update",
    asks="How does a change get lost when two people change the same row?",
    shows=("F", "lost update", "race condition", "update without loading", "READ COMMITTED"),
    notice="Ben's save writes back the 100 that he read before Ana took 30: her change is lost, "
    "without an error. With F() the database adds to the current value.",
    pitfall="READ COMMITTED, the default, allows lost updates, even if Ana and Ben each work in a "
    "transaction.",
    commits=True,
)
def lost_update(ana: Session, ben: Session) -> dict[str, int]:
    """Takes 30 coins for Ana and adds 50 for Ben, who both read 100. Should be 120."""
    ana.run(lambda: Jar.objects.create(name="naive", coins=100))
    ana.run(lambda: Jar.objects.create(name="safe", coins=100))

    hers = ana.run(lambda: Jar.objects.get(name="naive"))
    his = ben.run(lambda: Jar.objects.get(name="naive"))
    hers.coins -= 30
    his.coins += 50
    ana.run(hers.save)
    ben.run(his.save)

    ana.run(lambda: Jar.objects.filter(name="safe").update(coins=F("coins") - 30))
    ben.run(lambda: Jar.objects.filter(name="safe").update(coins=F("coins") + 50))
    return ana.run(coins_in_jars)


@db_transaction.atomic
def add_locked(name: str, coins: int) -> int:
    jar = Jar.objects.select_for_update().get(name=name)
    jar.coins += coins
    jar.save()
    return jar.coins


@GROUP.recipe(
    "select_for_update(): lock a row",
    asks="How do I lock a row while I decide what to write?",
    shows=("select_for_update", "FOR UPDATE", "lock a row", "pessimistic lock", "lost update"),
    notice="Ben's SELECT ends with FOR UPDATE and waits for Ana. When she commits, it returns "
    "the row as she left it, 70 coins and not 100: he decides on values read after the lock.",
    pitfall="Do not decide on a row that was read before the lock: an instance from an earlier "
    "get() still has 100. Outside atomic, select_for_update raises TransactionManagementError.",
    commits=True,
)
def select_for_update(ana: Session, ben: Session) -> dict[str, int]:
    """Takes 30 of 100 coins for Ana while Ben waits to add 50. The result should be 120."""
    ana.run(lambda: Jar.objects.create(name="rent", coins=100))

    ana.begin()
    jar = ana.run(lambda: Jar.objects.select_for_update().get(name="rent"))
    waiting = ben.start(lambda: add_locked("rent", 50))
    jar.coins -= 30
    ana.run(jar.save)
    ana.commit()

    waiting.result()
    return ana.run(coins_in_jars)


def save_unless_changed(note: JarNote, text: str) -> bool:
    as_read = JarNote.objects.filter(pk=note.pk, version=note.version)
    return as_read.update(text=text, version=F("version") + 1) == 1


@GROUP.recipe(
    "Optimistic locking: a version column",
    asks="How do I notice that somebody else has saved the row since I read it?",
    shows=("optimistic locking", "version column", "optimistic lock", "lost update", "update"),
    notice="Each UPDATE names the version it was made from: WHERE id = … AND version = 1. Ana's "
    "matches one row and makes it version 2; Ben's matches none, so he knows that somebody "
    "else has saved.",
    pitfall="save() does not check the version, and code that ignores the number of rows notices "
    "nothing. The version only detects the conflict: Ben has to read again and decide.",
    commits=True,
)
def optimistic_lock(ana: Session, ben: Session) -> dict[str, object]:
    """Saves two different texts for one note, which Ana and Ben have both read before."""
    jar = ana.run(lambda: Jar.objects.create(name="rent", coins=100))
    ana.run(lambda: JarNote.objects.create(jar=jar, text="due on the first"))

    hers = ana.run(JarNote.objects.get)
    his = ben.run(JarNote.objects.get)
    return {
        "Ana saved": ana.run(lambda: save_unless_changed(hers, "due on the third")),
        "Ben saved": ben.run(lambda: save_unless_changed(his, "paid")),
        "the note": ana.run(lambda: JarNote.objects.get().text),
    }


def add_at_repeatable_read(name: str, coins: int) -> int:
    with db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        jar = Jar.objects.get(name=name)
        jar.coins += coins
        jar.save()
        return jar.coins


@GROUP.recipe(
    "Transaction retry: after error 40001",
    asks="How do I retry a transaction after the error “could not serialize access”?",
    shows=("retry", "transaction retry", "40001", "serialization failure", "REPEATABLE READ"),
    notice="At REPEATABLE READ Ben's UPDATE may not overwrite a row that changed after his "
    "snapshot: Postgres refuses it with 40001. run_with_retry runs the whole block again, with a "
    "new snapshot, in which he reads 70.",
    pitfall="Do not retry only the statement: the transaction has failed and its snapshot is old. "
    "The whole block must run again, reads included, so it must not have other effects, such as "
    "mail.",
    commits=True,
)
def retry(ana: Session, ben: Session) -> dict[str, int]:
    """Takes 30 coins for Ana while Ben, who has read 100, adds 50. Should be 120."""
    ana.run(lambda: Jar.objects.create(name="rent", coins=100))

    ana.begin()
    ana.run(lambda: Jar.objects.filter(name="rent").update(coins=F("coins") - 30))
    waiting = ben.start(lambda: run_with_retry(lambda: add_at_repeatable_read("rent", 50)))
    ana.commit()

    waiting.result()
    return ana.run(coins_in_jars)


@GROUP.recipe(
    "REPEATABLE READ: one snapshot for a report",
    asks="What is the difference between READ COMMITTED and REPEATABLE READ?",
    shows=(
        "isolation level",
        "READ COMMITTED",
        "REPEATABLE READ",
        "SERIALIZABLE",
        "snapshot",
        "non-repeatable read",
        "phantom read",
        "dirty read",
        "MVCC",
    ),
    notice="At READ COMMITTED each statement sees what is committed when it begins: Ana's second "
    "query counts 40 coins again that her first query counted in the other jar. At REPEATABLE READ "
    "the first query fixes one snapshot for all queries, and the total stays 100. Postgres keeps "
    "the older versions of a row for it (MVCC), so a reader never waits for a writer. At no level "
    "is there a dirty read, and from REPEATABLE READ on no phantom read.",
    pitfall="atomic does not make a single snapshot. A report of several queries needs REPEATABLE "
    "READ, or must be one statement.",
    commits=True,
)
def torn_report(
    ana: Session,
    ben: Session,
    isolation: Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] = "READ COMMITTED",
) -> dict[str, int]:
    """Counts the coins in two jars for Ana while Ben moves 40 coins between the jars."""
    ana.run(lambda: Jar.objects.create(name="rent", coins=100))
    ana.run(lambda: Jar.objects.create(name="food", coins=0))

    ana.begin(isolation)
    rent = ana.run(lambda: Jar.objects.get(name="rent").coins)
    ben.begin()
    ben.run(lambda: Jar.objects.filter(name="rent").update(coins=F("coins") - 40))
    ben.run(lambda: Jar.objects.filter(name="food").update(coins=F("coins") + 40))
    ben.commit()
    food = ana.run(lambda: Jar.objects.get(name="food").coins)
    ana.commit()
    return {"rent": rent, "food": food, "total": rent + food}


def take_if_enough(name: str, coins: int) -> None:
    total = Jar.objects.aggregate(total=Sum("coins"))["total"]
    if total >= coins:
        Jar.objects.filter(name=name).update(coins=F("coins") - coins)


@GROUP.recipe(
    "SERIALIZABLE: write skew",
    asks="When do I need SERIALIZABLE?",
    shows=("SERIALIZABLE", "REPEATABLE READ", "write skew", "40001", "retry", "isolation level"),
    notice="Ana and Ben each read both jars, 200 coins, and take 150 from one of them. They change "
    "different rows, so REPEATABLE READ sees no conflict, and the total falls below zero. "
    "SERIALIZABLE notices that each read what the other changed, and refuses Ben's COMMIT with "
    "40001; in the retry he reads 50 and takes nothing.",
    pitfall="SERIALIZABLE protects only if every transaction that reads or writes these rows uses "
    "it and is retried. A lock on one row that all of them take first does the same at a lower "
    "cost.",
    commits=True,
)
def write_skew(
    ana: Session,
    ben: Session,
    isolation: Literal["REPEATABLE READ", "SERIALIZABLE"] = "SERIALIZABLE",
) -> dict[str, int]:
    """Tries to take 150 from each of two jars with 100. The total must not be negative."""
    ana.run(lambda: Jar.objects.create(name="rent", coins=100))
    ana.run(lambda: Jar.objects.create(name="food", coins=100))

    ana.begin(isolation)
    ben.begin(isolation)
    ana.run(lambda: take_if_enough("rent", 150))
    ben.run(lambda: take_if_enough("food", 150))
    ana.commit()
    try:
        ben.commit()
    except OperationalError:
        ben.begin(isolation)
        ben.run(lambda: take_if_enough("food", 150))
        ben.commit()
    return ana.run(coins_in_jars)
