"""The lab's pages: every rule of the books, table by table, and a button that tries to break it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from cookbook.lab.attempt_runner import Outcome, Tried, tried, tried_at_the_first_wall
from cookbook.lab.attempts import AT_THE_FIRST_WALL, ATTEMPTS, Attempt
from cookbook.lab.attempts.attempt import NOT_NULL
from cookbook.lab.rules import Rule, rules_of_the_books, tables_of_the_books
from cookbook.practice.bank import NoPracticeBank
from cookbook.runner.limiter import turn
from cookbook.runner.sessions import AllBusy

ALL = "all"
MOST_OF_A_DEFINITION = 600  # characters; a list of 155 currencies teaches no more than its start


@dataclass(frozen=True, slots=True)
class Wall:
    """A rule on its table's page: the attempt on it, and what came of that where it was tried."""

    attempt: Attempt
    rule: Rule | None = None
    outcome: Outcome | None = None

    @property
    def definition(self) -> str:
        """As Postgres says it, cut where it is very long."""
        whole = self.rule.definition if self.rule else ""
        if len(whole) <= MOST_OF_A_DEFINITION:
            return whole
        return f"{whole[:MOST_OF_A_DEFINITION]} … ({len(whole):,} characters)"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Columns that were left out one after the other, with the same answer each time: `stopped`
    is one of these outcomes."""

    columns: list[str]
    stopped: Outcome


@dataclass(frozen=True, slots=True)
class OfATable:
    """What came of all attempts on one table; columns with one answer as one."""

    table: str
    outcomes: list[Outcome]
    left_out: list[LeftOut]


def lab(request: HttpRequest) -> HttpResponse:
    """The tables with the number of their rules, the first wall, and all attempts at once."""
    chosen = request.GET.get("try", "")
    trouble, everything = "", None
    try:
        if chosen == ALL:
            with turn():
                everything = tried(ATTEMPTS)
    except (NoPracticeBank, AllBusy) as error:
        trouble = str(error)
    return render(
        request,
        "cookbook/lab.html",
        {
            "tables": [(table, len(list(group))) for table, group in _by_table(ATTEMPTS)],
            "count": len(ATTEMPTS),
            "first": _at_the_first_wall(chosen),
            "tried": everything,
            "parts": _parts(everything),
            "trouble": trouble,
            "unknown": _unknown(chosen, AT_THE_FIRST_WALL, ALL),
        },
    )


def lab_table(request: HttpRequest, table: str) -> HttpResponse:
    """The rules of one table, and what came of the attempt that the address names."""
    if table not in tables_of_the_books():
        raise Http404
    attempts = [attempt for attempt in ATTEMPTS if attempt.table == table]
    chosen = [attempt for attempt in attempts if attempt.slug == request.GET.get("try")]
    trouble, outcomes, rules = "", {}, {}
    try:
        outcomes = {outcome.attempt: outcome for outcome in tried(chosen).outcomes}
        rules = {rule.name: rule for rule in rules_of_the_books() if rule.table == table}
    except NoPracticeBank as error:
        trouble = str(error)
    walls = [Wall(item, rules.get(item.rule), outcomes.get(item)) for item in attempts]
    return render(
        request,
        "cookbook/lab_table.html",
        {
            "table": table,
            "walls": [wall for wall in walls if wall.attempt.state != NOT_NULL],
            "columns": [wall for wall in walls if wall.attempt.state == NOT_NULL],
            "broke": any(outcome.broke for outcome in outcomes.values()),
            "trouble": trouble,
            "unknown": _unknown(request.GET.get("try", ""), attempts),
        },
    )


def _unknown(chosen: str, attempts: Sequence[Attempt], *others: str) -> str:
    """What the address asks for, where there is no such thing on its page."""
    return "" if chosen in ("", *others, *(item.slug for item in attempts)) else chosen


def _at_the_first_wall(chosen: str) -> list[Wall]:
    attempts = [item for item in AT_THE_FIRST_WALL if chosen in (ALL, item.slug)]
    found = {item.attempt: item for item in tried_at_the_first_wall(attempts).outcomes}
    return [Wall(attempt, None, found.get(attempt)) for attempt in AT_THE_FIRST_WALL]


def _by_table(attempts: Sequence[Attempt]) -> list[tuple[str, list[Attempt]]]:
    """In the order in which they are written down, which is by table."""
    return [(table, list(group)) for table, group in groupby(attempts, key=lambda item: item.table)]


def _parts(everything: Tried | None) -> list[OfATable]:
    if everything is None:
        return []
    found = {outcome.attempt: outcome for outcome in everything.outcomes}
    parts = []
    for table, attempts in _by_table(ATTEMPTS):
        outcomes = [found[attempt] for attempt in attempts]
        parts.append(
            OfATable(
                table,
                [item for item in outcomes if item.attempt.state != NOT_NULL],
                _left_out([item for item in outcomes if item.attempt.state == NOT_NULL]),
            )
        )
    return parts


def _left_out(outcomes: Sequence[Outcome]) -> list[LeftOut]:
    """By answer; a NOT NULL is the same answer whatever column it names."""
    found: dict[tuple[str, str], LeftOut] = {}
    for outcome in outcomes:
        named = outcome.is_not_null and outcome.as_said
        answer = (outcome.state, "" if named else outcome.rule)
        found.setdefault(answer, LeftOut([], outcome)).columns.append(outcome.attempt.rule)
    return list(found.values())
