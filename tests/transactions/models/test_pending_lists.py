"""The indexes of words that a payment adds to do not make it wait for the words of others."""

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db
# A payment writes the first with the accounts locked, a note the second with its owner.
TABLES = ["transactions", "annotations"]


def test_whoever_fills_the_list_of_new_words_moves_few_of_them() -> None:
    """With Postgres's 4 MB, one payment in a hundred took eight seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, reloptions FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid"
            " JOIN pg_am ON pg_am.oid = relam WHERE amname = 'gin'"
            " AND indrelid = ANY (%s::regclass[])",
            [TABLES],
        )
        found = dict(cursor.fetchall())
    assert len(found) == 3
    assert {tuple(options or ()) for options in found.values()} == {("gin_pending_list_limit=64",)}
