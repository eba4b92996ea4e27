"""The page of the SQL explorer: who opens it, what it shows, files, saved queries and history."""

import csv
import html
import io
import json
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import InternalError, OperationalError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.groups import ANALYSTS, AUDITOR
from accounts.models import Read, User
from explorer import services as explorer_services
from explorer.models import LONGEST_SQL, QueryRun, SavedQuery
from explorer.pages import editor
from explorer.pages.examples import EXAMPLES, ExampleQuery
from explorer.pages.forms import LONGEST_VALUE, MAX_PARAMETERS
from explorer.running import anywhere, limiter
from explorer.running import run as running
from explorer.running.session import LOCK_SECONDS, NotSetUp
from explorer.schema.views import VIEWS
from tests.conftest import colleague, permissions, signed_in
from tests.explorer.books import Books, rows
from tests.factories import AccountFactory, UserFactory
from transactions import services

pytestmark = pytest.mark.django_db
PAGE, BROWSE = "/explorer/", "/explorer/browse/"
TOO_LONG = f"SELECT :a -- {'-' * LONGEST_SQL}"
TOO_MANY = f"SELECT {', '.join(f':p{place}' for place in range(MAX_PARAMETERS + 1))}"
BY_CATEGORY = "SELECT category, sum(amount) AS total FROM entries GROUP BY 1 ORDER BY 1"


def run(client: Client, sql: str, **more: str) -> Any:
    return client.post(PAGE, {"sql": sql, "as": "page", **more})


def test_the_page_names_every_view_and_column(analyst: Client) -> None:
    page = analyst.get(PAGE).content.decode()
    for view in VIEWS:
        for name in (view.name, *(column.name for column in view.columns)):
            assert f"<code>{name}</code>" in page


def test_each_column_of_a_view_is_there_with_its_sentence(books: Books) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, attname, col_description(attrelid, attnum) FROM pg_attribute"
            " JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE relnamespace = 'explorer'::regnamespace AND attnum > 0"
        )
        found = set(cursor.fetchall())
    assert found == {
        (view.name, column.name, column.about) for view in VIEWS for column in view.columns
    }


def test_a_query_shows_its_rows_a_chart_and_coloured_sql(analyst: Client) -> None:
    page = run(analyst, BY_CATEGORY)
    assert page.status_code == 200
    text = page.content.decode()
    assert ">leisure</td>" in text
    assert ">NULL</td>" in text
    assert "<svg" in text
    assert '<span class="k">SELECT</span>' in text


def test_values_of_rows_are_escaped(analyst: Client) -> None:
    page = run(analyst, "SELECT '<script>alert(1)</script>' AS \"<b>bold</b>\"").content.decode()
    assert "<script>alert" not in page
    assert "<b>bold" not in page


def test_a_long_value_is_folded_and_there_as_a_whole(analyst: Client) -> None:
    page = run(analyst, "SELECT repeat('long ', 100) AS a, repeat('short ', 20) AS b")
    (row,) = page.context["editor"].shown.rows
    assert [len(cell.start) < 200 for cell in row] == [True, True]
    assert [bool(cell.start) for cell in row] == [True, False]
    text = page.content.decode()
    assert text.count('<details class="folded">') == 1
    assert f"{'long ' * 100}</details>" in text
    assert f">{'short ' * 20}</td>" in text


def test_a_mistake_is_marked_where_it_is(analyst: Client) -> None:
    page = run(analyst, "SELECT category,\n  sum(amont)\nFROM entries")
    assert page.status_code == 400
    text = page.content.decode()
    assert "column &quot;amont&quot; does not exist" in text
    assert 'class="explorer__mark">amont</mark>' in text
    assert "SELECT category," in text


def test_a_query_that_runs_long_ends_with_a_sentence(analyst: Client, settings: Any) -> None:
    settings.LEDGER_EXPLORER_SECONDS = 0.2
    page = run(analyst, "SELECT pg_sleep(60)")
    assert page.status_code == 503
    assert "longer than 0.2 seconds" in page.content.decode()
    assert QueryRun.objects.get().outcome == QueryRun.RunOutcome.STOPPED
    assert Read.objects.exists()  # whether it runs so long may depend on a row


def test_parameters_get_fields_of_their_kind(analyst: Client) -> None:
    sql = "SELECT count(*) FROM entries WHERE value_date >= :since AND amount > :least"
    asked = run(analyst, sql).content.decode()
    assert '<input type="date" id="p_since"' in asked
    assert 'inputmode="decimal"' in asked
    modes = {each["name"]: each["mode"] for each in run(analyst, sql).context["editor"].inputs}
    assert modes == {"p_since": "text", "p_least": "decimal"}
    page = run(analyst, sql, p_since="2020-01-01", p_least="12").content.decode()
    assert '<td class="num">5</td>' in page.replace("\n", " ")
    run_at_last = QueryRun.objects.get(outcome=QueryRun.RunOutcome.ROWS)
    assert run_at_last.parameters == {"since": "2020-01-01", "least": "12"}


def test_what_was_only_parsed_is_recorded_too(analyst: Client) -> None:
    """That alone may take the time of a query."""
    run(analyst, "SELECT :since, '$'::jsonpath")
    found = QueryRun.objects.get()
    assert found.outcome == QueryRun.RunOutcome.REFUSED
    assert "since" in found.message


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.title)
def test_each_example_runs(example: ExampleQuery, analyst: Client) -> None:
    page = run(analyst, example.sql, p_currency="USD", p_day="2099-01-01")
    assert page.status_code == 200
    assert page.context["editor"].shown.result.rows
    opened = analyst.post(PAGE, {"sql": example.sql, "as": "open"})
    assert example.sql.splitlines()[0] in html.unescape(opened.content.decode())


def test_examples_of_money_out_have_no_transfers_between_accounts_of_one_holder() -> None:
    """Run on the tables, whose names and columns the views have."""
    everyday = AccountFactory(balance="500", currency="EUR")
    savings = AccountFactory(user=everyday.user, currency="EUR")
    for to_account, amount in ((savings, 20), (AccountFactory(currency="EUR"), 5)):
        services.transfer(from_account=everyday, to_account=to_account, amount=Decimal(amount))
    examples = [each.sql for each in EXAMPLES if each.title.startswith("Money out")]
    assert len(examples) == 2
    for sql in examples:
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("'USD'", ":currency").replace(":currency", "'EUR'"))
            assert [row[1] for row in cursor.fetchall()] == [5]


def test_rows_come_as_csv_without_formulas(analyst: Client) -> None:
    sql = "SELECT '=1+1' AS \"=x\", -5 AS n, NULL AS nothing"
    answer = analyst.post(PAGE, {"sql": sql, "as": "csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert list(csv.reader(io.StringIO(answer.content.decode()))) == [
        ["'=x", "n", "nothing"],
        ["'=1+1", "-5", ""],
    ]


def test_rows_come_as_json_with_every_digit(analyst: Client) -> None:
    metadata = '{"a": [0.1234567890123456789]}'
    sql = f"SELECT 1.10::numeric(19,4) AS n, '{metadata}'::jsonb AS j, NULL AS t"
    text = analyst.post(PAGE, {"sql": sql, "as": "json"}).content.decode()
    assert metadata in text
    answer = json.loads(text)
    assert answer["rows"] == [["1.1000", json.loads(metadata), None]]
    assert [column["kind"] for column in answer["columns"]] == ["number", "json", "text"]


@pytest.mark.parametrize("value", ["1e999999999", f"{'[' * 900}{']' * 900}"])
def test_json_comes_as_it_was_written(value: str, analyst: Client) -> None:
    answer = analyst.post(PAGE, {"sql": f"SELECT '{value}'::json AS j", "as": "json"})
    assert answer.status_code == 200
    assert value in answer.content.decode()
    assert len(answer.content) < 3000


def test_a_page_shows_a_megabyte_and_a_file_more(analyst: Client) -> None:
    sql = f"SELECT {', '.join(['repeat($$x$$, 1500)'] * 20)} FROM generate_series(1, 100)"
    page = run(analyst, sql)
    assert page.status_code == 400
    assert "larger than 1 MB" in page.content.decode()
    assert analyst.post(PAGE, {"sql": sql, "as": "csv"}).status_code == 200


def test_a_value_that_postgres_cannot_store_is_sent_without_it(analyst: Client) -> None:
    page = run(analyst, "SELECT :a", p_a="x\0y")
    assert page.context["editor"].shown.result.rows == [("xy",)]


def test_a_file_has_more_rows_than_the_page(analyst: Client) -> None:
    sql = "SELECT n FROM generate_series(1, 300) AS n"
    assert len(run(analyst, sql).context["editor"].shown.result.rows) == 200
    assert len(json.loads(analyst.post(PAGE, {"sql": sql, "as": "json"}).content)["rows"]) == 300


def test_a_file_of_many_columns_has_fewer_rows(
    analyst: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MAX_CELLS", 10)
    sql = "SELECT n, n, n FROM generate_series(1, {}) AS n"
    for sent, rows_of_file, more in ((3, 3, "no"), (4, 3, "yes")):
        answer = analyst.post(PAGE, {"sql": sql.format(sent), "as": "json"})
        assert len(json.loads(answer.content)["rows"]) == rows_of_file
        assert answer["X-More-Rows"] == more


@pytest.mark.parametrize("form", ["page", "csv", "json"])
def test_what_was_run_is_recorded_with_who_ran_it(form: str, analyst: Client, books: Books) -> None:
    analyst.post(PAGE, {"sql": "SELECT 1", "as": form})
    found = QueryRun.objects.get()
    assert (found.person, found.sql, found.form) == (books.analyst, "SELECT 1", form)
    assert (found.scope, found.outcome, found.rows) == ("bank", "rows", 1)


def test_what_was_refused_is_recorded_too(analyst: Client) -> None:
    run(analyst, "SELECT * FROM public.users")
    found = QueryRun.objects.get()
    assert (found.outcome, found.message) == ("refused", "permission denied for table users")


def test_what_ended_with_the_server_is_recorded_too(
    analyst: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_arguments: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(anywhere, "run", gone)
    assert run(analyst, "SELECT 1").status_code == 503
    assert QueryRun.objects.get().outcome == QueryRun.RunOutcome.FAILED


def test_rows_of_the_bank_are_in_the_log_of_reads(analyst: Client, books: Books) -> None:
    run(analyst, "SELECT * FROM accounts")
    assert Read.objects.get().reader == books.analyst


def assert_only_browses(client: Client) -> None:
    """Their queries are not run, and the page leads to one that they may see."""
    assert run(client, "SELECT 1").status_code == 404
    answer = client.get(PAGE)
    assert answer["Location"] == BROWSE
    assert client.get(BROWSE).status_code == 200
    assert client.get("/explorer/history/").status_code == 404
    assert not QueryRun.objects.exists()


def test_customers_browse_and_do_not_query(books: Books) -> None:
    assert_only_browses(signed_in(books.ana.user))


def test_who_is_not_signed_in_signs_in_first(db: None) -> None:
    assert Client().get(PAGE)["Location"] == f"{reverse('account_login')}?next={PAGE}"


def test_a_colleague_without_the_permission_does_not_query(books: Books) -> None:
    assert_only_browses(signed_in(books.clerk))


def test_the_permission_alone_does_not_open_the_bank(books: Books) -> None:
    person: User = UserFactory()
    person.user_permissions.add(Permission.objects.get(codename="use_explorer"))
    assert_only_browses(signed_in(person))


def test_off_it_is_for_nobody(analyst: Client, settings: Any) -> None:
    settings.LEDGER_EXPLORER = "off"
    assert_only_browses(analyst)


def test_a_group_that_may_see_names_sees_them(books: Books) -> None:
    group = Group.objects.create(name="analysts with names")
    group.permissions.set(
        permissions(
            "use_explorer", "view_user", "view_transaction", "view_entry", "view_contact_details"
        )
    )
    person: User = UserFactory(is_staff=True)
    person.groups.add(group)
    page = run(signed_in(person), "SELECT name FROM users WHERE name LIKE 'Eve%'")
    assert page.context["editor"].shown.result.rows == [("Eve Moreau",)]


def test_a_saved_query_is_opened_with_its_values(analyst: Client) -> None:
    form = {"sql": "SELECT :a", "p_a": "7", "title": "Seven", "as": "save"}
    answer = analyst.post(PAGE, form)
    found = SavedQuery.objects.get()
    assert answer["Location"] == reverse("explorer:saved", args=[found.pk])
    page = analyst.get(answer["Location"]).content.decode()
    assert 'name="p_a"' in page
    assert 'value="7"' in page
    assert not QueryRun.objects.exists()


def test_a_saved_query_needs_a_title(analyst: Client) -> None:
    for title in (" ", "\u200b\u202e", "\u3164", "-"):
        form = {"sql": "SELECT 1", "title": title, "as": "save", "is_shared": "on"}
        assert analyst.post(PAGE, form).status_code == 400
    assert not SavedQuery.objects.exists()


def test_shared_queries_of_others_leave_room_for_ones_own(
    analyst: Client, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.pages.editor.MAX_LISTED", 1)
    for owner, title in ((books.analyst, "Z"), (books.clerk, "A"), (books.clerk, "B")):
        explorer_services.save_query(
            owner=owner, title=title, sql="SELECT 1", parameters={}, is_shared=True
        )
    titles = [query.title for query in analyst.get(PAGE).context["queries"]]
    assert titles == ["Z", "A"]


def test_a_saved_query_is_replaced_by_its_owner_alone(analyst: Client, books: Books) -> None:
    mine = explorer_services.save_query(
        owner=books.analyst, title="Mine", sql="SELECT 1", parameters={}
    )
    theirs = explorer_services.save_query(
        owner=books.clerk, title="Theirs", sql="SELECT 1", parameters={}, is_shared=True
    )
    for query in (mine, theirs):
        form = {"sql": "SELECT 2", "title": "New", "as": "replace", "saved": str(query.pk)}
        analyst.post(PAGE, form)
        query.refresh_from_db()
    assert (mine.sql, mine.title) == ("SELECT 2", "New")
    assert theirs.sql == "SELECT 1"


def test_colleagues_see_what_is_shared_and_nothing_else(analyst: Client, books: Books) -> None:
    owner = books.clerk
    shared, hidden = (
        explorer_services.save_query(
            owner=owner, title="A query", sql="SELECT 1", parameters={}, is_shared=is_shared
        )
        for is_shared in (True, False)
    )
    assert analyst.get(reverse("explorer:saved", args=[shared.pk])).status_code == 200
    assert analyst.get(reverse("explorer:saved", args=[hidden.pk])).status_code == 404
    for query in (shared, hidden):
        url = reverse("explorer:delete_saved", args=[query.pk])
        assert analyst.post(url).status_code == 404
    assert SavedQuery.objects.count() == 2


def test_an_owner_deletes_their_query(analyst: Client, books: Books) -> None:
    query = explorer_services.save_query(
        owner=books.analyst, title="Mine", sql="SELECT 1", parameters={}
    )
    assert analyst.get(reverse("explorer:delete_saved", args=[query.pk])).status_code == 405
    analyst.post(reverse("explorer:delete_saved", args=[query.pk]))
    assert not SavedQuery.objects.exists()


def test_the_history_shows_ones_own_queries(analyst: Client, books: Books) -> None:
    other: User = UserFactory()
    for person, sql in ((books.analyst, "SELECT 'mine'"), (other, "SELECT 'theirs'")):
        explorer_services.record_run(
            person=person, sql=sql, parameters={}, scope="bank", form="page",
            outcome=QueryRun.RunOutcome.ROWS,
        )  # fmt: skip
    page = analyst.get("/explorer/history/").content.decode()
    assert "mine" in page
    assert "theirs" not in page
    mine, theirs = (QueryRun.objects.get(person=each) for each in (books.analyst, other))
    assert analyst.get(reverse("explorer:run", args=[mine.pk])).status_code == 200
    assert analyst.get(reverse("explorer:run", args=[theirs.pk])).status_code == 404


def test_auditors_see_who_ran_what(analyst: Client) -> None:
    run(analyst, "SELECT 'asked'")
    page = signed_in(colleague(AUDITOR, "Auditor")).get("/explorer/history/").content.decode()
    assert "Analyst" in page
    assert "asked" in page
    assert 'href="/explorer/"' not in page  # they may not query
    assert Read.objects.filter(page="explorer:history").exists()


@pytest.mark.parametrize("long", ["long ", "\u0344\u0334"])
def test_auditors_see_the_whole_query_and_do_not_run_it(
    analyst: Client, books: Books, long: str
) -> None:
    hidden = f"SELECT 'hidden', :a -- {books.ana.pk}"
    run(analyst, f"/* {long * 1000}*/ {hidden}", p_a="the value")
    auditor = signed_in(colleague(AUDITOR, "Auditor"))
    found = QueryRun.objects.get()
    address = reverse("explorer:run", args=[found.pk])
    listed = auditor.get("/explorer/history/").content.decode()
    assert str(books.ana.pk) not in listed
    assert f'href="{address}"' in listed
    page = auditor.get(address).content.decode()
    for text in ("Analyst", str(books.ana.pk), "hidden", "the value"):
        assert text in page
    assert "<form" not in page.partition("<main")[2]
    read = Read.objects.get(page="explorer:run")
    assert (str(found.pk) in read.path, read.people) == (True, [books.analyst.pk])
    assert signed_in(books.ana.user).get(address).status_code == 404


@pytest.mark.parametrize("sql", ["UPDATE explorer_runs SET sql = ''", "DELETE FROM explorer_runs"])
def test_the_history_is_never_changed(sql: str, analyst: Client) -> None:
    run(analyst, "SELECT 1")
    with connection.cursor() as cursor, pytest.raises(Exception, match="never edited or deleted"):
        cursor.execute(sql)


def test_too_many_queries_at_once_are_told(
    analyst: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "SECONDS", 0.01)
    with limiter.limited("one"), limiter.limited("another"):
        page = run(analyst, "SELECT 1")
    assert page.status_code == 503
    assert limiter.BUSY in page.content.decode()


def test_one_person_runs_one_query_at_a_time(analyst: Client, books: Books) -> None:
    with limiter.limited(books.analyst.pk):
        page = run(analyst, "SELECT 1")
        assert page.status_code == 503
        assert limiter.ANOTHER_RUNS in page.content.decode()
        assert run(signed_in(second_analyst()), "SELECT 1").status_code == 200
    assert run(analyst, "SELECT 1").status_code == 200
    with suppress(ZeroDivisionError), limiter.limited(books.analyst.pk):
        raise ZeroDivisionError
    assert run(analyst, "SELECT 1").status_code == 200


@pytest.mark.parametrize(
    ("form", "shows"), [("page", "_page"), ("csv", "file_of"), ("json", "file_of")]
)
def test_a_query_runs_until_its_rows_are_a_page_or_a_file(
    form: str, shows: str, analyst: Client, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Because that takes a processor, too."""

    def showing(*arguments: Any) -> Any:
        with pytest.raises(limiter.ExplorerBusy), limiter.limited(books.analyst.pk):
            pass
        return original(*arguments)

    original = getattr(editor, shows)
    monkeypatch.setattr(editor, shows, showing)
    assert run(analyst, "SELECT 1", **{"as": form}).status_code == 200
    assert run(analyst, "SELECT 1", **{"as": form}).status_code == 200


def second_analyst() -> User:
    person: User = UserFactory()
    person.groups.add(Group.objects.get(name=ANALYSTS))
    return person


def test_one_person_runs_so_many_queries_in_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "RUNS_PER_MINUTE", replace(limiter.RUNS_PER_MINUTE, amount=2))
    for _ in range(2):
        with limiter.limited("one"):
            pass
    with pytest.raises(limiter.ExplorerBusy, match="in this minute"), limiter.limited("one"):
        pass
    with limiter.limited("another"):
        pass


def test_a_query_waits_for_no_lock_for_long(books: Books) -> None:
    ((seconds,),) = rows(books.bank, "SELECT current_setting('lock_timeout')")
    assert seconds == f"{LOCK_SECONDS}s"


def refuse_a_write() -> None:
    with suppress(InternalError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute("DELETE FROM explorer_runs")


def test_a_bank_without_the_role_says_what_to_do(
    analyst: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.LEDGER_EXPLORER_ROLE = "nobody_of_this_server"
    refuse_a_write()  # of this connection of the process: it still tells that the server answers
    page = run(analyst, "SELECT 1")
    assert page.status_code == 503
    assert "docs/explorer.md" in page.content.decode()
    assert NotSetUp.__name__ not in page.content.decode()


def test_too_long_a_query_is_refused_in_the_form(analyst: Client) -> None:
    assert run(analyst, "SELECT 1 " + " " * 19_000 + "-" * 2_000).status_code == 400


@pytest.mark.parametrize("form", ["page", "csv", "open", "save"])
@pytest.mark.parametrize("text", [TOO_LONG, TOO_MANY], ids=["too long", "too many parameters"])
def test_a_refused_text_gets_no_fields(text: str, form: str, analyst: Client) -> None:
    page = run(analyst, text, **{"as": form})
    assert page.status_code == 400
    assert page.context["editor"].inputs == []
    assert text in html.unescape(page.content.decode())  # to be shortened


def test_the_fields_stay_with_their_values_where_only_the_plan_is_wrong(analyst: Client) -> None:
    page = run(analyst, "SELECT :a", plan="none such", p_a="7")
    assert page.status_code == 400
    assert [each["value"] for each in page.context["editor"].inputs] == ["7"]


def test_a_query_and_its_values_are_limited_in_bytes(analyst: Client) -> None:
    assert run(analyst, f"SELECT '{'€' * (LONGEST_SQL // 3)}'").status_code == 400
    longest = "€" * (LONGEST_VALUE // 3)
    for form in ("page", "csv", "save"):
        page = run(analyst, "SELECT :a", p_a=f"{longest}€", title="Mine", **{"as": form})
        assert page.status_code == 400
        assert str(LONGEST_VALUE) in page.context["editor"].trouble
        assert [each["value"] for each in page.context["editor"].inputs] == [f"{longest}€"]
    assert not QueryRun.objects.exists()
    assert not SavedQuery.objects.exists()
    assert run(analyst, "SELECT :a", p_a=longest).status_code == 200
    assert QueryRun.objects.get().parameters == {"a": longest}


@pytest.mark.parametrize("sql", ["SELECT :a", "SELECT :a::int", "SELECT pg_sleep(9), :a"])
def test_what_the_history_stores_counts_as_sent(
    sql: str, analyst: Client, books: Books, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.LEDGER_EXPLORER_SECONDS = 0.5
    counted = list[tuple[Any, int]]()
    monkeypatch.setattr(
        explorer_services, "count_stored", lambda person, size: counted.append((person, size))
    )
    run(analyst, f"{sql} -- {'€' * 5_000}", p_a="€" * 100)
    found = QueryRun.objects.get()
    ((person, size),) = counted
    assert person == books.analyst
    assert size > len(f"{found.sql}{found.parameters['a']}{found.message}".encode())


def test_the_page_sends_few_queries(analyst: Client, django_assert_max_num_queries: Any) -> None:
    analyst.get(PAGE)
    with django_assert_max_num_queries(8):
        analyst.get(PAGE)
    with django_assert_max_num_queries(14):
        run(analyst, "SELECT 1")
