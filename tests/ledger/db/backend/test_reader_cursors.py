"""The reader's token, which is sent together with a SQL statement."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg.pq import TransactionStatus

from ledger.db.backend.reader_cursors import TokenState, with_reader
from ledger.db.rights.row_security import SETTING

pytestmark = pytest.mark.django_db


class FixedReader:
    def token(self) -> str:
        return "a token"


@pytest.fixture
def raw() -> Iterator[Any]:
    parameters = {**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
    with psycopg.connect(**parameters, autocommit=True) as found:
        found.execute(
            "CREATE TEMPORARY TABLE kept (number integer CHECK (number > 0), "
            "UNIQUE (number) DEFERRABLE INITIALLY DEFERRED)"
        )
        yield found


def execute(raw: Any, query: str, *, is_pooled: bool) -> Any:
    cursor = with_reader(psycopg.Cursor)(raw)
    cursor.state, cursor.reader = TokenState(), FixedReader()
    cursor.prepares, cursor.is_pooled = True, is_pooled
    return cursor.execute(query)


@pytest.mark.parametrize("is_pooled", [False, True])
@pytest.mark.parametrize(
    ("number", "error"),
    [
        pytest.param(0, psycopg.errors.CheckViolation, id="in the statement"),
        pytest.param(1, psycopg.errors.UniqueViolation, id="at the end of the transaction"),
    ],
)
def test_a_refused_write_has_the_error_of_its_rule_and_the_next_query_its_own_rows(
    number: int, error: type[Exception], raw: Any, *, is_pooled: bool
) -> None:
    execute(raw, "INSERT INTO kept VALUES (1)", is_pooled=is_pooled)
    for _ in range(5):
        with pytest.raises(error):
            execute(raw, f"INSERT INTO kept VALUES ({number})", is_pooled=is_pooled)
        assert raw.pgconn.transaction_status == TransactionStatus.IDLE
        found = execute(raw, "SELECT count(*) FROM kept", is_pooled=is_pooled)
        assert found.fetchone() == (1,)


@pytest.mark.parametrize("is_pooled", [False, True])
@pytest.mark.parametrize(
    "query",
    [
        f"SELECT current_setting('{SETTING}')",
        f"WITH added AS (INSERT INTO kept VALUES (1)) SELECT current_setting('{SETTING}')",
    ],
)
def test_the_token_is_valid_in_this_statement_only(
    query: str, raw: Any, *, is_pooled: bool
) -> None:
    assert execute(raw, query, is_pooled=is_pooled).fetchone() == ("a token",)
    assert raw.execute(f"SELECT current_setting('{SETTING}', true)").fetchone() == ("",)
