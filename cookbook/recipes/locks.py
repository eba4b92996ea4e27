"""Recipes about row locks, deadlocks and advisory locks."""

from typing import Any

from django.db import OperationalError, connection
from django.db import transaction as db_transaction
from django.db.models import F

from cookbook.models import Jar, JarNote, Job
from cookbook.recipes.transactions import GROUP
from cookbook.runner.sessions import Session
from ledger.db.retry import run_with_retry


def coins_in_jars() -> dict[str, int]:
    return dict(Jar.objects.order_by("pk").values_list("name", "coins"))


def add(name: str, coins: int) -> None:
    Jar.objects.filter(name=name).update(coins=F("coins") + coins)


def move(source: str, target: str, coins: int) -> None:
    with db_transaction.atomic():
        add(source, -coins)
        add(target, coins)


@GROUP.recipe(
    "Deadlock: error 40P01 and its retry",
    asks="What happens when two transactions wait for each other?",
    shows=("deadlock", "retry", "40P01", "deadlock_timeout", "deadlock detected"),
    notice="Ben waits for Ana's row and Ana for Ben's. After one second, its deadlock_timeout, "
    "Postgres ends one of the two with 40P01; the other continues normally, and the victim's "
    "whole transaction succeeds in the retry.",
    pitfall="Do not ignore the error, and do not retry only one statement: everything that the "
    "victim did is rolled back. And a second of waiting is long: the next recipe avoids the "
    "deadlock.",
    commits=True,
)
def deadlock(ana: Session, ben: Session) -> dict[str, Any]:
    """Moves 10 coins from rent to food for Ana while Ben moves 20 coins back in parallel."""
    ana.run(lambda: Jar.objects.create(name="rent", coins=100))
    ana.run(lambda: Jar.objects.create(name="food", coins=100))

    ana.begin()
    ana.run(lambda: add("rent", -10))
    his = ben.start(lambda: run_with_retry(lambda: move("food", "rent", 20)))
    hers = ana.start(lambda: add("food", 10))
    refusal = hers.refusal()
    if refusal:
        ana.rollback()
        ana.run(lambda: run_with_retry(lambda: move("rent", "food", 10)))
    else:
        ana.commit()
    his.result()
    return {"victim": "Ana" if refusal else "Ben", **ana.run(coins_in_jars)}


def move_in_order(source: str, target: str, coins: int) -> None:
    with db_transaction.atomic():
        locked = Jar.objects.filter(name__in=[source, target]).order_by("pk").select_for_update()
        jars = {jar.name: jar for jar in locked}
        jars[source].coins -= coins
        jars[target].coins += coins
        Jar.objects.bulk_update(jars.values(), ["coins"])


@GROUP.recipe(
    "Lock ordering: avoid deadlocks",
    asks="How do I lock several rows without a deadlock?",
    shows=("deadlock", "select_for_update", "order_by", "lock ordering"),
    notice="Each session locks both jars in one query with ORDER BY id. The second session waits "
    "at the first jar and holds no lock that the other needs, so a deadlock (40P01) is impossible.",
    pitfall="Without order_by the rows are locked in the order of the plan, which changes with "
    "the data and the statistics.",
    commits=True,
)
def locks_in_one_order(ana: Session, ben: Session) -> dict[str, int]:
    """Runs the two opposite transfers of the deadlock recipe, but locks rows in one order."""
    ana.run(lambda: Jar.objects.create(name="rent", coins=100))
    ana.run(lambda: Jar.objects.create(name="food", coins=100))

    ana.begin()
    ana.run(lambda: move_in_order("rent", "food", 10))
    waiting = ben.start(lambda: move_in_order("food", "rent", 20))
    ana.commit()

    waiting.result()
    return ana.run(coins_in_jars)


@GROUP.recipe(
    "select_for_update(nowait=True): fail immediately",
    asks="How do I fail immediately when somebody else has locked the row?",
    shows=("nowait", "select_for_update", "lock_timeout", "55P03", "OperationalError"),
    notice="FOR UPDATE NOWAIT fails immediately, with SQLSTATE 55P03; lock_timeout fails with the "
    "same code after 100 ms. The except is around the atomic block.",
    pitfall="nowait applies to this one SELECT. A later UPDATE, and the locks of foreign keys, "
    "still wait: lock_timeout applies to all of them.",
    commits=True,
)
def nowait(ana: Session, ben: Session) -> dict[str, str]:
    """Locks a jar for Ana, and tries to lock it for Ben in two ways that fail quickly."""

    def claim(*, nowait: bool) -> str:
        try:
            with db_transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '100ms'")
                return Jar.objects.select_for_update(nowait=nowait).get(name="rent").name
        except OperationalError as error:
            return str(error).partition("\n")[0]

    ana.run(lambda: Jar.objects.create(name="rent", coins=100))
    ana.begin()
    ana.run(lambda: Jar.objects.select_for_update().get(name="rent"))
    refused = ben.run(lambda: claim(nowait=True))
    late = ben.run(lambda: claim(nowait=False))
    ana.commit()
    return {"nowait": refused, "lock_timeout": late, "later": ben.run(lambda: claim(nowait=True))}


def take_job(worker: str) -> str:
    waiting = Job.objects.filter(done_by="").order_by("pk")
    job = waiting.select_for_update(skip_locked=True).first()
    if job is None:
        return "nothing to do"
    job.done_by = worker
    job.save(update_fields=["done_by"])
    return job.what


@GROUP.recipe(
    "select_for_update(skip_locked=True): a job queue for several workers",
    asks="How do I use a table as a job queue?",
    shows=("skip_locked", "select_for_update", "SKIP LOCKED", "task queue", "worker"),
    notice="FOR UPDATE SKIP LOCKED with LIMIT 1: Ben skips the job that Ana has locked and takes "
    "the next, without waiting. Then Ana's worker crashes: ROLLBACK releases her job, and Ben "
    "finds it again.",
    pitfall="The lock is the claim, so the transaction stays open as long as the job takes. For "
    "long jobs write the claim and its time into the row, commit, and let an overdue claim "
    "expire.",
    commits=True,
)
def skip_locked(ana: Session, ben: Session) -> dict[str, Any]:
    """Runs two workers on three jobs. Ana's worker crashes during its job."""
    jobs = ["send statements", "pay interest", "close the month"]
    ana.run(lambda: Job.objects.bulk_create([Job(what=what) for what in jobs]))

    ana.begin()
    hers = ana.run(lambda: take_job("ana"))
    his = ben.run(lambda: db_transaction.atomic(take_job)("ben"))
    ana.rollback()
    then = ben.run(lambda: db_transaction.atomic(take_job)("ben"))
    return {
        "who took what": {"Ana, who crashed": hers, "Ben": his, "Ben then": then},
        "jobs": ben.run(lambda: list(Job.objects.order_by("pk").values("what", "done_by"))),
    }


@GROUP.recipe(
    "select_for_update(no_key=True): allow foreign keys",
    asks="Why does inserting a child row wait for a lock on its parent?",
    shows=("no_key", "select_for_update", "FOR NO KEY UPDATE", "foreign key", "FOR KEY SHARE"),
    notice="For Ben's new note Postgres checks that its jar exists, with FOR KEY SHARE. That "
    "waits for FOR UPDATE, but not for FOR NO KEY UPDATE, which promises not to change the key.",
    pitfall="A plain select_for_update on a row with many references, such as an account, blocks "
    "every insert that refers to it. UPDATE itself takes only the weaker lock, unless it changes "
    "a key.",
    commits=True,
)
def no_key(ana: Session, ben: Session) -> dict[str, str]:
    """Locks a jar for Ana in two ways, and returns whether Ben waits to add a note to it."""
    jar = ana.run(lambda: Jar.objects.create(name="rent", coins=100))
    waited_for = {}
    for title, weaker in (("FOR UPDATE", False), ("FOR NO KEY UPDATE", True)):
        locked = Jar.objects.select_for_update(no_key=weaker)
        ana.begin()
        ana.run(locked.get)
        note = ben.start(lambda: JarNote.objects.create(jar=jar, text="due on the first"))
        waited_for[title] = note.waits_for or "nobody"
        ana.commit()
        note.result()
    return waited_for


@GROUP.recipe(
    "select_for_update(of=…): one table of a join",
    asks="How do I lock only one model's rows in a select_related query?",
    shows=("of", "select_for_update", "FOR UPDATE OF", "select_related"),
    notice="With of=('self',) the SQL ends with FOR UPDATE OF \"jar_notes\": the jar is read "
    "without a lock, and Ben may change it. Without of=, the rows of every joined table are "
    "locked.",
    pitfall="Where the joined column may be NULL the join is a LEFT JOIN, and Postgres refuses "
    "to lock its nullable side, with SQLSTATE 0A000: of solves that too.",
    commits=True,
)
def lock_one_table(ana: Session, ben: Session) -> dict[str, str]:
    """Locks a note with and without its jar, and returns whether Ben waits to change the jar."""
    jar = ana.run(lambda: Jar.objects.create(name="rent", coins=100))
    ana.run(lambda: JarNote.objects.create(jar=jar, text="due on the first"))
    notes = JarNote.objects.select_related("jar")
    waited_for = {}
    for title, locked in (
        ("all tables", notes.select_for_update()),
        ("of=('self',)", notes.select_for_update(of=("self",))),
    ):
        ana.begin()
        ana.run(locked.get)
        change = ben.start(lambda: add("rent", -10))
        waited_for[title] = change.waits_for or "nobody"
        ana.commit()
        change.result()
    return waited_for


def closes_the_month(jar: Jar) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock('jars'::regclass::oid::integer, %s)", [jar.pk]
        )
        return bool(cursor.fetchone()[0])


@GROUP.recipe(
    "Advisory locks: one job at a time",
    asks="How do I make sure that a job runs only once at a time?",
    shows=("advisory lock", "pg_try_advisory_xact_lock", "pg_advisory_lock", "mutex", "cron"),
    notice="pg_try_advisory_xact_lock locks two numbers whose meaning we choose, here a table and "
    "an id. It locks no row: sessions that only read or write the jar do not notice. It returns "
    "false immediately if another session has the lock. COMMIT releases the lock.",
    pitfall="pg_advisory_lock, without xact, lasts as long as the connection: with a connection "
    "pool, the next request on that connection still holds it. And the numbers are shared by the "
    "whole database: define them in one place.",
    commits=True,
)
def advisory_lock(ana: Session, ben: Session) -> dict[str, bool]:
    """Takes a lock for Ana. Ben tries to take it before and after Ana's commit."""
    jar = ana.run(lambda: Jar.objects.create(name="rent", coins=100))
    ana.begin()
    hers = ana.run(lambda: closes_the_month(jar))
    ben.begin()
    in_parallel = ben.run(lambda: closes_the_month(jar))
    ben.run(lambda: add("rent", 50))
    ana.commit()
    afterwards = ben.run(lambda: closes_the_month(jar))
    ben.commit()
    return {"Ana": hers, "Ben in parallel": in_parallel, "Ben afterwards": afterwards}
