"""The pages of the lab: the rules of each table of the bank's data, and an attempt to break each
rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from cookbook.lab.attempt_runner import (
    AttemptResults,
    Outcome,
    run_attempts,
    run_attempts_on_real_books,
)
from cookbook.lab.attempts import ATTEMPTS, WITHOUT_THE_RIGHT, Attempt
from cookbook.lab.attempts.attempt import NOT_NULL
from cookbook.lab.rules import Rule, rules_of_the_books, tables_of_the_books
from cookbook.practice.readiness import NoPracticeBank, require
from cookbook.runner.limiter import count_run, count_try, limited
from cookbook.runner.page import page
from cookbook.runner.sessions import AllBusy

ALL = "all"
# Maximum number of characters of a definition on the page. For example, a list of 155 currencies is
# cut.
MAX_DEFINITION = 600


@dataclass(frozen=True, slots=True)
class TestedRule:
    """A rule, an attempt to break the rule, and the result of the attempt if the attempt was
    run.
    """

    attempt: Attempt
    rule: Rule | None = None
    outcome: Outcome | None = None

    @property
    def definition(self) -> str:
        """Postgres's definition of the rule. A very long definition is cut."""
        whole = self.rule.definition if self.rule else ""
        if len(whole) <= MAX_DEFINITION:
            return whole
        return f"{whole[:MAX_DEFINITION]} … ({len(whole):,} characters)"


@dataclass(frozen=True, slots=True)
class LeftOutColumns:
    """NOT NULL columns of a table for which the attempt to insert NULL had the same result.
    `stopped` is the result for the first of these columns.
    """

    columns: list[str]
    stopped: Outcome


@dataclass(frozen=True, slots=True)
class TableResults:
    """The results of all attempts on one table. NOT NULL columns with the same result are
    grouped.
    """

    table: str
    outcomes: list[Outcome]
    left_out: list[LeftOutColumns]


@require_safe
def lab(request: HttpRequest) -> HttpResponse:
    """Shows all tables with their number of rules. With `?try=all`, runs all attempts and shows the
    results.
    """
    chosen = request.GET.get("try", "")
    everything: AttemptResults | None = None
    trouble: NoPracticeBank | AllBusy | None = None
    try:
        if chosen == ALL:
            count_run(request.user.pk)
            with limited():
                everything = run_attempts(ATTEMPTS)
        elif any(item.slug == chosen for item in WITHOUT_THE_RIGHT):
            count_try(request.user.pk)
        else:
            require()
    except AllBusy as error:
        trouble, chosen = error, ""
    except NoPracticeBank as error:
        trouble = error
    return page(
        request,
        "cookbook/lab.html",
        {
            "tables": [(table, len(list(group))) for table, group in _by_table(ATTEMPTS)],
            "count": len(ATTEMPTS),
            "first": _without_the_right(chosen),
            "tried": everything,
            "parts": _parts(everything),
            "trouble": trouble,
            "unknown": _unknown(chosen, WITHOUT_THE_RIGHT, ALL),
        },
    )


@require_safe
def lab_table(request: HttpRequest, table: str) -> HttpResponse:
    """Shows the rules of one table. If the URL names an attempt, runs the attempt and shows its
    result.
    """
    if table not in tables_of_the_books():
        raise Http404
    attempts = [attempt for attempt in ATTEMPTS if attempt.table == table]
    chosen = [attempt for attempt in attempts if attempt.slug == request.GET.get("try")]
    outcomes: dict[Attempt, Outcome] = {}
    rules: dict[str, Rule] = {}
    trouble: NoPracticeBank | AllBusy | None = None
    try:
        require()  # the rules are read from the practice bank
        rules = {rule.name: rule for rule in rules_of_the_books() if rule.table == table}
        if chosen:
            count_try(request.user.pk)
        outcomes = {outcome.attempt: outcome for outcome in run_attempts(chosen).outcomes}
    except (NoPracticeBank, AllBusy) as error:
        trouble = error
    tested_rules = [TestedRule(item, rules.get(item.rule), outcomes.get(item)) for item in attempts]
    return page(
        request,
        "cookbook/lab_table.html",
        {
            "table": table,
            "tested": [each for each in tested_rules if each.attempt.state != NOT_NULL],
            "columns": [each for each in tested_rules if each.attempt.state == NOT_NULL],
            "broke": any(outcome.broke for outcome in outcomes.values()),
            "trouble": trouble,
            "unknown": _unknown(request.GET.get("try", ""), attempts),
        },
    )


def _unknown(chosen: str, attempts: Sequence[Attempt], *others: str) -> str:
    """Returns the name of the attempt in the URL if the page does not have this attempt, and ""
    otherwise.
    """
    return "" if chosen in ("", *others, *(item.slug for item in attempts)) else chosen


def _without_the_right(chosen: str) -> list[TestedRule]:
    attempts = [item for item in WITHOUT_THE_RIGHT if chosen in (ALL, item.slug)]
    found = {item.attempt: item for item in run_attempts_on_real_books(attempts).outcomes}
    return [TestedRule(attempt, None, found.get(attempt)) for attempt in WITHOUT_THE_RIGHT]


def _by_table(attempts: Sequence[Attempt]) -> list[tuple[str, list[Attempt]]]:
    """Returns a (table, attempts) pair for each table, in the order of the attempts."""
    return [(table, list(group)) for table, group in groupby(attempts, key=lambda item: item.table)]


def _parts(everything: AttemptResults | None) -> list[TableResults]:
    if everything is None:
        return []
    found = {outcome.attempt: outcome for outcome in everything.outcomes}
    parts = []
    for table, attempts in _by_table(ATTEMPTS):
        outcomes = [found[attempt] for attempt in attempts]
        parts.append(
            TableResults(
                table,
                [item for item in outcomes if item.attempt.state != NOT_NULL],
                _left_out([item for item in outcomes if item.attempt.state == NOT_NULL]),
            )
        )
    return parts


def _left_out(outcomes: Sequence[Outcome]) -> list[LeftOutColumns]:
    """Returns NOT NULL columns, grouped by the result of the attempt to insert NULL. All columns
    for which NOT NULL refused the row, as expected, are in one group.
    """
    found: dict[tuple[str, str], LeftOutColumns] = {}
    for outcome in outcomes:
        named = outcome.is_not_null and outcome.as_expected
        key = (outcome.state, "" if named else outcome.rule)
        found.setdefault(key, LeftOutColumns([], outcome)).columns.append(outcome.attempt.rule)
    return list(found.values())
