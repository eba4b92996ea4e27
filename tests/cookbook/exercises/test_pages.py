"""The pages of the learning path, and the progress of a person."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from accounts.models import User
from accounts.sign_in.limits import MINUTE, Limit
from cookbook.exercises import EXERCISES, PARTS, progress
from cookbook.exercises.exercise import Exercise
from cookbook.exercises.progress import answer, solved_by
from cookbook.practice.readiness import NoPracticeBank
from explorer.models import QueryRun
from explorer.running import limiter
from explorer.running.limiter import ExplorerBusy
from tests.conftest import signed_in
from tests.factories import UserFactory
from tests.pages import text_of

pytestmark = pytest.mark.usefixtures("practice_bank", "db")
LEARN = "/cookbook/learn/"
FIRST, SECOND = EXERCISES[:2]


def test_the_path_lists_recipes_and_exercises(analyst: User) -> None:
    page = signed_in(analyst).get(LEARN).content.decode()
    for exercise in EXERCISES:
        assert f'href="{exercise.url}"' in page
        assert all(f'href="{recipe.url}"' in page for recipe in exercise.part.recipes)
    assert f"0 of {len(EXERCISES)} exercises solved" in page


@pytest.mark.parametrize(
    "exercise", [part.exercises[-1] for part in PARTS], ids=lambda each: each.slug
)
def test_an_exercise_shows_its_question_its_hints_and_its_solution(
    analyst: User, exercise: Exercise
) -> None:
    response = signed_in(analyst).get(exercise.url)
    page = response.content.decode()
    assert escape(exercise.asks) in page
    assert all(escape(hint) in page for hint in exercise.hints)
    assert exercise.function.__name__ in text_of(response)
    assert "SELECT" in page.partition("What Postgres receives")[2]
    assert all(f'href="{recipe.url}"' in page for recipe in exercise.recipes)
    assert len(page) < 60_000


def test_a_recipe_and_the_first_page_lead_to_exercises(client: Client) -> None:
    client.force_login(UserFactory())
    assert f'href="{LEARN}"' in client.get("/cookbook/").content.decode()
    assert f'href="{LEARN}"' in client.get("/cookbook/groups/windows/").content.decode()
    assert f'href="{FIRST.url}"' in client.get(FIRST.recipes[0].url).content.decode()
    assert client.get(f"{LEARN}nothing/").status_code == 404


def test_a_right_answer_is_kept_once_and_only_for_its_person(analyst: User) -> None:
    browser = signed_in(analyst)
    response = browser.post(FIRST.url, {"sql": FIRST.read_only_sql})
    assert (response.status_code, response.context["checked"].is_right) == (200, True)
    (first,) = solved_by(analyst).values()
    browser.post(FIRST.url, {"sql": FIRST.read_only_sql})
    assert solved_by(analyst) == {FIRST.slug: first}
    assert solved_by(UserFactory()) == {}
    page = browser.get(LEARN).content.decode()
    assert f"1 of {len(EXERCISES)} exercises solved" in page
    assert f'href="{SECOND.url}">Continue' in re.sub(r"\s+", " ", page)
    assert "Solved on" in text_of(browser.get(FIRST.url))
    assert "Solved on" not in text_of(browser.get(SECOND.url))


@pytest.mark.parametrize(
    ("sql", "status", "outcome"),
    [
        ("SELECT 1, 2", 200, "rows"),
        ("SELECT 1 FORM x", 400, "refused"),
        ("SELECT :value", 400, "refused"),
        ("", 400, None),
    ],
)
def test_a_wrong_answer_is_recorded_and_is_no_progress(
    analyst: User, sql: str, status: int, outcome: str | None
) -> None:
    response = signed_in(analyst).post(FIRST.url, {"sql": sql})
    assert response.status_code == status
    assert sql in response.content.decode()
    runs = [(run.outcome, run.scope, run.parameters["exercise"]) for run in QueryRun.objects.all()]
    assert runs == ([(outcome, "practice", FIRST.slug)] if outcome else [])
    assert solved_by(analyst) == {}


def test_only_people_who_may_use_the_explorer_can_answer(client: Client) -> None:
    customer = UserFactory()
    client.force_login(customer)
    page = client.get(FIRST.url).content.decode()
    assert "<textarea" not in page
    assert FIRST.function.__name__ in page
    assert client.post(FIRST.url, {"sql": "SELECT 1"}).status_code == 404
    assert "Continue" not in client.get(LEARN).content.decode()
    assert not QueryRun.objects.exists()


@pytest.mark.parametrize("error", [ExplorerBusy("Busy now."), NoPracticeBank("No bank now.")])
def test_an_answer_that_cannot_run_now_is_kept_in_its_field(
    analyst: User, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise error

    monkeypatch.setattr(progress, "check", fail)
    response = signed_in(analyst).post(FIRST.url, {"sql": "SELECT 1 AS kept"})
    assert response.status_code == 503
    assert str(error) in text_of(response)
    assert "SELECT 1 AS kept" in response.content.decode()


def test_answers_count_towards_the_limit_of_queries(
    analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "RUNS_PER_MINUTE", Limit("explorer_runs", 1, MINUTE))
    browser = signed_in(analyst)
    answers = [browser.post(FIRST.url, {"sql": FIRST.read_only_sql}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 503]


def test_the_history_opens_an_answer_without_the_name_of_its_exercise(analyst: User) -> None:
    answer(person=analyst, exercise=FIRST, sql=FIRST.read_only_sql)
    browser = signed_in(analyst)
    listed = text_of(browser.get("/explorer/history/"))
    assert FIRST.slug in listed
    assert "Right answer" in listed
    opened = browser.get(f"/explorer/history/{QueryRun.objects.get().pk}/").content.decode()
    assert "p_exercise" not in opened
