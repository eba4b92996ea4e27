"""What each connection is given, and when one is closed instead of used again."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ledger.db.backend.base import DatabaseWrapper

pytestmark = pytest.mark.django_db(transaction=True)
TIMEOUTS = {"lock_timeout": 3, "statement_timeout": 4, "transaction_timeout": 900}


@pytest.fixture
def another() -> Iterator[Any]:
    """Further connections to the test database with other settings."""
    made: list[BaseDatabaseWrapper] = []

    def another(**changes: Any) -> DatabaseWrapper:
        ours = connections["default"]
        options = {**ours.settings_dict["OPTIONS"], **changes.pop("OPTIONS", {})}
        found = DatabaseWrapper(
            {**ours.settings_dict, "OPTIONS": options, **changes}, alias="default"
        )
        made.append(found)
        return found

    yield another
    for connection in made:
        connection.close()


def value(connection: BaseDatabaseWrapper, sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (found,) = cursor.fetchone()
    return found


def test_a_web_process_limits_locks_statements_and_transactions(another: Any) -> None:
    found = another(LEDGER_TIMEOUTS=TIMEOUTS)

    assert value(found, "SHOW lock_timeout") == "3s"
    assert value(found, "SHOW statement_timeout") == "4s"
    if settings.LEDGER_PG >= 17:
        assert value(found, "SHOW transaction_timeout") == "15min"


@pytest.mark.skipif(settings.LEDGER_PG < 17, reason="Postgres knows transaction_timeout from 17 on")
def test_the_limit_on_transactions_stays_after_a_session_is_cleaned(another: Any) -> None:
    found = another(LEDGER_TIMEOUTS=TIMEOUTS)
    value(found, "SELECT 1")
    found.forget_reader()

    assert value(found, "SHOW transaction_timeout") == "15min"


def test_of_several_hosts_the_first_that_answers_is_taken(another: Any) -> None:
    there = connections["default"].settings_dict["HOST"]
    found = another(HOST=f"/nowhere,{there}", OPTIONS={"target_session_attrs": "read-write"})

    assert value(found, "SELECT 1") == 1


def test_a_reader_is_not_taken_where_a_writer_is_asked_for(another: Any) -> None:
    found = another(
        OPTIONS={
            "target_session_attrs": "read-write",
            "options": "-c default_transaction_read_only=on",
        }
    )
    with pytest.raises(DatabaseError, match="read-only"):
        found.ensure_connection()


def test_a_connection_whose_server_became_a_reader_is_closed_at_the_next_request(
    another: Any,
) -> None:
    found = another(OPTIONS={"target_session_attrs": "read-write"})
    pid = value(found, "SELECT pg_backend_pid()")
    value(found, "SELECT set_config('default_transaction_read_only', 'on', false)")

    found.close_if_unusable_or_obsolete()  # as at the begin of a request
    assert value(found, "SELECT pg_backend_pid()") != pid


def test_a_connection_on_which_a_write_was_refused_is_closed_at_the_next_request(
    another: Any,
) -> None:
    found = another()
    pid = value(found, "SELECT pg_backend_pid()")
    value(found, "SELECT set_config('default_transaction_read_only', 'on', false)")
    with pytest.raises(DatabaseError, match="read-only"):
        value(found, "CREATE TABLE refused (id int)")

    found.close_if_unusable_or_obsolete()
    assert value(found, "SELECT pg_backend_pid()") != pid


def test_a_connection_is_kept_while_its_server_takes_writes(another: Any) -> None:
    found = another(OPTIONS={"target_session_attrs": "read-write"})
    pid = value(found, "SELECT pg_backend_pid()")

    found.close_if_unusable_or_obsolete()
    assert value(found, "SELECT pg_backend_pid()") == pid


def test_a_refused_write_is_forgotten_with_its_connection(another: Any) -> None:
    found = another()
    value(found, "SELECT set_config('default_transaction_read_only', 'on', false)")
    with pytest.raises(DatabaseError, match="read-only"):
        value(found, "CREATE TABLE refused (id int)")
    found.close_if_unusable_or_obsolete()
    pid = value(found, "SELECT pg_backend_pid()")

    found.close_if_unusable_or_obsolete()
    assert value(found, "SELECT pg_backend_pid()") == pid
