"""What Django's pool asks for each new connection, and which it does not give out again."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured

from ledger.db.backend.base import DatabaseWrapper
from tests.ledger.servers import value
from tests.pooler import own_pool, server

pytestmark = pytest.mark.django_db(transaction=True)
ALIAS = "default"


@pytest.fixture(autouse=True)
def _no_other_pool() -> Iterator[None]:
    with own_pool():
        yield


def pooled(**changes: Any) -> Any:
    settings = server()
    pool = {"min_size": 1, "max_size": 1, "timeout": 10}
    options = {**settings["OPTIONS"], "pool": pool, **changes.pop("OPTIONS", {})}
    return DatabaseWrapper({**settings, "CONN_MAX_AGE": 0, "OPTIONS": options, **changes}, ALIAS)


@pytest.fixture
def database() -> Iterator[Any]:
    found = pooled(OPTIONS={"target_session_attrs": "read-write"})
    yield found
    found.close()
    found.close_pool()


def test_connections_of_a_pool_are_used_again(database: Any) -> None:
    pid = value(database, "SELECT pg_backend_pid()")
    database.close()

    assert value(database, "SELECT pg_backend_pid()") == pid


def test_each_connection_of_a_pool_is_opened_with_the_parameters_of_its_time(database: Any) -> None:
    value(database, "SELECT 1")
    database.settings_dict["OPTIONS"]["application_name"] = "later"
    database.connection.close()
    database.close()

    assert value(database, "SHOW application_name") == "later"


def test_a_pool_gives_out_no_connection_whose_server_became_a_reader(database: Any) -> None:
    pid = value(database, "SELECT pg_backend_pid()")
    raw = database.connection
    database.close()
    raw.execute("SET default_transaction_read_only = on")  # while it waits in the pool
    raw.commit()

    assert value(database, "SELECT pg_backend_pid()") != pid


def test_a_pool_has_its_limits_of_time_in_each_session() -> None:
    database = pooled(LEDGER_TIMEOUTS={"lock_timeout": 3, "transaction_timeout": 900})
    try:
        assert value(database, "SHOW lock_timeout") == "3s"
        if database.connection.info.server_version >= 170000:
            assert value(database, "SHOW transaction_timeout") == "15min"
    finally:
        database.close()
        database.close_pool()


def test_a_pool_beside_kept_connections_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="CONN_MAX_AGE"):
        pooled(CONN_MAX_AGE=60).connect()


def test_a_short_connection_is_not_taken_from_the_pool(database: Any) -> None:
    value(database, "SELECT 1")
    raw = database.open(**database.get_connection_params())
    try:
        assert isinstance(raw, psycopg.Connection)
        assert not hasattr(raw, "_pool") or raw._pool is None
    finally:
        raw.close()
