"""How a query is read, bound, run and refused."""

from itertools import count
from typing import Any

import pytest
from django.db import connection

from explorer.running import session
from explorer.running.placeholders import numbered
from explorer.running.run import NO_TIME_LEFT, TOO_LONG
from explorer.schema import installation
from explorer.schema.views import VIEWS
from ledger.server.preparation import prepare
from ledger.server.progress import Progress
from tests.explorer.books import Books, query, rows
from tests.growth import MOST, times_as_long

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("typed", "text", "names"),
    [
        ("SELECT :a, :b, :a", "SELECT $1, $2, $1", ("a", "b")),
        ("SELECT %(since)s::date", "SELECT $1::date", ("since",)),
        ("SELECT a::int, ':b', \":c\", b[1:n]", "SELECT a::int, ':b', \":c\", b[1:n]", ()),
        ("SELECT 'it''s :a', :b", "SELECT 'it''s :a', $1", ("b",)),
        (r"SELECT E'\':a', :b", r"SELECT E'\':a', $1", ("b",)),
        ("SELECT $$:a$$, $x$ :b $$ $x$, :c", "SELECT $$:a$$, $x$ :b $$ $x$, $1", ("c",)),
        ("-- :a\nSELECT /* :b */ :c", "-- :a\nSELECT /* :b */ $1", ("c",)),
        ("SELECT 'open :a", "SELECT 'open :a", ()),
        ("SELECT $é$ :a $é$, $é2$ :b $é2$, :c", "SELECT $é$ :a $é$, $é2$ :b $é2$, $1", ("c",)),
        ("SELECT $1$ :a", "SELECT $1$ $1", ("a",)),
        ("SELECT 1 AS é$x$, ':a $x$ :a', :b", "SELECT 1 AS é$x$, ':a $x$ :a', $1", ("b",)),
        (r"SELECT name'\', ':a', :b", r"SELECT name'\', ':a', $1", ("b",)),
        ("SELECT b[é:n], :a", "SELECT b[é:n], $1", ("a",)),
        ("SELECT E'a' -- of :a\n '\\' :a', :b", "SELECT E'a' -- of :a\n '\\' :a', $1", ("b",)),
        ("SELECT '%(a)s' LIKE '%'", "SELECT '%(a)s' LIKE '%'", ()),
    ],
)
def test_parameters_become_numbers(typed: str, text: str, names: tuple[str, ...]) -> None:
    found = numbered(typed)
    assert (found.text, found.names) == (text, names)


def test_a_long_text_without_an_end_is_read_quickly() -> None:
    for part in ("'", "$a", "$é", "/*", "\"'", "$$ '", "E''\n--\n"):
        assert numbered(part * 10_000).names == ()


def test_reading_many_parameters_takes_time_in_proportion() -> None:
    def many(length: int) -> str:
        return " ".join(f":_{place:05}" for place in range(length // 8))

    assert times_as_long(numbered, many) < MOST


def test_places_of_the_sent_text_are_found_in_the_typed_one() -> None:
    typed = "SELECT :since, :until, foo"
    found = numbered(typed)
    assert found.typed_place(found.text.index("foo")) == typed.index("foo")
    assert found.typed_place(3) == 3


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SELECT foo FROM entries", "foo"),
        ("SELECT :a::int,\n  foo FROM entries", "foo"),
        ("SELECT count(*) FROM nothing", "nothing"),
        ("SELEC 1", "SELEC"),
        ("SELECT 1 FROM entries WHRE amount > 1", "amount"),
    ],
)
def test_a_problem_is_where_postgres_found_it(sql: str, word: str, books: Books) -> None:
    problem = query(books.bank, sql, a="1").problem
    assert problem is not None
    assert problem.place == sql.index(word)


def test_postgres_says_what_kind_each_parameter_is(books: Books) -> None:
    sql = "SELECT 1 FROM entries WHERE amount > :least AND value_date = :day AND reference = :text"
    result = query(books.bank, sql)
    assert {each.name: each.kind for each in result.parameters} == {
        "least": "number", "day": "date", "text": "text",
    }  # fmt: skip
    assert list(result.missing) == ["least", "day", "text"]
    assert result.rows == []


def test_rows_come_as_text_with_the_kinds_of_their_columns(books: Books) -> None:
    result = query(
        books.bank,
        "SELECT 1.50 AS n, DATE '2026-01-02' AS d, '{\"a\": 1}'::jsonb AS j, NULL AS t, 'x' AS x;",
    )
    assert [(each.name, each.kind) for each in result.columns] == [
        ("n", "number"), ("d", "date"), ("j", "json"), ("t", "text"), ("x", "text"),
    ]  # fmt: skip
    assert result.rows == [("1.50", "2026-01-02", '{"a": 1}', None, "x")]


def test_columns_of_one_name_stay_apart(books: Books) -> None:
    result = query(books.bank, "SELECT 1 AS a, 2 AS a")
    assert [each.name for each in result.columns] == ["a", "a"]
    assert result.rows == [("1", "2")]


def test_order_and_limit_of_the_query_hold(books: Books) -> None:
    sql = "SELECT n FROM generate_series(1, 100) AS n ORDER BY n DESC"
    assert query(books.bank, sql, most=3).rows == [("100",), ("99",), ("98",)]
    assert not query(books.bank, f"{sql} LIMIT 2", most=2).has_more


def test_a_plan_is_of_the_query_and_only_with_analyze_of_its_times(books: Books) -> None:
    assert query(books.bank, "SELECT * FROM entries").plan == ""
    assert "actual time" not in query(books.bank, "SELECT * FROM entries", plan="estimate").plan
    assert "actual" in query(books.bank, "SELECT * FROM entries", plan="run").plan


@pytest.mark.parametrize(
    "sql", ["SELECT $1", "SELECT :a, $1", "SELECT $2, :a", "SELECT 1 /* /* */ :a */"]
)
def test_a_parameter_is_typed_by_name(sql: str, books: Books) -> None:
    result = query(books.bank, sql, a="x")
    assert result.problem is not None
    assert result.problem.state == ""
    assert result.rows == []
    assert rows(books.bank, "SELECT :a || '$1' || $$ $2 $$", a="x") == [("x$1 $2 ",)]


@pytest.mark.parametrize("sql", ["", ";", "-- nothing", "/* nothing */"])
def test_an_empty_query_returns_no_rows(sql: str, books: Books) -> None:
    assert query(books.bank, sql).problem is not None


def test_a_mistake_is_said_in_few_characters_however_long_its_value_is(books: Books) -> None:
    problem = query(books.bank, "SELECT cast(repeat('<', 100000) AS int)").problem
    assert problem is not None
    assert len(problem.sentence) < 3_000


def test_a_query_with_too_many_columns_is_refused(books: Books) -> None:
    sql = f"SELECT {', '.join(['1'] * 61)}"
    problem = query(books.bank, sql).problem
    assert problem is not None
    assert "60 columns" in problem.sentence


def test_the_views_have_the_rows_of_the_tables(books: Books) -> None:
    assert rows(books.bank, "SELECT count(*), sum(amount) FROM transactions") == [
        ("4", "1512.5000")
    ]
    ((balance,),) = rows(
        books.bank, "SELECT balance FROM accounts WHERE id = :id::uuid", id=str(books.ana.pk)
    )
    assert balance == "487.5000"


def test_other_views_are_written_by_prepare(
    books: Books, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_COOKBOOK = False
    assert not installation.apply()
    monkeypatch.setattr(installation, "VIEWS", VIEWS[:-1])
    assert not installation.is_installed()
    said: list[str] = []
    prepare(demo=False, progress=Progress(said.append), static=False)
    assert any("explorer" in line for line in said)
    monkeypatch.undo()
    assert installation.apply()
    assert installation.is_installed()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege(%s, 'explorer.accounts', 'SELECT')",
            [settings.LEDGER_EXPLORER_ROLE],
        )
        assert cursor.fetchone() == (True,)


@pytest.fixture
def _each_statement_takes_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count()
    monkeypatch.setattr(session, "monotonic", lambda: float(next(clock)))


@pytest.mark.usefixtures("_each_statement_takes_a_second")
@pytest.mark.parametrize(
    ("sql", "statements"), [("SELECT 1", 3), ("SELECT :a", 4)], ids=["no values", "with values"]
)
def test_all_statements_of_a_query_have_its_time_together(
    sql: str, statements: int, books: Books
) -> None:
    """They are parsed by themselves, as a subquery and with values, and executed."""
    assert query(books.bank, sql, seconds=statements + 0.5, a="1").rows == [("1",)]
    for seconds in range(1, statements):
        problem = query(books.bank, sql, seconds=seconds + 0.5, a="1").problem
        assert problem is not None
        assert problem.state == TOO_LONG


@pytest.mark.usefixtures("_each_statement_takes_a_second")
def test_a_plan_takes_what_the_rows_leave(books: Books) -> None:
    found = query(books.bank, "SELECT 1", seconds=3.5, plan="run")
    assert (found.rows, found.plan) == ([("1",)], NO_TIME_LEFT)
    assert "actual" in query(books.bank, "SELECT 1", seconds=4.5, plan="run").plan


@pytest.mark.usefixtures("_each_statement_takes_a_second")
def test_a_statement_is_stopped_when_the_time_that_is_left_is_over(books: Books) -> None:
    ((limit,),) = rows(books.bank, "SELECT current_setting('statement_timeout')")
    assert limit in ("2s", "3s", "4s")  # less than the five seconds of the query


@pytest.mark.usefixtures("may_execute")
def test_a_query_sets_nothing_for_its_plan(books: Books) -> None:
    """Such as no limit of time: the plan is a second statement."""
    sql = """SELECT CASE WHEN current_setting('my.flag', true) = 'set'
        THEN 1 / (length(current_setting('my.flag', true)) - 3)
        ELSE length(set_config('my.flag', 'set', true)) END"""
    found = query(books.bank, sql, plan="run")
    assert found.problem is None
    assert "actual" in found.plan
