"""The invariant lab: an attempt on every rule of the books. rules/ runs them all."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from cookbook.lab import attempt_runner
from cookbook.lab.attempt_runner import Outcome, run_attempts, run_attempts_on_real_books
from cookbook.lab.attempts import ATTEMPTS, ROWS, WITHOUT_THE_RIGHT
from cookbook.lab.attempts.attempt import CHECK, FOREIGN_KEY, NOT_NULL, UNIQUE, Attempt, ValidRow
from cookbook.lab.rules import rules_of_the_books, triggers_that_never_refuse
from cookbook.runner.sessions import Session
from tests.conftest import set_role
from tests.cookbook.shared import HARMLESS, sealing

pytestmark = pytest.mark.usefixtures("practice_bank", "db")

STATES = {
    "CHECK": CHECK,
    "TRIGGER": CHECK,
    "NOT NULL": NOT_NULL,
    "UNIQUE": UNIQUE,
    "PRIMARY KEY": UNIQUE,
    "FOREIGN KEY": FOREIGN_KEY,
}


def slug_of(attempt: Attempt) -> str:
    return attempt.slug


def test_every_rule_of_the_books_has_one_attempt_and_no_attempt_is_without_its_rule() -> None:
    rules = Counter((rule.table, rule.name) for rule in rules_of_the_books())
    assert Counter((attempt.table, attempt.rule) for attempt in ATTEMPTS) == rules
    assert len(rules) > 200


def test_the_other_triggers_move_or_record_or_tell_something_or_end_sessions() -> None:
    names = {name.rsplit("_", 1)[0] for name in triggers_that_never_refuse()}
    rules = [
        "change_is_recorded",
        "currency_needs_approval_at_first",
        "frozen_is_registered",
        "group_membership_ends_sessions",
        "held_follows_rows",
        "note_is_of_now",
        "person_permission_ends_sessions",
        "row_is_registered",
        "row_is_revised",
        "status_follows_changes",
        "told_opening",
        "told_releases",
        "told_people",
        "told_refusal",
        "told_day",
        "told_rows",
        "told_status",
        "user_rights_end_sessions",
    ]
    assert names == {f"pgtrigger_{rule}" for rule in rules}


def test_each_attempt_names_the_sqlstate_of_its_kind_of_rule() -> None:
    kinds = {(rule.table, rule.name): rule.kind for rule in rules_of_the_books()}
    assert [a.slug for a in ATTEMPTS if a.state != STATES[kinds[a.table, a.rule]]] == []
    assert len({attempt.slug for attempt in ATTEMPTS}) == len(ATTEMPTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.called)
def test_the_row_that_attempts_change_one_thing_in_is_taken_as_it_is(row: ValidRow) -> None:
    (outcome,) = run_attempts(
        [Attempt(row.table, "none", "", row.insert, given=row.given)]
    ).outcomes
    assert (outcome.message, outcome.rows) == ("", 1)


def test_what_nothing_refuses_is_said_and_taken_back(rows: Callable[..., list[Any]]) -> None:
    before = rows("SELECT name FROM accounts ORDER BY id")
    everything = run_attempts([HARMLESS, *ATTEMPTS[:2]])
    assert everything.broke
    assert not everything.stands
    assert everything.refused == 2
    assert [(o.broke, o.rows) for o in everything.surprises] == [(True, len(before) - 1)]
    assert rows("SELECT name FROM accounts ORDER BY id") == before


def test_what_another_rule_refuses_is_a_surprise_and_breaks_nothing() -> None:
    everything = run_attempts([replace(ATTEMPTS[0], rule="another_rule")])
    assert not everything.stands
    assert not everything.broke


def test_a_right_that_is_missing_in_thepractice_bank_is_no_rule_that_held() -> None:
    attempt = replace(ATTEMPTS[0], sql="UPDATE public.accounts SET balance = 0 WHERE false")
    (outcome,) = run_attempts([attempt]).outcomes
    assert outcome.state == "42501"
    assert not outcome.as_expected


def test_the_page_has_no_right_to_the_real_books() -> None:
    set_role("ledger_web")
    try:
        everything = run_attempts_on_real_books(WITHOUT_THE_RIGHT)
    finally:
        set_role(None)
    assert {(o.state, o.as_expected) for o in everything.outcomes} == {("42501", True)}
    assert [o.message for o in everything.outcomes] == [
        f"permission denied for table {attempt.table}" for attempt in WITHOUT_THE_RIGHT
    ]


def test_the_owner_passes_the_first_wall_and_touches_no_row() -> None:
    assert all(attempt.sql.endswith(" WHERE false") for attempt in WITHOUT_THE_RIGHT)
    outcomes = run_attempts_on_real_books(WITHOUT_THE_RIGHT).outcomes
    assert {(o.broke, o.rows) for o in outcomes} == {(True, 0)}


def test_who_meets_a_lock_says_so_and_not_that_the_books_could_be_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempt_runner, "LOCK_TIMEOUT", "20ms")
    (emptied,) = [attempt for attempt in ATTEMPTS if attempt.rule == "notes_stay"]
    session = Session("reader", ["practice"], [])
    try:
        session.begin()
        session.run(read_notes)
        outcome = run_attempts([emptied]).outcomes[0]
        session.rollback()
    finally:
        session.close()
    assert outcome.was_busy
    assert not outcome.broke
    assert run_attempts([emptied]).stands


def test_what_there_is_no_time_for_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_runner, "SECONDS", 0)
    outcomes = run_attempts(ATTEMPTS[:3]).outcomes
    assert [(o.was_busy, o.broke, o.as_expected) for o in outcomes] == [(True, False, False)] * 3


def read_notes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM transaction_notes")


def test_while_sealing_runs_one_attempt_finds_out_for_all_that_need_its_lock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempt_runner, "LOCK_TIMEOUT", "100ms")
    sent: list[str] = []
    send_it = attempt_runner._outcome

    def note(attempt: Attempt) -> Outcome:
        sent.append(attempt.slug)
        return send_it(attempt)

    monkeypatch.setattr(attempt_runner, "_outcome", note)
    with sealing():
        everything = run_attempts(ATTEMPTS)
    needing = [attempt for attempt in ATTEMPTS if attempt.needs_the_seals]
    assert [o.attempt for o in everything.surprises if o.met_sealing] == everything_of(needing)
    assert everything.refused == len(ATTEMPTS) - len(needing)
    assert everything.met_sealing == len(needing) > 20
    assert {o.message for o in everything.surprises} == {attempt_runner.SEALING}
    assert [slug for slug in sent if slug in {item.slug for item in needing}] == [needing[0].slug]
    assert run_attempts(needing).stands


def everything_of(needing: list[Attempt]) -> list[Attempt]:
    """In the order in which they are tried: those with a transaction of their own come last."""
    return sorted(needing, key=lambda attempt: bool(attempt.isolation))


@pytest.mark.parametrize("attempt", [a for a in ATTEMPTS if a.needs_the_seals], ids=slug_of)
def test_each_attempt_that_is_said_to_need_the_lock_of_the_seals_does(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt_runner, "LOCK_TIMEOUT", "1ms")
    with sealing():
        (outcome,) = run_attempts([attempt]).outcomes
    assert outcome.met_sealing


def test_who_stands_in_the_way_is_tried_again_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Outcome(ATTEMPTS[0], "55P03")] * 3 + [Outcome(ATTEMPTS[0], "23514", "x")]
    given = iter(answers)
    monkeypatch.setattr(attempt_runner, "_outcome", lambda _attempt: next(given))
    assert run_attempts(ATTEMPTS[:1]).outcomes == answers[-1:]
