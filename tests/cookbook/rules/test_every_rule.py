"""Each rule of the database refuses an attempt to break it.

`make test` chooses its tests by lines of Python, but a rule of the database is SQL: these few tests
try them all, whichever other tests run. The attempts are those of the lab, and others on tables
that the lab leaves out. All run in the practice bank, whose rules are those of the real books.
"""

from collections.abc import Iterable

import pytest

from cookbook.lab import attempt_runner
from cookbook.lab.attempt_runner import run_attempts
from cookbook.lab.attempts import ATTEMPTS
from cookbook.lab.attempts.attempt import Attempt, ValidRow
from tests.cookbook.rules.catalogue import (
    OTHER_ROWS,
    OTHERS,
    every_rule,
    other_rules,
    taken_back,
    without_walls,
)

pytestmark = pytest.mark.usefixtures("practice_bank", "db")


def surprises(attempts: Iterable[Attempt]) -> str:
    """Returns the attempts that their rules did not refuse, and what happened."""
    return "\n".join(
        f"{each.attempt.table}: {each.attempt.title}: expected {each.attempt.refused_by},"
        f" got {each.rule or 'no refusal'} {each.state} {each.message}"
        for each in run_attempts(attempts).surprises
    )


def test_every_rule_outside_the_books_has_an_attempt() -> None:
    """cookbook/test_lab.py proves the same of the books."""
    tried = {(attempt.table, attempt.rule) for attempt in OTHERS}
    assert {(rule.table, rule.name) for rule in other_rules()} - tried == set()
    assert tried - every_rule().keys() == set()


def test_each_rule_refuses_its_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_runner, "SECONDS", 600)  # on a busy machine
    assert surprises([*ATTEMPTS, *OTHERS]) == ""


def test_a_rule_behind_another_refuses_without_that() -> None:
    rules = every_rule()
    found = ""
    for attempt in ATTEMPTS:
        if attempt.behind:
            assert attempt.why
            with taken_back():
                found += surprises([without_walls(attempt, rules)])
    assert found == ""


@pytest.mark.parametrize("row", OTHER_ROWS, ids=lambda row: row.called)
def test_the_row_that_attempts_change_is_accepted(row: ValidRow) -> None:
    (outcome,) = run_attempts([Attempt(row.table, "none", "", row.insert)]).outcomes
    assert (outcome.message, outcome.rows) == ("", 1)
