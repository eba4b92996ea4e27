"""SQL is laid out so that people can read it, and stays the same SQL."""

import re

import pytest
import sqlparse

from ledger.text.sql_layout import WIDTH, lay_out

DJANGO = (
    'SELECT "entries"."currency", (COUNT(*) FILTER (WHERE "entries"."amount" > 10)) AS "many", '
    'SUM("entries"."amount") OVER (PARTITION BY "entries"."account_id" ORDER BY '
    '"entries"."created_at" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS "total", '
    "CASE WHEN \"entries\".\"direction\" = 'credit' THEN 'a long text that takes a lot of room' "
    "WHEN \"entries\".\"direction\" = 'debit' THEN 'another (text) AND more' ELSE NULL END AS "
    '"user" FROM "entries" INNER JOIN "accounts" ON ("entries"."account_id" = "accounts"."id") '
    'WHERE ("entries"."status" = \'completed\' AND "entries"."created_at" BETWEEN 1 AND 2 AND '
    'EXISTS(SELECT 1 AS "a" FROM "users" U0 WHERE U0."id" = ("accounts"."user_id") LIMIT 1)) '
    'GROUP BY "entries"."currency", 2 ORDER BY 1 ASC LIMIT 21'
)


def test_each_clause_and_each_expression_has_its_line() -> None:
    assert lay_out(DJANGO).splitlines() == [
        "SELECT",
        "  entries.currency,",
        "  (COUNT(*) FILTER (WHERE entries.amount > 10)) AS many,",
        "  SUM(entries.amount) OVER (",
        "    PARTITION BY entries.account_id",
        "    ORDER BY entries.created_at",
        "    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
        "  ) AS total,",
        "  CASE",
        "    WHEN entries.direction = 'credit' THEN 'a long text that takes a lot of room'",
        "    WHEN entries.direction = 'debit' THEN 'another (text) AND more'",
        "    ELSE NULL",
        '  END AS "user"',
        "FROM entries",
        "INNER JOIN accounts ON (entries.account_id = accounts.id)",
        "WHERE",
        "  entries.status = 'completed'",
        "  AND entries.created_at BETWEEN 1 AND 2",
        "  AND EXISTS(SELECT 1 AS a FROM users U0 WHERE U0.id = (accounts.user_id) LIMIT 1)",
        "GROUP BY entries.currency, 2",
        "ORDER BY 1 ASC",
        "LIMIT 21",
    ]


def test_what_is_short_stays_on_its_line() -> None:
    assert lay_out("SELECT 1") == "SELECT 1"
    assert lay_out("SELECT a, b FROM c WHERE d IN (1, 2)").splitlines() == [
        "SELECT a, b",
        "FROM c",
        "WHERE d IN (1, 2)",
    ]


def test_a_short_condition_without_its_brackets_keeps_its_distance() -> None:
    sql = "SELECT 1 FROM a WHERE (b = 1 AND c = 2)"
    assert lay_out(sql).splitlines()[-1] == "WHERE b = 1 AND c = 2"
    assert lay_out(sql.replace("(", "((b) AND ")).splitlines()[-1].startswith("WHERE (b) AND b")
    assert lay_out("SELECT 1 FROM a WHERE ()").splitlines()[-1] == "WHERE ()"


def test_a_query_within_a_query_stands_further_in() -> None:
    inner = "SELECT balance FROM entries WHERE account_id = mine.id AND created_at < day.ends"
    laid = lay_out(
        f"SELECT 1 FROM a LEFT JOIN LATERAL ({inner} ORDER BY created_at LIMIT 1) b ON true"
    )
    assert laid.splitlines() == [
        "SELECT 1",
        "FROM a",
        "LEFT JOIN LATERAL (",
        "  SELECT balance",
        "  FROM entries",
        "  WHERE account_id = mine.id AND created_at < day.ends",
        "  ORDER BY created_at",
        "  LIMIT 1",
        ") b ON true",
    ]


def test_bare_columns_share_a_line_and_expressions_have_their_own() -> None:
    names = ["column_0", "password", *(f"column_{number}" for number in range(2, 8))]
    columns = ", ".join(f'"accounts"."{name}"' for name in names)
    laid = lay_out(f'SELECT {columns}, COUNT(*) AS "many", "accounts"."last" FROM "accounts"')
    assert laid.splitlines() == [
        "SELECT",
        "  accounts.column_0, accounts.password, accounts.column_2,",
        "  accounts.column_3, accounts.column_4, accounts.column_5,",
        "  accounts.column_6, accounts.column_7,",
        "  COUNT(*) AS many,",
        "  accounts.last",
        "FROM accounts",
    ]


def test_a_short_where_loses_its_brackets_and_keeps_its_space() -> None:
    assert lay_out('DELETE FROM "a" WHERE ("a"."b" = 1)').splitlines()[-1] == "WHERE a.b = 1"
    assert lay_out("SELECT 1 WHERE ()").splitlines()[-1] == "WHERE ()"


def test_is_distinct_from_is_no_clause() -> None:
    assert lay_out("SELECT 1 FROM a WHERE b IS DISTINCT FROM c").splitlines()[-1] == (
        "WHERE b IS DISTINCT FROM c"
    )


def test_comments_cannot_swallow_what_follows() -> None:
    assert lay_out("SELECT a -- why\nFROM b") == "SELECT a /* why */\nFROM b"


@pytest.mark.parametrize(
    "sql",
    [
        DJANGO,
        "SELECT ')(' FROM \"select\" WHERE a = E'it''s' AND b ~ '\\(' OR NOT (c)",
        "WITH a AS (SELECT 1), b AS (SELECT 2) (SELECT * FROM a) UNION ALL (SELECT * FROM b)",
        "SELECT x::numeric(19, 4), ARRAY[1, 2], a->>'b' FROM f(1, 2) AS t (c, d)",
        "INSERT INTO a (b) VALUES (1) RETURNING id",
        "SELECT ((((1))))",
        "SELECT (1",
        "",
    ],
)
def test_only_white_space_quotes_and_outer_brackets_change(sql: str) -> None:
    def bare(text: str) -> str:
        return re.sub(r'[\s"()]', "", text)

    assert bare(lay_out(sql)) == bare(sql)
    assert lay_out(lay_out(sql)) == lay_out(sql)


def test_lines_are_no_longer_than_the_page_is_wide() -> None:
    assert max(map(len, lay_out(DJANGO).splitlines())) <= WIDTH
    assert sqlparse.split(lay_out(DJANGO)) == [lay_out(DJANGO)]
