"""Recipes about commits, rollbacks, savepoints and timeouts."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

from django.db import DatabaseError, IntegrityError, OperationalError, connection
from django.db import transaction as db_transaction
from django.db.models import F

from accounts.models import Account
from cookbook.models import Jar
from cookbook.recipe import RecipeGroup
from cookbook.runner.parameters import Between
from cookbook.runner.sessions import Session

GROUP = RecipeGroup(
    "transactions", "Transactions and locks", "Commit and rollback, isolation levels and locks."
)


def move_coins(source: str, target: str, coins: int) -> None:
    Jar.objects.filter(name=source).update(coins=F("coins") - coins)
    jar = Jar.objects.get(name=target)
    jar.coins += coins
    jar.save()


@GROUP.recipe(
    "atomic(): all writes or none",
    asks="How do I make several writes succeed or fail together?",
    shows=("atomic", "transaction.atomic", "autocommit", "BEGIN", "COMMIT", "ROLLBACK"),
    notice="Without atomic each statement commits by itself: when the second finds no jar, the 30 "
    "coins are already gone. With atomic there is one BEGIN, and the exception that leaves the "
    "block causes a ROLLBACK.",
    pitfall="The exception has to leave the block. If you catch it inside, Django commits the "
    "writes made so far.",
    commits=True,
)
def all_or_nothing(ana: Session) -> dict[str, int]:
    """Moves 30 coins into a jar that does not exist, without a transaction and with one."""
    ana.run(lambda: Jar.objects.create(name="without", coins=100))
    ana.run(lambda: Jar.objects.create(name="with atomic", coins=100))

    with suppress(Jar.DoesNotExist):
        ana.run(lambda: move_coins("without", "nowhere", 30))

    with suppress(Jar.DoesNotExist):
        ana.run(lambda: db_transaction.atomic(move_coins)("with atomic", "nowhere", 30))

    return ana.run(lambda: dict(Jar.objects.order_by("pk").values_list("name", "coins")))


@GROUP.recipe(
    "atomic(durable=True): committed on return",
    asks="How do I make sure that a function really commits before it returns?",
    shows=("durable", "nested atomic", "outermost transaction"),
    notice="Called directly, pay_in ends with COMMIT. Inside another atomic block, it would be "
    "only a savepoint, which the outer block could still roll back. So durable=True raises "
    "RuntimeError before the UPDATE is sent.",
    pitfall="Do not send a receipt by mail after a plain atomic function returns: if the caller "
    "has a transaction open, nothing is committed yet, and a later error rolls it back. The block "
    "that Django's TestCase opens does not count, so durable code can be tested in it.",
    commits=True,
)
def durable(ana: Session) -> dict[str, Any]:
    """Pays in 50 coins twice: in one transaction, and inside another transaction."""

    @db_transaction.atomic(durable=True)
    def pay_in(coins: int) -> None:
        Jar.objects.filter(name="rent").update(coins=F("coins") + coins)

    def inside_another() -> None:
        with db_transaction.atomic():
            pay_in(50)

    ana.run(lambda: Jar.objects.create(name="rent", coins=100))
    ana.run(lambda: pay_in(50))
    refusal = ""
    try:
        ana.run(inside_another)
    except RuntimeError as error:
        refusal = str(error)
    return {"inside another atomic": refusal, "coins": ana.run(lambda: Jar.objects.get().coins)}


@GROUP.recipe(
    "Savepoints: skip the row that is refused",
    asks="How do I catch an IntegrityError and go on in the same transaction?",
    shows=("savepoint", "nested atomic", "failed CHECK", "IntegrityError", "23514"),
    notice="Each inner atomic is a SAVEPOINT. The CHECK limits_positive refuses -5 with SQLSTATE "
    "23514; ROLLBACK TO SAVEPOINT undoes that one statement, and the loop and the outer "
    "transaction continue.",
    pitfall="A savepoint for every row of a long loop is two more statements for each row, and "
    "after 64 savepoints with writes every other session has to look them up in pg_subtrans. Use "
    "one only where an except needs it.",
    writes=True,
)
def savepoint() -> list[dict[str, Any]]:
    """Sets new limits for three accounts. One of the limits is invalid."""
    accounts = list(Account.objects.filter(status="active").order_by("number")[:3])
    refused = {}
    with db_transaction.atomic():
        for account, limit in zip(accounts, (500, -5, 200), strict=True):
            try:
                with db_transaction.atomic():
                    Account.objects.filter(pk=account.pk).update(transfer_limit=limit)
            except IntegrityError as error:
                refused[account.pk] = str(error).partition("\n")[0]
    found = Account.objects.filter(pk__in=[account.pk for account in accounts]).order_by("number")
    return [
        {"account": row.number, "limit": row.transfer_limit, "refused": refused.get(row.pk, "")}
        for row in found
    ]


@GROUP.recipe(
    "TransactionManagementError: transaction is aborted",
    asks="Why does Postgres report that commands are ignored until end of transaction block?",
    shows=(
        "failed transaction",
        "TransactionManagementError",
        "25P02",
        "atomic",
        "savepoint",
    ),
    notice="In the first transaction, after the 23505, Postgres refuses even a SELECT, with 25P02. "
    "In the second, the failed write by the ORM marks the atomic block, so Django raises its own "
    "error and sends no SELECT. In the third, ROLLBACK TO SAVEPOINT undoes the failed write, and "
    "the count works.",
    pitfall="Do not catch the error inside the atomic block. Either put a second atomic inside the "
    "try, so that its savepoint is rolled back, or put the try around the outer block.",
    commits=True,
)
def error_caught_inside_atomic(ana: Session) -> dict[str, str]:
    """Adds a second jar named rent, catches the error and counts the jars, in three ways."""

    def count_after(write: Callable[[], object]) -> str:
        try:
            with db_transaction.atomic():
                with suppress(IntegrityError):
                    write()
                return f"{Jar.objects.count()} jars"
        except DatabaseError as error:
            return f"{type(error).__name__}: {error}"

    def insert() -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO jars (name, coins) VALUES ('rent', 0)")

    create = partial(Jar.objects.create, name="rent")
    ana.run(create)
    return {
        "raw SQL": ana.run(lambda: count_after(insert)),
        "create": ana.run(lambda: count_after(create)),
        "create in a savepoint": ana.run(lambda: count_after(db_transaction.atomic(create))),
    }


@GROUP.recipe(
    "on_commit(): send mail after the commit",
    asks="How do I send mail only if the transaction really commits?",
    shows=("on_commit", "transaction.on_commit", "after commit", "robust"),
    notice="The function passed to on_commit runs after COMMIT has returned. After a ROLLBACK it "
    "is dropped, without a message.",
    pitfall="The function runs outside the transaction: if it fails, the payment stays and the "
    "functions registered after it are skipped, unless it was registered with robust=True. In a "
    "TestCase it never runs by itself: use captureOnCommitCallbacks(execute=True).",
    commits=True,
)
def on_commit_sends_the_mail(ana: Session) -> dict[str, Any]:
    """Registers a mail in each of two payments. The second payment fails."""
    sent: list[str] = []

    @db_transaction.atomic
    def pay_in(coins: int) -> None:
        Jar.objects.filter(name="rent").update(coins=F("coins") + coins)
        db_transaction.on_commit(lambda: sent.append(f"{coins} coins came in"))
        if coins > 100:
            raise ValueError("More than the jar holds.")

    ana.run(lambda: Jar.objects.create(name="rent", coins=0))
    ana.run(lambda: pay_in(30))
    with suppress(ValueError):
        ana.run(lambda: pay_in(500))
    return {"mails": sent, "coins": ana.run(lambda: Jar.objects.get().coins)}


def level() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        return str(cursor.fetchone()[0])


@GROUP.recipe(
    "SET TRANSACTION: the isolation level",
    asks="How do I set the isolation level in Django for one transaction?",
    shows=("isolation level", "SET TRANSACTION", "REPEATABLE READ", "READ ONLY", "25001"),
    notice="SET TRANSACTION comes first in the block and applies until its end: afterwards the "
    "session is at read committed again. Sent after a query it is refused with SQLSTATE 25001.",
    pitfall="isolation_level in the OPTIONS of DATABASES changes the level for every transaction "
    "of the project, and then every write needs a retry for 40001.",
    commits=True,
)
def isolation_level(ana: Session) -> dict[str, str]:
    """Returns a report's isolation level, the level after it, and the error of a late SET."""

    @db_transaction.atomic
    def report(*, too_late: bool = False) -> str:
        if too_late:
            Jar.objects.count()
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return level()

    return {
        "inside": ana.run(report),
        "after it": ana.run(level),
        "too late": ana.start(lambda: report(too_late=True)).refusal(),
    }


@GROUP.recipe(
    "statement_timeout: stop a slow query",
    asks="How does a page stop a query that runs too long?",
    shows=("statement_timeout", "timeout", "pg_sleep", "57014", "query_canceled"),
    notice="Choose 4 seconds: Postgres stops the statement after 3, with SQLSTATE 57014, and the "
    "page shows the error. The timeout was set for this transaction only.",
    pitfall="statement_timeout counts each statement separately: a page of a thousand short "
    "queries never reaches it. Count the queries, or limit the total; this cookbook stops after "
    "6 seconds in all.",
)
def too_slow(seconds: Annotated[int, Between(0, 10)] = 1) -> dict[str, str]:
    """Runs a statement that waits for some seconds. The cookbook's timeout applies to it."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        (timeout,) = cursor.fetchone()
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
    return {"asked for": f"{seconds}s", "allowed": timeout}


@GROUP.recipe(
    "SET LOCAL: a time limit for one query",
    asks="How do I give one query a time limit and go on without its answer?",
    shows=("statement_timeout", "SET LOCAL", "OperationalError", "57014", "savepoint"),
    notice="SET LOCAL inside the inner atomic belongs to its savepoint: ROLLBACK TO SAVEPOINT "
    "undoes the limit together with the failed query, and the outer transaction continues.",
    pitfall="SET without LOCAL remains after the COMMIT: it stays on the connection and applies "
    "to the next request.",
)
def statement_timeout(milliseconds: Annotated[int, Between(1, 500)] = 50) -> dict[str, str]:
    """Runs a slow query with a time limit, and returns the timeout that applies afterwards."""
    refusal = ""
    with connection.cursor() as cursor:
        try:
            with db_transaction.atomic():
                cursor.execute("SET LOCAL statement_timeout = %s", [f"{milliseconds}ms"])
                cursor.execute("SELECT pg_sleep(1)")
        except OperationalError as error:
            refusal = str(error)
        cursor.execute("SHOW statement_timeout")
        return {"the slow query": refusal, "allowed afterwards": cursor.fetchone()[0]}
