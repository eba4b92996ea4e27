"""Several people, row for row: what stands above happened before."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import transaction as db_transaction
from django.db.models import F
from django.test import Client

from cookbook.models import Jar
from cookbook.recipe import Recipe, RecipeGroup
from cookbook.recipes import BY_SLUG
from cookbook.runner import sessions as of_sessions
from cookbook.runner.run import run
from cookbook.runner.sessions import Session, SessionStep, sessions
from cookbook.runner.timeline import TimelineRow, timeline
from ledger.db.queries.work import RecordedQuery
from tests.cookbook.conftest import Cook
from tests.cookbook.shared import until
from tests.factories import UserFactory
from tests.pages import text_of


def recipe_of(function: Callable[..., Any]) -> Recipe:
    group = RecipeGroup("tests", "Tests", "")
    words = {"asks": "", "shows": (), "notice": "", "pitfall": "", "commits": True}
    group.recipe("A test's own", **words)(function)
    return group.recipes[0]


def told(rows: list[TimelineRow]) -> list[str]:
    """Each row in short: "ben BEGIN"; "ana UPDATE ..." where it begins to wait, "ana ... 6" where
    the wait that began in the sixth row is over."""
    said = []
    for row in rows:
        if row.began:
            said.append(f"{row.session} ... {row.began.number} {row.error[:5]}".strip())
        else:
            word = row.query.sql.split()[0] if row.query else "nothing"
            waits = " ..." if row.begins_to_wait else ""
            said.append(f"{row.session} {word}{waits} {row.error[:5]}".strip())
    return said


def test_who_waited_goes_on_below_what_ended_the_wait(cook: Cook) -> None:
    rows = timeline(cook("retry").steps)
    assert told(rows) == [
        "ana INSERT",
        "ana BEGIN",
        "ana UPDATE",
        "ben BEGIN",
        "ben SET",
        "ben SELECT",
        "ben UPDATE ...",
        "ana COMMIT",
        "ben ... 7 40001",
        "ben ROLLBACK",
        "ben BEGIN",
        "ben SET",
        "ben SELECT",
        "ben UPDATE",
        "ben COMMIT",
        "ana SELECT",
    ]
    assert [row.number for row in rows] == list(range(1, 17))
    assert [(row.milliseconds is None) for row in rows[6:9]] == [True, False, False]


def test_in_a_deadlock_the_circle_is_closed_before_somebody_is_refused(cook: Cook) -> None:
    ran = cook("deadlock")
    said = told(timeline(ran.steps))
    assert said[:7] == ["ana INSERT"] * 2 + [
        "ana BEGIN",
        "ana UPDATE",
        "ben BEGIN",
        "ben UPDATE",
        "ben UPDATE ...",
    ]
    if ran.value["victim"] == "Ben":
        assert said[7:10] == ["ana UPDATE ...", "ben ... 7 40P01", "ana ... 8"]


SPANS = {"refused first": (1.0, 1.1), "news of it last": (1.1, 1.0)}


@pytest.mark.parametrize("ends", SPANS.values(), ids=SPANS)
def test_a_refusal_stands_above_what_it_freed(ends: tuple[float, float]) -> None:
    bens, anas = ends
    steps = [
        SessionStep(
            "ben",
            [
                RecordedQuery("UPDATE rent", 0, error="40P01 deadlock detected"),
                RecordedQuery("ROLLBACK", 0),
            ],
            ["Ana"],
            waited_at=0.2,
            spans=[(0.1, bens), (1.2, 1.3)],
        ),
        SessionStep(
            "ana", [RecordedQuery("UPDATE food", 0)], ["Ben"], waited_at=0.4, spans=[(0.3, anas)]
        ),
        SessionStep("ana", [RecordedQuery("COMMIT", 0)], spans=[(anas + 0.05, 1.3)]),
    ]
    assert told(timeline(steps)) == [
        "ben UPDATE ...",
        "ana UPDATE ...",
        "ben ... 1 40P01",
        "ana ... 2",
        "ana COMMIT",
        "ben ROLLBACK",
    ]


def test_a_step_that_sent_nothing_has_a_row_for_what_came_of_it() -> None:
    steps = [
        SessionStep("ana", outcome="3", began=2.0),
        SessionStep("ben", error="ValueError: no", began=1.0),
    ]
    rows = timeline(steps)
    assert [(row.session, row.outcome, row.error) for row in rows] == [
        ("ben", "", "ValueError: no"),
        ("ana", "3", ""),
    ]
    assert [row.milliseconds for row in rows] == [None, None]


def add(name: str, coins: int) -> None:
    Jar.objects.filter(name=name).update(coins=F("coins") + coins)


def twice() -> None:
    add("rent", 1)
    add("food", 1)


def make_jars(ana: Session) -> None:
    for name in ("rent", "food"):
        ana.run(partial(Jar.objects.create, name=name))


def test_who_waited_lets_the_others_go_first(
    practice_bank: None, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_sessions, "YIELD_SECONDS", 20.0)

    def one_after_the_other(ana: Session, ben: Session) -> None:
        make_jars(ana)
        ana.begin()
        ana.run(lambda: add("rent", 1))
        waiting = ben.start(twice)
        ana.commit()
        for _ in range(5):
            ana.run(Jar.objects.count)
        waiting.result()

    ran = run(recipe_of(one_after_the_other), {})
    said = told(timeline(ran.steps))
    assert said[4:6] == ["ben UPDATE ...", "ana COMMIT"]
    assert sorted(said[6:12]) == ["ana SELECT"] * 5 + ["ben ... 5"]
    assert said[12:] == ["ben UPDATE"]


def test_who_has_waited_and_is_needed_goes_on_by_itself(practice_bank: None, db: None) -> None:
    with sessions(["ana", "ben"]) as ((ana, ben), steps):
        make_jars(ana)
        ana.begin()
        ana.run(lambda: add("rent", 1))
        waiting = ben.start(db_transaction.atomic(twice))
        his = steps[-1]
        ana.commit()
        until(lambda: len(his.spans) >= 2)  # he has the row, and nobody asks him for it
        ana.run(lambda: add("rent", 1))  # waits for his COMMIT
        waiting.result()  # his queries are recorded when the step ends, after the COMMIT
        assert [query.sql[:6] for query in his.queries] == ["BEGIN", "UPDATE", "UPDATE", "COMMIT"]


def test_who_has_waited_and_is_asked_for_something_else_goes_on(
    practice_bank: None, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_sessions, "YIELD_SECONDS", 20.0)
    with sessions(["ana", "ben"]) as ((ana, ben), _steps):
        make_jars(ana)
        ana.begin()
        ana.run(lambda: add("rent", 1))
        waiting = ben.start(twice)
        ana.commit()
        assert ben.run(lambda: sorted(Jar.objects.values_list("coins", flat=True))) == [1, 2]
        assert waiting.waits_for == "Ana"


def test_the_page_numbers_the_rows_and_says_where_a_wait_is_over(
    practice_bank: None, db: None, client: Client
) -> None:
    client.force_login(UserFactory())
    page = text_of(client.get(BY_SLUG["retry"].url))
    there = page.index("7 Ben")
    for said in ("waits for Ana", "COMMIT", "9 Ben step 7 is over:", "40001 could not", "ROLLBACK"):
        there = page.index(said, there)
    page = text_of(client.get(BY_SLUG["select-for-update"].url))
    assert "ms, waiting for Ana done" in page


def test_an_error_that_a_query_shows_is_not_shown_again(cook: Cook) -> None:
    rows = timeline(cook("write-skew").steps)
    assert [row.query.sql for row in rows if row.error and row.query] == ["COMMIT"]
