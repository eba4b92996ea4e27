"""The invariant lab: runs raw SQL that tries to break the books, and reports what stopped it.

Note [Attempts leave no trace]: they run in the practice bank as the role of the cookbook, which may
write everything there, so only a rule of the database can refuse them. Each is rolled back to a
savepoint, and the whole transaction at the end. Attempts on the real books run as the role of the
page, with WHERE false.
"""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import DatabaseError, connection
from django.db import transaction as db_transaction

from cookbook.lab.attempts.attempt import NOT_NULL, Attempt
from cookbook.practice.bank import NO_RIGHT, SCHEMA, require
from cookbook.practice.role import as_cookbook_role
from cookbook.runner.sessions import Session
from ledger.db.retry import sqlstate

BUSY = ("55P03", "57014", "40P01")  # no lock in time, too slow, deadlock: says nothing of a rule
# Less than Postgres's deadlock_timeout, so that TRUNCATE yields to parallel readers.
LOCK_TIMEOUT = "500ms"
TRIES = 4
SEALS_LOCK = "pg_advisory_xact_lock"  # as Postgres says where it waited, see seal_triggers
SEALING = "Somebody else is testing the seals; try again in a moment."
SECONDS = 8.0  # for all attempts together; the rest is not tried


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt: the answer of Postgres and the rule behind it, or nothing if it was
    let in. `rows` is how many rows it would have changed.
    """

    attempt: Attempt
    state: str = ""
    rule: str = ""
    message: str = ""
    rows: int = 0
    seconds: float = 0.0

    @property
    def milliseconds(self) -> float:
        return self.seconds * 1000

    @property
    def was_busy(self) -> bool:
        """Whether a lock or the time ran out before the rule was tested."""
        return self.state in BUSY

    @property
    def met_sealing(self) -> bool:
        """Whether somebody else holds the lock of the seals."""
        return self.message == SEALING

    @property
    def as_expected(self) -> bool:
        """Whether exactly the expected rule refused it."""
        expected = (self.attempt.refused_with, self.attempt.refused_by)
        return (self.state, self.rule) == expected or self.state == NO_RIGHT == expected[0]

    @property
    def is_not_null(self) -> bool:
        """Whether a column may not be empty, so that `rule` is its name."""
        return self.state == NOT_NULL

    @property
    def broke(self) -> bool:
        """Whether nothing refused it."""
        return not self.state


@dataclass(frozen=True, slots=True)
class AttemptResults:
    """The results of many attempts, and their duration."""

    outcomes: list[Outcome]
    seconds: float

    @property
    def refused(self) -> int:
        return sum(outcome.as_expected for outcome in self.outcomes)

    @property
    def surprises(self) -> list[Outcome]:
        """Attempts that the wrong rule refused, that no rule refused, or that could not be run."""
        return [outcome for outcome in self.outcomes if not outcome.as_expected]

    @property
    def met_sealing(self) -> int:
        """How many were not tried because somebody else has the lock of the seals."""
        return sum(outcome.met_sealing for outcome in self.outcomes)

    @property
    def broke(self) -> bool:
        return any(outcome.broke for outcome in self.outcomes)

    @property
    def stands(self) -> bool:
        return not self.surprises


def run_attempts(attempts: Iterable[Attempt]) -> AttemptResults:
    """Runs each attempt in the practice bank. Raises NoPracticeBank."""
    require()
    started = time.perf_counter()
    attempts = list(attempts)
    outcomes: list[Outcome] = []
    here = [attempt for attempt in attempts if not attempt.isolation]
    if here:
        with as_cookbook_role(writes=True):
            ends = started + SECONDS
            for attempt in here:
                outcomes.append(_unless_sealing(outcomes, attempt) or _until_free(attempt, ends))
    for attempt in attempts:
        if attempt.isolation:
            skipped = _unless_sealing(outcomes, attempt)
            outcomes.append(skipped or _in_a_transaction_of_its_own(attempt))
    return AttemptResults(outcomes, time.perf_counter() - started)


def run_attempts_on_real_books(attempts: Iterable[Attempt]) -> AttemptResults:
    """Runs attempts on the real books as this connection's role; each has WHERE false."""
    started = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(db_transaction.atomic())
        stack.callback(db_transaction.set_rollback, True)
        outcomes = [_outcome(attempt) for attempt in attempts]
    return AttemptResults(outcomes, time.perf_counter() - started)


def _unless_sealing(before: list[Outcome], attempt: Attempt) -> Outcome | None:
    """The result "not tried", if an earlier attempt found the lock of the seals taken."""
    if attempt.needs_the_seals and any(outcome.met_sealing for outcome in before):
        return Outcome(attempt, BUSY[0], message=SEALING)
    return None


def _until_free(attempt: Attempt, ends: float) -> Outcome:
    """Repeats an attempt while others are in the way and there is time."""
    outcome = Outcome(attempt, BUSY[0], message="The time for all attempts is over.")
    for _again in range(TRIES):
        if not outcome.was_busy or outcome.met_sealing or time.perf_counter() > ends:
            break
        outcome = _outcome(attempt)
    return outcome


def _outcome(attempt: Attempt) -> Outcome:
    """Runs it inside a savepoint and rolls that back."""
    started = time.perf_counter()
    result: dict[str, Any] = {}
    try:
        with db_transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            for sql in attempt.given:
                cursor.execute(sql)
            cursor.execute(attempt.sql)
            result["rows"] = cursor.rowcount
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as COMMIT would
            db_transaction.set_rollback(True)
    except DatabaseError as error:
        if not sqlstate(error):  # the connection is lost, which says nothing of the books
            raise
        result = _error_fields(error)
    return Outcome(attempt, **result, seconds=time.perf_counter() - started)


def _error_fields(error: DatabaseError) -> dict[str, Any]:
    """The state, the rule and the message of a refusal, from psycopg's error."""
    diag = error.__cause__.diag  # type: ignore[union-attr]
    name = diag.column_name if diag.sqlstate == NOT_NULL else diag.constraint_name
    sealing = diag.sqlstate in BUSY and SEALS_LOCK in (diag.context or "")
    return {
        "state": diag.sqlstate or "",
        "rule": name or "",
        "message": SEALING if sealing else diag.message_primary or str(error),
    }


def _in_a_transaction_of_its_own(attempt: Attempt) -> Outcome:
    """Runs it on another connection: the isolation level is set before the first query."""
    with ExitStack() as stack:
        session = Session("thief", [SCHEMA, "public"], [])
        stack.callback(session.close)
        session.begin(attempt.isolation)
        stack.callback(session.rollback)
        return session.run(partial(_outcome, attempt))
