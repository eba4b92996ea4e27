"""Recipes about stored numbers that become wrong in parallel transactions: a lock that comes too
late, and a statement that continues with an old snapshot.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db import transaction as db_transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from cookbook.models import Jar, JarNote
from cookbook.recipes.transactions import GROUP
from cookbook.runner.sessions import Session


def lock_and_count(name: str) -> None:
    """Locks a jar, counts its notes, one for each coin, and stores the number."""
    with db_transaction.atomic():
        jar = Jar.objects.select_for_update().get(name=name)
        jar.coins = jar.notes.count()
        jar.save(update_fields=["coins"])


def check_foreign_keys() -> None:
    connection.check_constraints()


def stored_and_real(jar: Jar) -> dict[str, int]:
    jar.refresh_from_db()
    return {"stored": jar.coins, "notes": jar.notes.count()}


def count_while_ben_adds(ana: Session, ben: Session, name: str, *, early: bool) -> dict[str, Any]:
    jar = ana.run(lambda: Jar.objects.create(name=name))
    ben.begin()
    ben.run(lambda: JarNote.objects.create(jar=jar, text="A coin from Ben"))
    if early:
        ben.run(check_foreign_keys)
    counting = ana.start(lambda: lock_and_count(name))
    ben.commit()
    counting.result()
    return {
        "checked": name,
        "Ana waits for": counting.waits_for or "nobody",
        **ana.run(lambda: stored_and_real(jar)),
    }


@GROUP.recipe(
    "Deferrable foreign key: locked at COMMIT",
    asks="Why did a parent's lock not stop somebody from adding a child?",
    shows=(
        "deferrable foreign key",
        "INITIALLY DEFERRED",
        "check_constraints",
        "FOR KEY SHARE",
        "select_for_update",
        "stored balance",
        "SET CONSTRAINTS",
    ),
    notice="A foreign key locks the parent with FOR KEY SHARE when it is checked. Django makes it "
    "DEFERRABLE INITIALLY DEFERRED, so Ben's INSERT locks nothing before COMMIT. Ana gets her "
    "FOR UPDATE immediately, does not see his note, and stores 0 coins. With "
    "check_constraints() Ben's transaction locks the jar after the INSERT: Ana waits, and counts "
    "his note.",
    pitfall="The stored number stays wrong without an error. Do not count on the lock of a foreign "
    "key: lock the parent with select_for_update(no_key=True) before you add a child, or make the "
    "foreign key not deferrable by RunSQL. If Ana's transaction were still open, Ben's COMMIT "
    "would wait for her, or end in a deadlock.",
    commits=True,
)
def deferred_lock(ana: Session, ben: Session) -> list[dict[str, Any]]:
    """Stores the number of notes for Ana while Ben adds a note that is checked late or early."""
    return [
        count_while_ben_adds(ana, ben, "at COMMIT", early=False),
        count_while_ben_adds(ana, ben, "after the INSERT", early=True),
    ]


def count_in_one_statement(name: str) -> None:
    notes = JarNote.objects.filter(jar=OuterRef("pk")).values("jar").annotate(number=Count("pk"))
    number = Coalesce(Subquery(notes.values("number")), 0)
    Jar.objects.filter(name=name).update(coins=number)


def count_while_ana_adds(
    ana: Session, ben: Session, name: str, count: Callable[[str], None]
) -> dict[str, Any]:
    jar = ana.run(lambda: Jar.objects.create(name=name))
    ana.begin()
    ana.run(lambda: JarNote.objects.create(jar=jar, text="A coin from Ana"))
    ana.run(lambda: Jar.objects.filter(name=name).update(coins=1))
    counting = ben.start(lambda: count(name))
    ana.commit()
    counting.result()
    return {
        "counted": name,
        "Ben waits for": counting.waits_for or "nobody",
        **ben.run(lambda: stored_and_real(jar)),
    }


@GROUP.recipe(
    "EvalPlanQual: old snapshot after a wait",
    asks="Which rows does a statement see after it has waited for a lock?",
    shows=(
        "EvalPlanQual",
        "old snapshot",
        "wait for a lock",
        "READ COMMITTED",
        "Subquery",
        "select_for_update",
        "snapshot",
    ),
    notice="Ben's UPDATE begins before Ana's COMMIT and waits for her lock on the jar. Then "
    "Postgres reads the new version of this one row (EvalPlanQual), but the rest of the statement "
    "keeps its old snapshot: the subquery finds no note, and he writes 0 over Ana's 1. In the "
    "second way, the lock and the count are two statements, and the second has a new snapshot.",
    pitfall="READ COMMITTED gives each statement one snapshot at its start, not at the end of its "
    "wait. So lock in one statement, and read in the next: also values from joins and IN "
    "(SELECT …) are old after a wait. At REPEATABLE READ Ben gets the error 40001 instead of a "
    "wrong number.",
    commits=True,
)
def old_snapshot(ana: Session, ben: Session) -> list[dict[str, Any]]:
    """Stores the number of notes for Ben in two ways, while Ana adds a note and changes the jar."""
    return [
        count_while_ana_adds(ana, ben, "in one statement", count_in_one_statement),
        count_while_ana_adds(ana, ben, "after the lock", lock_and_count),
    ]
