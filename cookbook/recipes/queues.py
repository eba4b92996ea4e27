"""Recipes that notify other systems of committed changes."""

from typing import Any

from django.db import connection
from django.db import transaction as db_transaction
from django.db.models import F

from cookbook.models import Jar, Job
from cookbook.recipes.transactions import GROUP
from cookbook.runner.sessions import Session

CHANNEL = "practice_jobs"


def pay_and_notify(coins: int) -> None:
    Jar.objects.filter(name="rent").update(coins=F("coins") - coins)
    Job.objects.create(what=f"notify the landlord of {coins}")


def take_event() -> str | None:
    event = Job.objects.select_for_update(skip_locked=True).filter(done_by="").first()
    if event is None:
        return None
    Job.objects.filter(pk=event.pk).update(done_by="worker")
    return event.what


def waiting() -> int:
    return Job.objects.filter(done_by="").count()


def listen() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")


def notify() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def wake_ups() -> int:
    """Waits 0.2 seconds, and returns the number of notices that have arrived."""
    connection.ensure_connection()
    return len(list(connection.connection.notifies(timeout=0.2)))


@GROUP.recipe(
    "Outbox: the event in the same commit",
    asks="How do I notify another system of a change, exactly when it is committed?",
    shows=("outbox", "transactional outbox", "events", "skip_locked", "at least once", "webhook"),
    notice="The event is a row, inserted in the transaction of the payment: a rollback takes both, "
    "a commit keeps both. The worker locks the event, sends it, marks it, and commits. It "
    "crashed after sending, so ROLLBACK left the event there, and it was taken again.",
    pitfall="Sending in the web request, or in on_commit(), loses the event if the process dies in "
    "between. With an outbox it is sent at least once, sometimes twice: give it an id by which the "
    "receiver knows it.",
    commits=True,
)
def outbox(ana: Session, worker: Session) -> dict[str, Any]:
    """Pays twice, first without success. A worker sends the event, crashes, and sends it again."""
    ana.run(lambda: Jar.objects.create(name="rent", coins=100))

    ana.begin()
    ana.run(lambda: pay_and_notify(30))
    before = worker.run(waiting)
    ana.rollback()
    ana.run(lambda: db_transaction.atomic(pay_and_notify)(40))

    worker.begin()
    sent = worker.run(take_event)
    worker.rollback()  # the worker crashed after sending
    again = worker.run(db_transaction.atomic(take_event))
    return {
        "events": {"before the commit": before, "left": worker.run(waiting)},
        "sent": {"first": sent, "after the crash": again},
        "coins": {"rent": ana.run(lambda: Jar.objects.get(name="rent").coins)},
    }


@GROUP.recipe(
    "LISTEN and NOTIFY: a wake-up, not a message",
    asks="How does a worker learn immediately that there is work, without asking every second?",
    shows=("LISTEN", "NOTIFY", "pg_notify", "wake-up", "polling", "worker"),
    notice="The notice comes at COMMIT, once for both jobs, because equal notices of one "
    "transaction are one. The work itself is in the table: the worker looks there before it "
    "listens, and after each notice.",
    pitfall="A notice reaches only listening sessions: a worker that was restarting receives "
    "nothing, so it looks every minute all the same. LISTEN belongs to a session, so it does not "
    "work through pgbouncer's transaction mode, nor on a replica.",
    commits=True,
)
def listen_and_notify(ana: Session, worker: Session) -> dict[str, Any]:
    """Adds a job before the worker listens and two jobs after that, and counts the notices."""
    ana.run(lambda: Job.objects.create(what="send statements"))
    ana.run(notify)  # nobody listens

    worker.run(listen)
    found = worker.run(waiting)
    ana.begin()
    ana.run(lambda: Job.objects.create(what="pay interest"))
    ana.run(notify)
    ana.run(lambda: Job.objects.create(what="close the month"))
    ana.run(notify)
    early = worker.run(wake_ups)
    ana.commit()
    return {
        "notices": {"before the commit": early, "after it": worker.run(wake_ups)},
        "jobs": {"found before listening": found, "in the table": worker.run(waiting)},
    }
