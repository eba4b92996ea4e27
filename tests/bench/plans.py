"""The plans of a measured value: EXPLAIN (ANALYZE, BUFFERS) of each statement."""

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

LONGEST_LINE = 240  # in a plan; longer lines contain arrays of ids, which have no meaning
MARKS = re.compile(r"%s(, %s){3,}")  # long lists of placeholders have no meaning
EXPLAINED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "(")


@dataclass(slots=True)
class Plan:
    """A statement, its plan at the first execution, and the number of its executions."""

    sql: str
    lines: list[str]
    times: int = 1

    @property
    def text(self) -> list[str]:
        """Returns the statement, then its plan as a comment."""
        often = [f"-- sent {self.times} times; the first:"] if self.times > 1 else []
        return [f"{self.sql};", *often, *(f"-- {line}" for line in self.lines)]


@dataclass(slots=True)
class _Explainer:
    """A wrapper that explains each statement before its execution, and rolls back the effects of
    EXPLAIN ANALYZE.
    """

    plans: dict[str, Plan] = field(default_factory=dict)

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        if sql in self.plans:
            self.plans[sql].times += 1
        elif not many and sql.lstrip().upper().startswith(EXPLAINED):
            self.plans[sql] = Plan(_readable(sql), _explain(sql, params))
        return execute(sql, params, many, context)


def plans_of(work: Callable[[], object]) -> list[Plan]:
    """Returns the plans of all statements that `work` sends. Runs `work` once before, so that
    caches are warm. COPY has no plan.
    """
    work()
    explainer = _Explainer()
    with connection.execute_wrapper(explainer):
        work()
    return list(explainer.plans.values())


def _explain(sql: str, params: Any) -> list[str]:
    """Returns the plan of a statement, in a savepoint of the open transaction or in a new
    transaction.
    """
    begin, undo = ("SAVEPOINT explained", "ROLLBACK TO explained; RELEASE explained")
    if not connection.in_atomic_block:
        begin, undo = "BEGIN", "ROLLBACK"
    raw = connection.connection
    with raw.cursor() as cursor:
        cursor.execute(begin)
        try:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", params)
            lines = [str(line) for (line,) in cursor.fetchall()]
        finally:
            cursor.execute(undo)
    return [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} ..." for line in lines]


def _readable(sql: str) -> str:
    """Returns the statement in lines of 100 characters, with shortened lists of values."""
    return textwrap.fill(" ".join(MARKS.sub("%s, ...", sql).split()), 100)
