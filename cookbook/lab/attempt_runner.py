"""Runs attempts to break the rules of the bank's data with raw SQL, and finds out which rule
refused each attempt.

Note [Attempts stay out of the log]: Postgres logs each error that reaches a client, with the SQL
statement and the failing row. In this way, 240 attempts wrote 223 KiB of log. Postgres does not log
an error that PL/pgSQL catches. Therefore a PL/pgSQL block catches the error and stores its fields
in a setting of the transaction.

Note [Attempts leave no trace]: attempts run in the practice bank with the role of the cookbook.
This role may write everything in the practice bank, so only a rule of the database can refuse the
attempt. Each attempt is rolled back to a savepoint, and the whole transaction is rolled back at the
end. Attempts on the real tables run with the role of the page and have WHERE false.
"""

import json
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from django.db import DatabaseError, connection
from django.db import transaction as db_transaction

from cookbook.lab.attempts.attempt import NOT_NULL, Attempt
from cookbook.practice.readiness import NO_RIGHT, SCHEMA, require
from cookbook.practice.role import as_cookbook_role
from cookbook.runner.sessions import Session
from ledger.db import extensions
from ledger.db.retry import sqlstate

# Lock timeout, statement timeout, deadlock: the rule was not tested.
BUSY = ("55P03", "57014", "40P01")
# This is less than Postgres's deadlock_timeout, so that TRUNCATE gives up and parallel readers can
# continue.
LOCK_TIMEOUT = "500ms"
TRIES = 4
# If the context of Postgres's error contains this name, another session has the lock of the seals:
# see seal_triggers.
SEALS_LOCK = "pg_advisory_xact_lock"
SEALING = "Somebody else is testing the seals. Try again in a moment."
NOT_REFUSED = "LAB00"  # our SQLSTATE for an attempt that no rule refused
RESULT_SETTING = "ledger.lab_outcome"
SECONDS = 8.0  # time limit for all attempts together; later attempts are not run


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt. If a rule refused the attempt, Postgres's SQLSTATE, rule and
    message are set. Otherwise these fields are "". `rows` is the number of rows that the attempt
    would have changed.
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
        """Whether a lock or a time limit stopped the attempt before the rule could be tested."""
        return self.state in BUSY

    @property
    def met_sealing(self) -> bool:
        """Whether the attempt failed because another session has the lock of the seals."""
        return self.message == SEALING

    @property
    def as_expected(self) -> bool:
        """Whether the expected rule refused the attempt."""
        expected = (self.attempt.refused_with, self.attempt.refused_by)
        return (self.state, self.rule) == expected or self.state == NO_RIGHT == expected[0]

    @property
    def is_not_null(self) -> bool:
        """Whether a NOT NULL refused the attempt. `rule` is then the name of the column."""
        return self.state == NOT_NULL

    @property
    def broke(self) -> bool:
        """Whether no rule refused the attempt."""
        return not self.state


@dataclass(frozen=True, slots=True)
class AttemptResults:
    """The results of many attempts, and their total time in seconds."""

    outcomes: list[Outcome]
    seconds: float

    @property
    def refused(self) -> int:
        return sum(outcome.as_expected for outcome in self.outcomes)

    @property
    def surprises(self) -> list[Outcome]:
        """The results of attempts that the expected rule did not refuse. Another rule refused the
        attempt, no rule refused it, or the attempt could not be run.
        """
        return [outcome for outcome in self.outcomes if not outcome.as_expected]

    @property
    def met_sealing(self) -> int:
        """The number of attempts that failed because another session has the lock of the seals."""
        return sum(outcome.met_sealing for outcome in self.outcomes)

    @property
    def broke(self) -> bool:
        return any(outcome.broke for outcome in self.outcomes)

    @property
    def stands(self) -> bool:
        return not self.surprises


def run_attempts(attempts: Iterable[Attempt]) -> AttemptResults:
    """Runs each attempt in the practice bank, and returns the results.

    Raises: NoPracticeBank if there is no practice bank.
    """
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
            outcomes.append(skipped or _in_separate_transaction(attempt))
    return AttemptResults(outcomes, time.perf_counter() - started)


def run_attempts_on_real_books(attempts: Iterable[Attempt]) -> AttemptResults:
    """Runs attempts on the real tables with the role of this connection. Each attempt must have
    WHERE false.
    """
    started = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(db_transaction.atomic())
        stack.callback(db_transaction.set_rollback, True)
        outcomes = [_outcome(attempt) for attempt in attempts]
    return AttemptResults(outcomes, time.perf_counter() - started)


def _unless_sealing(before: list[Outcome], attempt: Attempt) -> Outcome | None:
    """Returns None if the attempt should be run. Returns the result "not tried" if the attempt
    needs the lock of the seals, and an earlier attempt did not get this lock.
    """
    if attempt.needs_the_seals and any(outcome.met_sealing for outcome in before):
        return Outcome(attempt, BUSY[0], message=SEALING)
    return None


def _until_free(attempt: Attempt, ends: float) -> Outcome:
    """Runs an attempt, and runs it again while other sessions block it, up to TRIES times and until
    the time `ends`. Returns the last result.
    """
    outcome = Outcome(attempt, BUSY[0], message="The time for all attempts is over.")
    for _again in range(TRIES):
        if not outcome.was_busy or outcome.met_sealing or time.perf_counter() > ends:
            break
        outcome = _outcome(attempt)
    return outcome


def _outcome(attempt: Attempt) -> Outcome:
    """Runs an attempt inside a savepoint, rolls back to the savepoint, and returns the result."""
    started = time.perf_counter()
    try:
        with db_transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            cursor.execute(_caught(*attempt.given, attempt.sql))
            cursor.execute(f"SELECT current_setting('{RESULT_SETTING}')")
            state, column, constraint, message, context, rows = json.loads(cursor.fetchone()[0])
            db_transaction.set_rollback(True)
    except DatabaseError as error:  # a statement timeout, which PL/pgSQL does not catch
        if not sqlstate(error):  # the connection is lost, so the rule was not tested
            raise
        diag = error.__cause__.diag  # type: ignore[union-attr]
        state, message = diag.sqlstate, diag.message_primary or str(error)
        column, constraint, context, rows = "", "", "", 0
    return Outcome(
        attempt,
        state=state,
        rule=column if state == NOT_NULL else constraint,
        message=SEALING if state in BUSY and SEALS_LOCK in context else message,
        rows=rows,
        seconds=time.perf_counter() - started,
    )


def _caught(*statements: str) -> str:
    """Returns a DO block that runs the SQL statements, undoes their changes, and stores the error
    if one occurred.
    """
    return f"""
        DO $lab$
        DECLARE
            state text := '';
            column_ text := '';
            constraint_ text := '';
            message text := '';
            context text := '';
            changed bigint := 0;
        BEGIN
            BEGIN
                {" ".join(f"EXECUTE $attempt${sql}$attempt$;" for sql in statements)}
                GET DIAGNOSTICS changed = ROW_COUNT;
                SET CONSTRAINTS ALL IMMEDIATE;  -- as COMMIT would
                RAISE SQLSTATE '{NOT_REFUSED}';
            EXCEPTION
                WHEN SQLSTATE '{NOT_REFUSED}' THEN
                    NULL;
                WHEN OTHERS THEN
                    GET STACKED DIAGNOSTICS
                        state = RETURNED_SQLSTATE,
                        column_ = COLUMN_NAME,
                        constraint_ = CONSTRAINT_NAME,
                        message = MESSAGE_TEXT,
                        context = PG_EXCEPTION_CONTEXT;
                    changed := 0;
            END;
            PERFORM set_config(
                '{RESULT_SETTING}',
                jsonb_build_array(state, column_, constraint_, message, context, changed)::text,
                true
            );
        END
        $lab$
    """


def _in_separate_transaction(attempt: Attempt) -> Outcome:
    """Runs an attempt on another connection. This is for attempts with an isolation level, which
    must be set before the first query of a transaction.
    """
    with ExitStack() as stack:
        session = Session("thief", [SCHEMA, extensions.SCHEMA], [])
        stack.callback(session.close)
        session.begin(attempt.isolation)
        stack.callback(session.rollback)
        return session.run(partial(_outcome, attempt))
