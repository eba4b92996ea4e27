"""Recipes about several databases: replicas, the lag of a replica, and a COMMIT whose answer is
lost.

Each recipe also runs on a single server. Recipes use only the connection of their page, because
another connection would not be in the practice bank.
"""

from functools import partial
from time import sleep
from typing import Annotated, Any

from django.db import OperationalError, connection
from django.db import transaction as db_transaction
from django.db.models import Model, QuerySet
from django.db.utils import ConnectionRouter

from accounts.models import Account
from cookbook.models import Jar
from cookbook.recipe import RecipeGroup
from cookbook.runner.parameters import Between
from cookbook.runner.sessions import Session

GROUP = RecipeGroup(
    "databases",
    "Databases and replicas",
    "Several databases, replicas that are a moment behind, and a COMMIT without an answer. The "
    "recipes also run on a laptop with one server: it then answers for its replica.",
)


def rows(sql: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@GROUP.recipe(
    "using(): the database of one query",
    asks="How do I send one query to another database, such as a replica?",
    shows=("using", "multiple databases", "DATABASES", "_state.db", "save(using=)"),
    notice="using() names an entry of DATABASES. Each object remembers where it was read "
    "(_state.db), and its related managers, such as account.sent, read there too.",
    pitfall="save() goes there as well: an object that was read from a replica is written to the "
    "replica, which refuses it, unless save(using=) or a router sends it elsewhere.",
)
def accounts_of_a_database() -> list[dict[str, str | None]]:
    """Returns accounts, each with the database that it was read from."""
    accounts = Account.objects.using("default").order_by("number")[:3]
    return [
        {"number": account.number, "name": account.name, "read from": account._state.db}
        for account in accounts
    ]


class ReadsElsewhere:
    """A router that sends reads to `replica` and writes to `writer`."""

    def __init__(self, writer: str, replica: str) -> None:
        self.writer, self.replica = writer, replica

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return self.replica

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return self.writer

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool:
        return True  # both have the same rows

    def allow_migrate(self, database: str, app_label: str, **hints: Any) -> bool:
        return database == self.writer


@GROUP.recipe(
    "Database router: reads here, writes there",
    asks="How does Django decide which database a query goes to?",
    shows=("router", "DATABASE_ROUTERS", "db_for_read", "db_for_write", "allow_relation"),
    notice="Django asks the routers of DATABASE_ROUTERS for each query without using(). The first "
    "answer counts; None asks the next one. allow_relation lets objects of both databases refer to "
    "each other, and allow_migrate keeps migrate away from the replica.",
    pitfall="A router knows neither the request nor the transaction: a balance that is read to "
    "check a payment would come from the replica too, and may be old. So that of Ledger "
    "(DATABASE_READ_ROUTER) leaves its own models on the writer, and a page names the function "
    "that may read from a replica (ledger/db/replicas).",
)
def router() -> list[dict[str, Any]]:
    """Returns the answers of a router to Django: for a read, a write and a migration."""
    routers = ConnectionRouter([ReadsElsewhere("default", replica="replica1")])
    account = Account.objects.order_by("number").first()
    return [
        {"asked for": "Account.objects.all()", "answer": routers.db_for_read(Account)},
        {"asked for": "save()", "answer": routers.db_for_write(Account, instance=account)},
        {"asked for": "migrate replica1", "answer": routers.allow_migrate("replica1", "accounts")},
    ]


def only_read() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")


@GROUP.recipe(
    "Read-only transaction: 25006 for a write",
    asks="How do I make sure that a report cannot write anything?",
    shows=("read-only transaction", "SET TRANSACTION READ ONLY", "25006", "replica"),
    notice="Postgres refuses the INSERT with SQLSTATE 25006, as a standby does. For every "
    "transaction of a connection, set default_transaction_read_only=on in its OPTIONS.",
    pitfall="It does not limit rights: SQL that ends the transaction, or another connection, can "
    "write again. Code that must never write needs a role without the right to write.",
    commits=True,
)
def read_only(ana: Session) -> dict[str, Any]:
    """Reads a jar in a read-only transaction, and then tries to insert another jar."""
    ana.run(lambda: Jar.objects.create(name="rent", coins=100))

    ana.begin()
    ana.run(only_read)
    coins = ana.run(lambda: Jar.objects.get(name="rent").coins)
    refusal = ana.start(lambda: Jar.objects.create(name="more", coins=1)).refusal()
    ana.rollback()
    return {"coins": coins, "refused": refusal, "jars": ana.run(Jar.objects.count)}


@GROUP.recipe(
    "Replica lag: how far behind it is",
    asks="How do I find out how far a replica is behind its primary?",
    shows=("replica lag", "pg_last_wal_replay_lsn", "pg_last_xact_replay_timestamp", "standby"),
    notice="A standby has replayed the WAL up to pg_last_wal_replay_lsn(). The distance to the "
    "primary's pg_current_wal_lsn() is its lag in bytes, and the age of the last commit that it "
    "replayed is its lag in seconds. On a primary these are empty.",
    pitfall="While nobody writes, that age grows, although nothing is missing. Compare the "
    "positions, or count the age only while pg_last_wal_receive_lsn() is ahead.",
)
def replica_lag() -> list[dict[str, Any]]:
    """Returns the WAL positions and the lag of this server if it is a standby."""
    return rows(
        """
        SELECT pg_is_in_recovery() AS is_standby,
            CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() END AS received,
            CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END AS replayed,
            CASE WHEN pg_is_in_recovery()
                THEN clock_timestamp() - pg_last_xact_replay_timestamp() END AS age
        """
    )


@GROUP.recipe(
    "pg_stat_replication: who follows",
    asks="Which standbys does my primary have, and what have they confirmed?",
    shows=("pg_stat_replication", "sync_state", "replay_lag", "replica lag", "failover"),
    notice="A row for each standby: the lag in bytes, by positions, and in time, as the standby "
    "confirms. sync_state sync means that a COMMIT waits for it. Without a standby there is no "
    "row.",
    pitfall="The role of this page sees NULL but for the number of rows: pg_read_all_stats, and "
    "pg_monitor with it, would show it the addresses of clients and the statements of all sessions "
    "too. manage.py create_roles gives that right only to the owner: query as manage.py dbshell.",
    on_writer=True,
)
def standbys() -> list[dict[str, Any]]:
    """Returns the standbys of this server, each with its lag."""
    return rows(
        """
        SELECT application_name, state, sync_state, replay_lag,
            pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS bytes_behind
        FROM pg_stat_replication ORDER BY application_name
        """
    )


def written_up_to() -> int:
    (row,) = rows("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint AS position")
    return int(row["position"])


def replayed_up_to() -> int:
    (row,) = rows(
        """
        SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_insert_lsn() END - '0/0'::pg_lsn)::bigint AS position
        """
    )
    return int(row["position"])


def is_standby() -> bool:
    (row,) = rows("SELECT pg_is_in_recovery() AS answer")
    return bool(row["answer"])


@GROUP.recipe(
    "Read your own writes: the WAL position",
    asks="How do I read from a replica and still see what I have just written?",
    shows=(
        "read your own writes",
        "pg_current_wal_insert_lsn",
        "LSN",
        "read after write",
        "stale read",
    ),
    notice="After the COMMIT, pg_current_wal_insert_lsn() is past everything that was written. "
    "Keep it with the session. A replica whose pg_last_wal_replay_lsn() has come as far shows all "
    "of it; until then a read there may be stale, so read from the writer.",
    pitfall="Ask after the COMMIT, not before: the commit record is WAL too. And ask the "
    "server that answers the query: behind one name there may be several.",
    commits=True,
)
def read_your_own_writes(ana: Session) -> dict[str, Any]:
    """Fills a jar, and returns the server from which Ana may read the new value."""
    ana.run(lambda: Jar.objects.create(name="rent", coins=100))
    position = ana.run(written_up_to)

    is_replica = ana.run(is_standby)
    asked = "the replica" if is_replica else "the writer, in place of a replica"
    has_replayed = ana.run(replayed_up_to) >= position
    return {"asked": asked, "read from": asked if has_replayed else "the writer"}


NO_ANSWER = "the connection broke before the answer to COMMIT came"


class AnswerLost(OperationalError):
    """Raised if the connection broke before the answer to COMMIT arrived."""


def pay_in(name: str, coins: int, *, breaks: str = "") -> None:
    with db_transaction.atomic():
        Jar.objects.get_or_create(name=name, defaults={"coins": coins})
        if breaks == "before COMMIT":
            raise AnswerLost(NO_ANSWER)
    if breaks == "after COMMIT":
        raise AnswerLost(NO_ANSWER)


def jars_named(name: str) -> QuerySet[Jar]:
    return Jar.objects.filter(name=name)


@GROUP.recipe(
    "Lost COMMIT: found out by its id",
    asks="What do I do when the connection is lost during COMMIT?",
    shows=("lost COMMIT", "failover", "unknown outcome", "idempotency key", "retry"),
    notice="The error is the same whether the server has committed or not. The name of the jar was "
    "made before it was sent, so the second run finds the jar, or makes it: it is there once in "
    "both cases.",
    pitfall="Without an id from the caller the second run would pay twice, and no second run might "
    "pay never. A retry that only looks at the error cannot know. Ledger does this for every "
    "payment: ledger/db/retry.py.",
    commits=True,
)
def lost_commit(ana: Session) -> list[dict[str, Any]]:
    """Fills two jars. The connection breaks once before and once after the COMMIT."""
    found = []
    for name, breaks in (("first", "before COMMIT"), ("second", "after COMMIT")):
        fill = ana.start(partial(pay_in, name, 100, breaks=breaks))
        fill.refusal()
        known = ana.run(jars_named(name).count)
        ana.run(partial(pay_in, name, 100))
        jars = ana.run(jars_named(name).count)
        found.append({"answer lost": breaks, "there": bool(known), "after the retry": jars})
    return found


@GROUP.recipe(
    "Wait for the database: SELECT 1 again",
    asks="How do I wait until the database answers, before migrate or a test run?",
    shows=("wait_for_db", "wait for the database", "OperationalError", "connection refused"),
    notice="A server that is still starting refuses the connection: OperationalError, before any "
    "SQL. The loop connects again; one SELECT 1 that succeeds is enough. manage.py wait_for_db of "
    "this project does the same with a time limit, and prints what it waits for.",
    pitfall="SELECT 1 also succeeds on a standby and before the migrations: check what you need, "
    "as wait_for_db --migrated does. A wrong password is an OperationalError too, and no waiting "
    "mends it.",
)
def until_it_answers(tries: Annotated[int, Between(1, 3)] = 3) -> str:
    """Tries to connect to the database once per second until the database answers."""
    for number in range(1, tries + 1):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except OperationalError:
            sleep(1)
        else:
            return f"It answered try {number}."
    return "It did not answer."
