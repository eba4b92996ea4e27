"""Runs answers and stores them. Progress is read from the explorer's history of queries, which
records each query that a person runs.
"""

from datetime import datetime

from django.db.models import Min
from django.db.models.fields.json import KT

from accounts.models import User
from cookbook.exercises.checking import CheckedAnswer, check
from cookbook.exercises.exercise import Exercise
from cookbook.practice.readiness import require
from explorer import services
from explorer.models import QueryRun
from explorer.running.run import Problem, QueryResult
from ledger.db.queries.work import error_line

Outcome = QueryRun.RunOutcome


def solved_by(person: User) -> dict[str, datetime]:
    """Returns the slugs of the exercises that this person has solved, with the time of the first
    right answer. One query.
    """
    right = QueryRun.objects.filter(person=person, outcome=Outcome.SOLVED)
    solved = right.values_list(KT("parameters__exercise")).annotate(Min("ran_at"))
    return dict(solved.order_by())


def answer(*, person: User, exercise: Exercise, sql: str) -> CheckedAnswer:
    """Checks an answer, records it in the history, and returns the checked answer.

    Raises: NoPracticeBank; NotSetUp; ExplorerBusy; OperationalError if no server responds.
    """
    require()
    try:
        checked = check(exercise, sql)
    except Exception as error:
        failed = CheckedAnswer(sql, QueryResult(problem=Problem(error_line(error))))
        _record(person, exercise, failed, Outcome.FAILED)
        raise
    _record(person, exercise, checked, Outcome.SOLVED if checked.is_right else None)
    return checked


def _record(
    person: User, exercise: Exercise, checked: CheckedAnswer, outcome: Outcome | None
) -> None:
    services.record_run(
        person=person,
        sql=checked.sql,
        parameters={"exercise": exercise.slug},
        scope="practice",
        form="page",
        outcome=outcome or checked.result.outcome,
        message=checked.result.why_not,
        rows=len(checked.result.rows),
        milliseconds=checked.result.milliseconds,
    )
