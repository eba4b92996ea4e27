"""Queries that Postgres does not stop: see Note [Overdue queries] in `explorer.running.limiter`."""

from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from django.conf import settings

from explorer.running import limiter, session
from explorer.running.limiter import MAX_OVERDUE, UNTIL, ExplorerBusy
from explorer.running.run import TOO_LONG
from tests.conftest import signed_in
from tests.explorer.books import Books, query, rows
from tests.ledger.processes import wait_until
from tests.pooler import beside, server

pytestmark = pytest.mark.django_db
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ %s"


def a_session(until: int) -> psycopg.Connection[Any]:
    """Of the explorer's role, with a query that has to be over then."""
    name = f"{UNTIL}{until}"
    return beside(user=settings.LEDGER_EXPLORER_ROLE, application_name=name)


def is_refused(books: Books) -> bool:
    try:
        return rows(books.bank, "SELECT 1") != [("1",)]
    except ExplorerBusy:
        return True


def test_overdue_queries_keep_their_places(books: Books) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_OVERDUE):
            assert rows(books.bank, "SELECT 1") == [("1",)]
            stack.enter_context(a_session(until=1))
        with pytest.raises(ExplorerBusy):
            query(books.bank, "SELECT 1")
        page = signed_in(books.analyst).post("/explorer/", {"sql": "SELECT 1"})
        assert page.status_code == 503
    wait_until(lambda: not is_refused(books))


def test_queries_that_still_have_time_are_not_overdue(books: Books) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_OVERDUE):
            stack.enter_context(a_session(until=99_999_999_999))
        assert rows(books.bank, "SELECT 1") == [("1",)]


def test_sessions_of_other_roles_are_not_overdue(books: Books) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_OVERDUE):
            stack.enter_context(beside(application_name=f"{UNTIL}1"))
        assert rows(books.bank, "SELECT 1") == [("1",)]


def test_each_query_shows_when_it_has_to_be_over(books: Books) -> None:
    """Also a session that does not track what it runs, and again for the plan."""
    sql = (
        "SELECT 1 / (count(*) - 1) FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        f" AND application_name !~ '^{UNTIL}[0-9]+$'"
    )
    found = query(books.bank, sql, plan="run")
    assert found.problem is None
    assert found.rows == [("-1",)]
    assert "actual" in found.plan


def test_a_query_that_was_given_up_keeps_its_place_until_its_session_ends(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser ends the session for the test")
    monkeypatch.setattr(limiter, "MAX_OVERDUE", 1)
    with monkeypatch.context() as impatient:  # as if Postgres had not stopped it after its time
        impatient.setattr(session, "STOP_SECONDS", -600)
        impatient.setattr(session, "GIVEN_UP_AFTER", 0.3)
        problem = query(books.bank, "SELECT pg_sleep(600)", seconds=600).problem
    assert problem is not None
    assert problem.state == TOO_LONG
    with pytest.raises(ExplorerBusy):
        query(books.bank, "SELECT 1")
    with beside(user="postgres") as superuser:
        superuser.execute(END, [f"^{UNTIL}"])
    wait_until(lambda: not is_refused(books))
