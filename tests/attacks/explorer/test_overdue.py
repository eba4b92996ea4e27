"""Queries that Postgres does not stop: see Note [Overdue queries] in `explorer.running.overdue`."""

from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from django.conf import settings

from explorer.running import overdue, session
from explorer.running.limiter import ExplorerBusy
from explorer.running.overdue import LOOKS, MAX_FAULTS, MAX_OVERDUE, _Activity
from explorer.running.run import TOO_LONG
from explorer.schema.functions import UNTIL
from tests.conftest import signed_in
from tests.explorer.books import Books, query, rows
from tests.ledger.processes import wait_until
from tests.pooler import beside, server

pytestmark = pytest.mark.django_db
# Texts and lists that Postgres compares pairwise, without checking whether the query was cancelled.
UNSTOPPABLE = [
    "SELECT repeat('a', 2000000) LIKE '%' || repeat('a', 1000000) || 'b%'",
    "SELECT length(translate(repeat('a', 1000000), repeat('b', 1000000) || 'a', 'c'))",
    (
        "SELECT jsonb_path_match(jsonb_build_array(jsonb_agg(n), jsonb_agg(-n)),"
        " '$[0][*] == $[1][*]') FROM generate_series(1, 200000) AS n"
    ),
    (  # each comparison allocates some memory
        "SELECT jsonb_agg(jsonb_build_array(n, n)) @> jsonb_agg(jsonb_build_array(n))"
        " FROM generate_series(1, 100000) AS n"
    ),
]
OURS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ %s"
RUNNING = f"SELECT count(*) {OURS}"
END = f"SELECT pg_terminate_backend(pid) {OURS}"


def a_session(until: int) -> psycopg.Connection[Any]:
    """Returns a session of the explorer's role with a query that must end at this time."""
    name = f"{UNTIL}{until}"
    return beside(user=settings.LEDGER_EXPLORER_ROLE, application_name=name)


def is_refused(books: Books) -> bool:
    try:
        return rows(books.bank, "SELECT 1") != [("1",)]
    except ExplorerBusy:
        return True


def test_overdue_queries_keep_their_places(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_is_embedded", lambda: False)
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


@pytest.mark.usefixtures("may_execute")
def test_each_query_shows_when_it_has_to_be_over(books: Books) -> None:
    """The application name of the session contains this time, even if the server does not track
    queries. A plan is tested, too.
    """
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
    monkeypatch.setattr(overdue, "MAX_OVERDUE", 1)
    monkeypatch.setattr(session, "_is_embedded", lambda: False)  # it would end the query
    with monkeypatch.context() as impatient:  # as if Postgres had not stopped the query
        impatient.setattr(session, "STOP_SECONDS", -600)
        impatient.setattr(session, "GIVEN_UP_AFTER", 0.3)
        problem = query(books.bank, "SELECT pg_sleep(600)", seconds=600).problem
    try:
        assert problem is not None
        assert problem.state == TOO_LONG
        wait_until(lambda: is_refused(books))  # the time in the session is in whole seconds
    finally:
        with beside(user="postgres") as superuser:
            superuser.execute(END, [f"^{UNTIL}"])
    wait_until(lambda: not is_refused(books))


@pytest.mark.parametrize("sql", UNSTOPPABLE)
def test_the_embedded_server_ends_what_looks_for_no_stop(
    sql: str, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each query would run for minutes or more. The server itself continues."""
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("no process here may signal that server's")
    with beside() as other:
        with monkeypatch.context() as impatient:
            impatient.setattr(session, "STOP_SECONDS", -602)
            impatient.setattr(session, "GIVEN_UP_AFTER", 2.3)
            problem = query(books.bank, sql, seconds=600).problem
        assert problem is not None
        assert problem.state == TOO_LONG

        def is_over() -> bool:
            session.end_late_queries()  # again, because a query may allocate memory
            return other.execute(RUNNING, [f"^{UNTIL}"]).fetchone() == (0,)

        wait_until(is_over)
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_a_session_that_is_not_late_is_not_ended(books: Books) -> None:
    with a_session(until=99_999_999_999) as other:
        session.end_late_queries()
        assert rows(books.bank, "SELECT 1") == [("1",)]
        assert other.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ({"computed": 2}, True),
        ({"computed": 1}, False),
        ({"computed": 2, "runs": False}, False),
        ({"computed": 2, "size": 1}, False),
        ({"computed": 2, "faults": MAX_FAULTS + 1}, False),
        ({"computed": 2, "in_kernel": 2}, False),
    ],
)
def test_only_a_process_that_does_nothing_but_compute_gets_the_signal(
    last: dict[str, Any], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = [_Activity(runs=True, computed=1)] * LOOKS + [_Activity(**{"runs": True, **last})]
    monkeypatch.setattr(overdue, "_activity", lambda _pid: looks.pop(0))
    monkeypatch.setattr(overdue, "MOMENT", 0)
    assert overdue._only_computes(1) is expected


def test_only_sessions_of_the_role_are_ended(books: Books) -> None:
    with beside(application_name=f"{UNTIL}1") as other:
        session.end_late_queries()
        assert other.execute("SELECT 1").fetchone() == (1,)
