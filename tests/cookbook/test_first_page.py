"""The table at the top of the cookbook: lines of the ORM, each beside the SQL that Django makes."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cookbook import first_page, views
from cookbook.first_page import LINES, lines, source_of
from cookbook.models import Jar
from cookbook.practice.readiness import NoPracticeBank
from cookbook.recipes import RECIPES
from tests.cookbook.conftest import Cook
from tests.factories import UserFactory
from tests.pages import text_of

pytestmark = pytest.mark.usefixtures("practice_bank", "db")
INDEX = "/cookbook/"


@pytest.fixture
def customer(client: Client) -> Client:
    client.force_login(UserFactory(name="Custard Example"))
    return client


@pytest.fixture(autouse=True)
def made_anew() -> None:
    lines.cache_clear()


def test_each_line_has_its_source_and_the_sql_that_was_sent() -> None:
    with CaptureQueriesContext(connection) as found:
        table = lines()
    sent = [query["sql"] for query in found]
    assert len(table) == len(LINES)
    for line in table:
        assert line.sql
        assert all(sql in sent for sql in line.sql)
    by_name = {line.does: line for line in table}
    assert by_name["How many"].code == 'Transaction.objects.filter(category="rent").count()'
    assert by_name["How many"].sql[0].startswith("SELECT COUNT(*)")
    assert by_name["Insert a row"].sql[0].startswith('INSERT INTO "jars"')
    assert by_name["Lock a row"].sql[0].endswith("FOR UPDATE")


@pytest.mark.parametrize(
    ("orm", "sql"),
    [
        (".filter(", "WHERE"),
        (".exclude(", "WHERE NOT ("),
        (".get(", "LIMIT 21"),
        (".order_by(", "ORDER BY"),
        ("[:3]", "LIMIT 3"),
        ("[20:30]", "LIMIT 10 OFFSET 20"),
        ("__email", "JOIN"),
        (".count()", "COUNT(*)"),
        (".exists()", "SELECT 1"),
        (".aggregate(", "SUM("),
        (".annotate(", "GROUP BY"),
        (".select_related(", "JOIN"),
        (".prefetch_related(", " IN ("),
        (".create(", "INSERT INTO"),
        (".bulk_create(", "INSERT INTO"),
        (".update(", "UPDATE"),
        (".select_for_update(", "FOR UPDATE"),
        ("atomic()", "SAVEPOINT"),
    ],
)
def test_the_table_has_the_usual_lines(orm: str, sql: str) -> None:
    assert [line for line in lines() if orm in line.code and sql in " ".join(line.sql)]


def test_bulk_create_and_prefetch_related_save_queries() -> None:
    sent = {line.does: len(line.sql) for line in lines()}
    assert sent["Insert several rows"] == 1
    assert sent["Rows with the row of a foreign key"] == 1
    assert sent["Rows with the rows that refer to them"] == 2


def test_a_block_is_shown_as_it_is_written_and_says_what_it_sends_elsewhere(
    customer: Client,
) -> None:
    (block,) = (line for line in lines() if "atomic()" in line.code)
    assert block.code.startswith("with ")
    assert [len(row) - len(row.lstrip()) for row in block.code.splitlines()] == [0, 4, 4]
    assert block.sql[0].startswith("SAVEPOINT")
    assert block.sql[-1].startswith("RELEASE SAVEPOINT")
    assert "BEGIN" in block.note
    assert block.note in text_of(customer.get(INDEX))


def test_a_line_of_several_lines_is_shown_as_it_is_written() -> None:
    def folded() -> Any:
        return Jar.objects.filter(
            name="rent",
        )

    assert source_of(folded).splitlines()[1].strip() == 'name="rent",'


def test_nothing_stays_of_what_the_lines_wrote(rows: Any) -> None:
    before = rows("SELECT count(*) FROM jars")
    lines()
    assert rows("SELECT count(*) FROM jars") == before


def test_the_first_page_shows_the_table_before_the_long_list(customer: Client) -> None:
    page = customer.get(INDEX)
    text = unescape(text_of(page))
    places = [text.index(line.does) for line in lines()]
    assert places == sorted(places)
    assert places[-1] < text.index(f"All {len(RECIPES)} recipes")
    body = page.content.decode()
    for line in lines():
        assert f'<a href="{line.recipe.url}">{line.does}</a>' in body


def test_a_search_shows_its_matches_alone(customer: Client) -> None:
    page = customer.get(INDEX, {"q": "first"})
    assert 'class="lines"' not in page.content.decode()


def test_the_lines_run_once_in_a_process(customer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    customer.get(INDEX)
    monkeypatch.setattr(first_page, "require", lambda: pytest.fail("ran again"))
    assert 'class="lines"' in customer.get(INDEX).content.decode()


def test_without_a_practice_bank_the_list_is_there(
    customer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_there() -> Any:
        raise NoPracticeBank("none")

    monkeypatch.setattr(views, "lines", none_there)
    page = customer.get(INDEX).content.decode()
    assert 'class="lines"' not in page
    assert re.search(r'class="recipe-index"', page)


def test_first_is_none_where_earliest_raises(cook: Cook) -> None:
    found = cook("first-hold-of", name="Travel").value
    assert found["first()"].endswith("Hotel Aurora")
    none = cook("first-hold-of", name="Savings").value
    assert none["first()"] == "no hold"
    assert "does not exist" in none["earliest()"]


def test_a_rank_with_a_threshold_keeps_the_first_places(cook: Cook, rows: Any) -> None:
    ran = cook("largest-categories", places=3, at_least=500)
    expected = rows(
        "SELECT category, sum(amount) FROM transactions WHERE currency = 'USD'"
        " AND type = 'withdrawal' AND status = 'completed' GROUP BY category"
        " HAVING sum(amount) >= 500 ORDER BY 2 DESC LIMIT 3"
    )
    assert [(row["category"], row["total"]) for row in ran.value] == expected
    assert [row["place"] for row in ran.value] == [1, 2, 3]
    (query,) = ran.work.queries
    assert "HAVING" in query.sql
    assert '"qualify" WHERE' in query.sql
    assert list(cook("largest-categories", at_least=10**9).value) == []


def test_a_document_is_found_by_its_parts(cook: Cook) -> None:
    assert cook("insert-a-document", colour="red").value == {
        "is stored": True, "contains": 1, "key of a key": 1, "as text": "red",
    }  # fmt: skip


def test_the_books_take_documents_that_are_objects_and_not_too_long(cook: Cook) -> None:
    said = cook("documents-refused").value
    assert said == {
        "a list": "refused by metadata_is_object",
        "a long one": "refused by metadata_within_limit",
        "an object": "booked, category gift",
    }
    assert cook("documents-refused", letters=10).value["a long one"].startswith("booked")
