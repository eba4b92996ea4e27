"""Runs a recipe and returns its result, its SQL queries and their plans."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.db import DatabaseError, connection
from django.db import transaction as db_transaction

from cookbook.practice.readiness import NoPracticeBank, require
from cookbook.practice.role import SECONDS, as_cookbook_role
from cookbook.recipe import Recipe
from cookbook.runner import stored
from cookbook.runner.copy_log import copies_recorded
from cookbook.runner.own_database import NoOwnDatabase, commands_recorded, run_in_own_database
from cookbook.runner.parameters import session_names
from cookbook.runner.rendering import RenderedTable, tables_of
from cookbook.runner.sessions import (
    AllBusy,
    SessionStep,
    sessions,
)
from cookbook.runner.steps import Trace, TraceSection, traced
from cookbook.runner.time_limit import TimeLimit, TooLong
from ledger.db.queries.work import QueryLog, RecordedQuery, error_line, plan_of, watched
from ledger.db.replicas import ReadPurpose, read, read_again
from ledger.db.retry import TIMED_OUT, sqlstate

# None means that any table may be read. This is safe, because the role of the cookbook has rights
# only in the practice bank.
COOKBOOK = ReadPurpose("cookbook", None)
MAX_PLANS, MAX_PER_SHAPE = 8, 3
SLOW = 0.5  # in seconds; a slower statement is not run again to measure its plan
ESTIMATED = "(estimated only: the statement took too long to be run a second time)\n"


@dataclass(slots=True)
class RecipeRun:
    """The result of running a recipe. `value` is the return value, for tests and the shell.

    `error` is the error of the database, or "". `stopped` is the reason why the run was stopped, or
    "". If the recipe could not run here, the object contains the stored result of an earlier run,
    and `stored` is a text that explains this. Otherwise `stored` is "".
    """

    recipe: Recipe
    values: Mapping[str, Any]
    value: Any = None
    tables: list[RenderedTable] = field(default_factory=list)
    trace: Trace = field(default_factory=lambda: Trace(QueryLog()))
    steps: list[SessionStep] = field(default_factory=list)
    error: str = ""
    stopped: str = ""
    stored: str = ""

    @property
    def work(self) -> QueryLog:
        return self.trace.work

    @property
    def sections(self) -> list[TraceSection]:
        return self.trace.sections

    @property
    def compared(self) -> list[tuple[str, RecordedQuery]]:
        """Pairs of a step's title and the slowest query of the step, so that the page can compare
        their plans. The list is empty if the recipe does not teach plans, or if it has fewer than
        two steps with plans.
        """
        slowest = {
            section.title: max(planned, key=lambda query: query.seconds)
            for section in self.sections
            if section.title and (planned := [each for each in section.queries if each.plan])
        }
        return list(slowest.items()) if self.recipe.teaches_plan and len(slowest) > 1 else []

    @property
    def compared_plans(self) -> list[str]:
        """The plans of the queries in `compared`, which the page does not show a second time."""
        return [query.plan for _title, query in self.compared]

    @property
    def queries(self) -> int:
        """The number of SQL statements of all sessions together."""
        return len(self.work.queries) + sum(len(step.queries) for step in self.steps)

    @property
    def milliseconds(self) -> float:
        return self.work.milliseconds + sum(
            query.milliseconds for step in self.steps for query in step.queries
        )


def run(recipe: Recipe, values: Mapping[str, Any]) -> RecipeRun:
    """Runs a recipe in the practice bank, rolls back, and returns the result.

    Raises: NoPracticeBank if the practice bank is missing or outdated; AllBusy if all scratch
    schemas are in use.
    """
    require()
    if recipe.commits:
        return _with_sessions(RecipeRun(recipe, values))
    if recipe.own_database:
        return _in_own_database(RecipeRun(recipe, values))
    if recipe.writes or recipe.on_writer:
        return _rolled_back(RecipeRun(recipe, values))
    return read(COOKBOOK, lambda: _read_only(recipe, values))


def _read_only(recipe: Recipe, values: Mapping[str, Any]) -> RecipeRun:
    """Runs the recipe. If a replica refuses a statement, such as a lock, runs the recipe again on
    the primary database.
    """
    ran = _rolled_back(RecipeRun(recipe, values))
    if ran.error:
        read_again()
    return ran


def _rolled_back(ran: RecipeRun) -> RecipeRun:
    with as_cookbook_role(writes=ran.recipe.writes):
        with (
            _guarded(ran),
            db_transaction.atomic(),
            watched(with_session=True) as work,
            traced(work) as ran.trace,
            copies_recorded(work),
            _time_limited(),
        ):
            ran.value = ran.recipe.function(**ran.values)
            ran.tables = tables_of(ran.value)
        _explain(ran.work)
    return ran


def _with_sessions(ran: RecipeRun) -> RecipeRun:
    with sessions(session_names(ran.recipe)) as (opened, ran.steps), _guarded(ran):
        people = dict(zip(session_names(ran.recipe), opened, strict=True))
        # This also protects the bank from queries that a recipe sends outside its sessions.
        with as_cookbook_role(writes=False):
            ran.value = ran.recipe.function(**people, **ran.values)
            ran.tables = tables_of(ran.value)
    return ran


def _in_own_database(ran: RecipeRun) -> RecipeRun:
    """Runs the recipe in a new database. Where this is not possible, loads the stored result."""
    try:
        run_in_own_database(lambda: _committed(ran), preload=ran.recipe.preload)
    except NoOwnDatabase as error:
        ran.trace, ran.tables = stored.load(ran.recipe)
        ran.stored = f"{error} {stored.EXPLANATION}"
    return ran


def _committed(ran: RecipeRun) -> None:
    with (
        _guarded(ran),
        watched(with_session=True) as work,
        traced(work) as ran.trace,
        commands_recorded(work),
        _time_limited(),
    ):
        ran.value = ran.recipe.function(**ran.values)
        ran.tables = tables_of(ran.value)
    _explain(ran.work)


@contextmanager
def _guarded(ran: RecipeRun) -> Iterator[None]:
    """Catches database errors, timeouts and errors about missing rows in the `with` block, and
    stores them in `ran`.
    """
    try:
        yield
    except TooLong as error:
        ran.stopped = str(error)
    except (ObjectDoesNotExist, MultipleObjectsReturned) as error:
        ran.stopped = f"Django raised {type(error).__qualname__}: {error}"
    except DatabaseError as error:
        if sqlstate(error) == TIMED_OUT:
            ran.stopped = (
                f"Stopped: one statement took longer than {SECONDS:g} seconds, the limit of the "
                "cookbook. Nothing was changed. Choose smaller values."
            )
        else:
            ran.error = error_line(error)


@contextmanager
def _time_limited() -> Iterator[None]:
    """Refuses SQL statements after the time limit while the `with` block runs."""
    limit = TimeLimit()

    def check(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not sql.startswith(("ROLLBACK", "RELEASE")):
            limit.check()
        return execute(sql, *rest)

    with connection.execute_wrapper(check):
        yield


def _explain(work: QueryLog) -> None:
    """Adds query plans to the first MAX_PLANS statements, with at most MAX_PER_SHAPE statements of
    the same shape.

    Writes and slow statements are not run again, so their plans are only estimates.
    """
    plans = 0
    shapes: Counter[str] = Counter()
    for query in work.queries:
        if query.error or not (query.is_read or query.is_write):
            continue
        shapes[query.statement] += 1
        if shapes[query.statement] > MAX_PER_SHAPE or plans == MAX_PLANS:
            continue
        plans += 1
        if query.is_read and query.seconds <= SLOW:
            query.plan = _plan("ANALYZE, BUFFERS", query)
        elif plan := _plan("COSTS", query):
            query.plan = f"{ESTIMATED if query.is_read else ''}{plan}"


def _plan(options: str, query: RecordedQuery) -> str:
    """Returns the plan of a query, or "" if the plan needs rows or tables that were rolled back."""
    try:
        with db_transaction.atomic():
            return plan_of(query, options)
    except DatabaseError:
        return ""


__all__ = ["AllBusy", "NoPracticeBank", "RecipeRun", "TooLong", "run"]
