"""A trace has a statement's name and its text without values."""

import pytest

from ledger.db.queries.statement_text import MAX_LENGTH, READ, described

NAMES = {
    'SELECT "accounts"."id" FROM "accounts" WHERE "accounts"."id" = %s': "SELECT accounts",
    "SELECT pg_backend_pid()": "SELECT",
    "WITH locked AS (SELECT 1 FROM accounts FOR NO KEY UPDATE) INSERT INTO transactions (id)"
    " SELECT 1 FROM locked ON CONFLICT (id) DO NOTHING": "INSERT transactions",
    "WITH a AS (SELECT 1 FROM accounts FOR UPDATE) SELECT * FROM a": "SELECT accounts",
    'UPDATE "accounts" SET "status" = %s': "UPDATE accounts",
    'DELETE FROM "sessions" WHERE "sessions"."session_key" = %s': "DELETE sessions",
    "COPY transactions (id, amount) FROM STDIN": "COPY transactions",
    'UPDATE "other"."table 1" SET a = 1': "UPDATE other.table",
    'SAVEPOINT "s139876_x12"': "SAVEPOINT",
    "  ( SELECT 1 FROM a ) UNION ALL (SELECT 2 FROM b)": "SELECT a",
    "-- a comment\nSELECT 1 FROM public.transactions": "SELECT transactions",
    "": "SQL",
}
TEXTS = {
    "SELECT 'secret', 12.50, name1, \"Na'me 7\", %s, %(id)s, $1": (
        'SELECT ?, ?, name1, "Na\'me 7", %s, %(id)s, $1'
    ),
    "SELECT 'it''s', E'it\\'s 7', U&'x', $$a 'b' $$, $t$ $$ x $t$, 1": "SELECT ?, ?, ?, ?, ?, ?",
    "SELECT '\\', 'secret'": "SELECT ?, ?",
    "SELECT 1 -- secret 'x\n, 2 /* secret ' */ , 3": "SELECT ? , ? , ?",
    "SELECT a %12, b -7, c>8": "SELECT a %?, b -?, c>?",
    "SELECT 1e5, 0x1F, .5, a.b1": "SELECT ?, ?, ?, a.b1",
    "SELECT 'never ends, secret": "SELECT ?",
    'RELEASE SAVEPOINT "s139876_x12"': 'RELEASE SAVEPOINT "savepoint"',
    "SELECT  a,\n       b": "SELECT a, b",
}


@pytest.mark.parametrize("sql", NAMES)
def test_the_name_is_the_operation_and_its_table(sql: str) -> None:
    assert described(sql).name == NAMES[sql]


@pytest.mark.parametrize("sql", TEXTS)
def test_the_text_has_placeholders_alone(sql: str) -> None:
    assert described(sql).text == TEXTS[sql]


def test_a_long_text_is_cut() -> None:
    assert len(described("SELECT " + "a, " * MAX_LENGTH).text) < MAX_LENGTH + 10


@pytest.mark.parametrize("opens", ["'", "E'", "$$", "$tag$", "/* ", "-- "])
def test_a_text_that_is_cut_within_a_literal_shows_nothing_of_it(opens: str) -> None:
    text = described("SELECT " + " " * (READ - 20) + opens + "secret" * 10).text
    assert "sec" not in text


def test_a_long_text_full_of_quotation_marks_takes_no_long_time() -> None:
    """Each piece is read once: doubling the text twice would show in minutes otherwise."""
    assert described("SELECT " + "'" * 200_001).operation == "SELECT"
    assert described("SELECT " + "$a$" * 50_001 + "E'" * 50_000).operation == "SELECT"
