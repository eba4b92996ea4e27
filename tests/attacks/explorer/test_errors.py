"""The data that an error of a query leaves behind. Errors repeat values of rows, of any length."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings

from accounts.models import Read
from explorer.models import QueryRun
from explorer.pages import editor
from explorer.running import anywhere, run
from explorer.running.limiter import ExplorerBusy
from explorer.running.run import MAX_CHARACTERS
from tests.attacks.explorer.roles import leading_to
from tests.conftest import signed_in
from tests.explorer.books import Books, query
from tests.ledger.processes import wait_until
from tests.pooler import beside, server

pytestmark = pytest.mark.django_db
DENIED = "42501"
MEGABYTES = 50
HUGE = f"SELECT cast(repeat('<', {MEGABYTES} * 1024 * 1024) AS int)"
# The errors of these queries repeat a whole text. For an identifier, a notice comes first.
LOUD = [
    HUGE,
    f"SELECT ('{{' || repeat('<', {MEGABYTES} * 1024 * 1024))::int[]",
    f"SELECT (repeat('<', {MEGABYTES} * 1024 * 1024) || balance)::date FROM accounts",
    f"SELECT encode('x', repeat('<', {MEGABYTES} * 1024 * 1024))",
    (
        f"SELECT query_to_xml('SELECT \"' || repeat('x', {MEGABYTES} * 1024 * 1024) || '\"',"
        " true, false, '')::text"
    ),
]
# If a query may set the parameter, Postgres reports that the value is too long, or names no schema.
NOTICED = [
    f"SELECT length(set_config('application_name', repeat('x', {MEGABYTES} * 1024 * 1024), true))",
    f"SELECT set_config('search_path', repeat('x', {MEGABYTES} * 1024 * 1024), false)",
]
PAGE = "/explorer/"


@pytest.fixture
def logged() -> Callable[[], str]:
    """A function that returns the text that the server has logged since the start of the test."""
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("the log of another server is not here")
    with beside(user="postgres") as superuser:
        (path,) = superuser.execute("SELECT pg_current_logfile()").fetchone() or ("",)
        (folder,) = superuser.execute("SHOW data_directory").fetchone() or ("",)
    file = Path(folder, path)
    begin = file.stat().st_size

    def read() -> str:
        with file.open(errors="replace") as log:
            log.seek(begin)
            return log.read()

    def text() -> str:
        """Returns the logged text. Causes an error first, and waits for it, because the server
        writes the log in order but later than it responds.
        """
        last = uuid4().hex
        with beside() as session, suppress(psycopg.Error):
            session.execute(f"SELECT '{last}'::int".encode())
        wait_until(lambda: last in read())
        return read()

    return text


def bare_error(role: str, token: str) -> None:
    """Causes an error in a session of the role, outside of any block that catches errors."""
    with beside(user=role) as session, pytest.raises(psycopg.Error):
        session.execute(f"SELECT cast('bare {token}' || repeat('', 1) AS int)".encode())


@pytest.mark.parametrize("plan", ["", "estimate", "run"])
def test_the_log_of_a_server_without_our_settings_has_no_value(
    plan: str, another_role: str, logged: Callable[[], str], books: Books
) -> None:
    token = uuid4().hex
    sql = f"SELECT cast('{token}' || repeat('', n) AS int) FROM generate_series(1, 2) AS n"
    problem = query(books.bank, sql, plan=plan).problem
    bare_error(another_role, token)
    assert problem is not None
    assert token in problem.sentence
    (line,) = [line for line in logged().splitlines() if token in line]
    assert f"bare {token}" in line  # for such a role, the server logs errors that are not caught


def test_the_log_has_no_error_of_the_explorers_role(
    logged: Callable[[], str], books: Books
) -> None:
    token = uuid4().hex
    sql = f"SELECT ('{token}' || balance)::date FROM accounts WHERE balance = 487.5"
    problem = query(books.bank, sql).problem
    assert problem is not None
    assert "487.5" in problem.sentence
    with leading_to(server()):
        query(books.bank, f"SELECT '{token}'::int")  # refused before any part of it runs
    bare_error(settings.LEDGER_EXPLORER_ROLE, token)
    assert token not in logged()


def kilobytes_that(query_is_run: Callable[[], object]) -> int:
    """Returns the temporary growth of this process's memory in KiB."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("only Linux tells how much memory a process had")

    def peak() -> int:
        (line,) = [line for line in status.read_text().splitlines() if "VmHWM" in line]
        return int(line.split()[1])

    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = peak()
    query_is_run()
    return peak() - before


@pytest.mark.usefixtures("may_execute")
@pytest.mark.parametrize("sql", LOUD)
def test_no_huge_message_comes_to_the_log_or_the_web_process(
    sql: str, logged: Callable[[], str], books: Books
) -> None:
    query(books.bank, "SELECT 1 / (n - n) FROM generate_series(1, 2) AS n")
    found = []
    assert (
        kilobytes_that(lambda: found.append(query(books.bank, sql, seconds=120).problem)) < 8 * 1024
    )
    (problem,) = found
    assert problem is not None
    assert problem.state != DENIED  # otherwise the query only tests a right
    assert len(problem.sentence) <= MAX_CHARACTERS + 1
    assert len(logged()) < 100_000


@pytest.mark.usefixtures("may_execute")
@pytest.mark.parametrize("sql", NOTICED)
def test_no_huge_notice_comes_to_the_log_or_the_web_process(
    sql: str, logged: Callable[[], str], books: Books
) -> None:
    query(books.bank, "SELECT 1")
    found = []
    assert (
        kilobytes_that(lambda: found.append(query(books.bank, sql, seconds=120).problem)) < 8 * 1024
    )
    assert found == [None]
    assert len(logged()) < 100_000


@pytest.mark.parametrize("form", ["page", "csv", "json"])
@pytest.mark.parametrize(
    ("sql", "is_read"),
    [
        ("SELECT (balance || ' is secret')::date FROM accounts", True),
        ("SELECT 1 / (length(category) - length(category)) FROM entries", True),
        ("SELECT balanc FROM accounts", False),  # the error contains only the query
    ],
)
def test_an_error_that_may_repeat_values_is_in_the_log_of_reads(
    sql: str, is_read: bool, form: str, books: Books
) -> None:
    page = signed_in(books.analyst).post(PAGE, {"sql": sql, "as": form})
    assert page.status_code == 400
    assert QueryRun.objects.get().outcome == QueryRun.RunOutcome.REFUSED
    assert [read.reader for read in Read.objects.all()] == [books.analyst] * is_read


# Postgres puts the first bytes of a text into these errors: one and a half characters.
HALF_CHARACTERS = [
    "SELECT to_date(repeat('€', n), 'YYYY') FROM generate_series(4, 5) AS n",
    "SELECT to_timestamp(repeat('€', n), 'HH24:MI') FROM generate_series(4, 5) AS n",
    "SELECT to_date('ab' || repeat('€', n), 'YYYY MM') FROM generate_series(4, 5) AS n",
    (
        "SELECT jsonb_path_query(to_jsonb(repeat('€', n)), '$.datetime(\"HH24:MI\")')"
        " FROM generate_series(4, 5) AS n"
    ),
]


@pytest.mark.parametrize("plan", ["", "run"])
@pytest.mark.parametrize("sql", HALF_CHARACTERS)
def test_an_error_with_half_a_character_is_a_sentence_and_a_read(
    sql: str, plan: str, books: Books
) -> None:
    page = signed_in(books.analyst).post(PAGE, {"sql": sql, "as": "page", "plan": plan})
    assert page.status_code == 400
    problem = page.context["editor"].shown.result.problem
    assert problem.state.startswith("22")
    assert QueryRun.objects.get().message == problem.sentence
    assert Read.objects.get().reader == books.analyst


@pytest.mark.parametrize("form", ["page", "csv", "json"])
def test_a_query_that_was_executed_is_on_record_whatever_fails_then(
    form: str, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    def executed(*_arguments: Any) -> list[str]:
        raise MemoryError

    monkeypatch.setattr(run, "lines_of", executed)
    client = signed_in(books.analyst)
    client.raise_request_exception = False
    sql = "SELECT balance FROM accounts"
    assert client.post(PAGE, {"sql": sql, "as": form}).status_code == 500
    assert Read.objects.get().reader == books.analyst
    found = QueryRun.objects.get()
    assert (found.sql, found.outcome) == (sql, QueryRun.RunOutcome.FAILED)


def test_a_query_of_which_the_server_goes_is_a_read(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    def executed(*_arguments: Any) -> list[str]:
        raise psycopg.OperationalError

    monkeypatch.setattr(run, "lines_of", executed)
    client = signed_in(books.analyst)
    assert client.post(PAGE, {"sql": "SELECT 1", "as": "page"}).status_code == 503
    assert Read.objects.get().reader == books.analyst
    assert QueryRun.objects.get().outcome == QueryRun.RunOutcome.FAILED


@pytest.mark.parametrize("failing", ["_record", "_page"])
def test_a_query_is_a_read_if_its_answer_fails(
    failing: str, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any, **_more: Any) -> None:
        raise ValueError

    monkeypatch.setattr(editor, failing, fail)
    client = signed_in(books.analyst)
    client.raise_request_exception = False
    assert client.post(PAGE, {"sql": "SELECT 1", "as": "page"}).status_code == 500
    assert Read.objects.get().reader == books.analyst


def test_a_query_that_the_second_server_does_not_take_is_on_record(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests a replica that cancels the query because of a conflict, while other queries are overdue
    on the primary.
    """

    def twice(asked: Any, reader: Any) -> None:
        run.run(asked, reader)
        raise ExplorerBusy

    monkeypatch.setattr(anywhere, "run", twice)
    page = signed_in(books.analyst).post(PAGE, {"sql": "SELECT 1", "as": "page"})
    assert page.status_code == 503
    assert Read.objects.get().reader == books.analyst
    assert QueryRun.objects.get().outcome == QueryRun.RunOutcome.FAILED
