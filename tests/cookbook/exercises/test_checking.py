"""How an answer is compared with the solution, and what refuses an answer."""

import pytest

from cookbook.exercises import BY_SLUG, checking
from cookbook.exercises.checking import CheckedAnswer, check, difference_between
from cookbook.exercises.exercise import Exercise
from explorer.running.run import NO_EXPLAIN, NO_ROWS, TOO_LONG, QueryResult, ResultColumn

pytestmark = pytest.mark.usefixtures("practice_bank", "db")
SYNTAX, DENIED, READ_ONLY = "42601", "42501", "25006"
RICH = "SELECT number, balance FROM accounts WHERE currency = 'USD' AND balance > 1000"


def answered(sql: str, slug: str = "accounts-above-a-thousand") -> CheckedAnswer:
    return check(BY_SLUG[slug], sql)


def sentence(checked: CheckedAnswer) -> str:
    assert not checked.is_right
    assert checked.difference is not None
    return checked.difference.sentence


@pytest.mark.parametrize(
    "sql",
    [
        RICH,
        f"{RICH} ORDER BY 1 DESC;",
        RICH.replace("number, balance", "number AS n, balance * 1.0 AS b"),
        RICH.replace("balance FROM", "round(balance, 2) FROM"),
    ],
)
def test_order_names_and_scale_do_not_count(sql: str) -> None:
    assert answered(sql).is_right


def test_the_difference_names_what_is_wrong() -> None:
    columns = sentence(answered(RICH.replace("number, balance", "number")))
    assert "columns" in columns
    few = answered(f"{RICH} ORDER BY number OFFSET 1")
    assert "number of rows" in sentence(few)
    assert few.difference is not None
    assert few.difference.answered is None
    assert few.difference.expected == min(answered(RICH).result.rows)
    many = answered(f"{RICH} UNION ALL ({RICH} ORDER BY number LIMIT 1)")
    assert "number of rows" in sentence(many)
    other = answered(RICH.replace("balance FROM", "balance + (name = 'Savings')::int FROM"))
    assert "Row " in sentence(other)
    assert other.compared[0][1] != other.compared[1][1]
    assert "more than 200" in sentence(answered("SELECT id, amount FROM transactions"))


def test_a_number_with_many_digits_is_compared() -> None:
    assert "rows" in sentence(answered("SELECT number, 10::numeric ^ 30 FROM accounts LIMIT 1"))


def test_an_answer_is_not_right_if_the_solution_did_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Exercise, "read_only_sql", "SELECT number, balance / 0 FROM accounts")
    checked = answered("SELECT number, balance FROM accounts WHERE false")
    assert not checked.is_right
    assert checked.result.why_not


def test_the_order_counts_only_if_the_question_asks_for_it() -> None:
    right = BY_SLUG["accounts-in-lock-order"].read_only_sql
    reverse = f"SELECT * FROM ({right}) AS t (number) ORDER BY row_number() OVER () DESC"
    assert "order" in sentence(answered(reverse, "accounts-in-lock-order"))


@pytest.mark.parametrize(
    ("kinds", "answer", "solution", "is_equal"),
    [
        (("number", "number"), "1.50", "1.5000", True),
        (("number", "number"), "0.33333333", "0.3334", False),
        (("number", "number"), "0.33333333", "0.33331", True),
        (("number", "number"), "NaN", "NaN", True),
        (("text", "number"), "1.50", "1.5", False),
        (("time", "date"), "2026-06-01 00:00:00+00", "2026-06-01", True),
        (("date", "time"), "2026-06-01", "2026-06-01 00:00:00", True),
        (("time", "date"), "2026-06-01 00:00:01+00", "2026-06-01", False),
        (("text", "text"), None, None, True),
        (("text", "text"), None, "", False),
    ],
)
def test_equal_values_may_be_written_differently(
    kinds: tuple[str, str], answer: str | None, solution: str | None, is_equal: bool
) -> None:
    one, other = (
        QueryResult(columns=[ResultColumn("x", kind)], rows=[(value,)])
        for kind, value in zip(kinds, (answer, solution), strict=True)
    )
    assert (difference_between(one, other, is_ordered=False) is None) == is_equal


PLACES = (
    "SELECT users.name, {}() OVER (ORDER BY count(*) DESC) FROM users"
    " JOIN accounts ON users.id = user_id GROUP BY users.id"
)
SHARES = (
    "SELECT number, currency, share FROM (SELECT number, currency, balance,"
    " round(balance * 100 / sum(balance) OVER (PARTITION BY currency), 1) AS share"
    " FROM accounts {}) AS shares WHERE balance > 0"
)
WITH_WATER = "SELECT DISTINCT description FROM transactions WHERE {}"
WITHDRAWALS = (
    "SELECT category, amount, value_date, place FROM (SELECT *, row_number() OVER (PARTITION BY"
    " category ORDER BY {}) AS place FROM transactions WHERE type = 'withdrawal'"
    " AND status = 'completed' AND currency = 'USD') AS numbered WHERE place <= 2"
)
DEPOSITS = (
    "SELECT amount, currency, value_date FROM transactions WHERE type = 'deposit' ORDER BY {}"
)
FIRST_VOUCHER = "worth - spent DESC, sold_on, id DESC"
VOUCHERS = "SELECT code, sold_on FROM vouchers ORDER BY {} LIMIT 3"
QUEUES = (
    "SELECT number, count(*) FROM entries JOIN accounts ON accounts.id = account_id"
    " WHERE value_date = '2026-06-27' {} LIMIT 3"
)
QUEUED = "AND entries.status = 'completed' GROUP BY number ORDER BY count(*) DESC, number DESC"
QUERY = "websearch_to_tsquery('simple', 'market or book')"
BEST = (
    f"SELECT description, max(ts_rank(search, {QUERY})) FROM transactions WHERE search @@ {QUERY}"
    " GROUP BY description ORDER BY {}"
)
WATER = "to_tsvector('{0}', description) @@ plainto_tsquery('{0}', 'water')"


@pytest.mark.parametrize(
    ("slug", "sql", "right", "wrong"),
    [
        ("places-by-number-of-accounts", PLACES, "rank", "dense_rank"),
        ("places-by-number-of-accounts", PLACES, "rank", "row_number"),
        ("share-of-the-currency", SHARES, "WHERE balance > 0", ""),
        ("water-in-english", WITH_WATER, WATER.format("english"), WATER.format("simple")),
        ("water-in-english", WITH_WATER, WATER.format("english"), "description ILIKE '%water%'"),
        (
            "largest-two-of-each-category",
            WITHDRAWALS,
            "amount DESC, value_date DESC",
            "amount DESC",
        ),
        ("smallest-deposits", DEPOSITS, "1, 3 DESC LIMIT 5", "1 LIMIT 5"),
        ("smallest-deposits", DEPOSITS, "1, 3 DESC LIMIT 5", "1, 3 DESC"),
        ("vouchers-of-three-workers", VOUCHERS, FIRST_VOUCHER, "worth - spent DESC, id DESC"),
        ("vouchers-of-three-workers", VOUCHERS, FIRST_VOUCHER, "worth - spent DESC, sold_on"),
        ("vouchers-of-three-workers", VOUCHERS, FIRST_VOUCHER, "sold_on, id DESC"),
        ("longest-queues", QUEUES, QUEUED, QUEUED.replace("AND entries.status = 'completed'", "")),
        ("longest-queues", QUEUES, QUEUED, QUEUED.removesuffix(" DESC")),
        ("three-best-matches", BEST, "2 DESC, 1 LIMIT 3", "2 DESC, 1 LIMIT 5"),
        ("three-best-matches", BEST, "2 DESC, 1 LIMIT 3", "2 DESC, 1 DESC LIMIT 3"),
    ],
)
def test_a_likely_mistake_is_refused(slug: str, sql: str, right: str, wrong: str) -> None:
    assert answered(sql.format(right), slug).is_right
    assert sentence(answered(sql.format(wrong), slug))


def test_a_row_that_is_there_twice_counts_twice() -> None:
    two, one = [("a",), ("a",), ("b",)], [("a",), ("b",), ("b",)]
    columns = [ResultColumn("x", "text")]
    found = difference_between(
        QueryResult(columns=columns, rows=[*two]),
        QueryResult(columns=columns, rows=[*one]),
        is_ordered=False,
    )
    assert found is not None
    assert (found.answered, found.expected) == (("a",), ("b",))


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("SELECT number, balance FORM accounts", SYNTAX),
        ("DELETE FROM accounts", ""),
        ("EXPLAIN SELECT number, balance FROM accounts", ""),
        ("SELECT * FROM accounts FOR UPDATE", READ_ONLY),
        ("WITH gone AS (DELETE FROM accounts RETURNING 1) SELECT 1", "0A000"),
        ("SELECT * FROM public.users", DENIED),
        ("SELECT * FROM practice.reminders", DENIED),
    ],
)
def test_sql_that_cannot_run_is_refused_with_its_error(sql: str, state: str) -> None:
    checked = answered(sql)
    problem = checked.result.problem
    assert not checked.is_right
    assert problem is not None
    assert problem.state == state
    if state == SYNTAX:
        assert checked.shown.marked is not None
    if not state:
        assert problem.sentence == (NO_EXPLAIN if "EXPLAIN" in sql else NO_ROWS)


def test_an_answer_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "SECONDS", 0.3)
    problem = answered("SELECT count(*) FROM generate_series(1, 100000000000)").result.problem
    assert problem is not None
    assert problem.state == TOO_LONG


WITHOUT_INDEX = {
    "vouchers-of-a-guest": "SELECT code FROM vouchers WHERE upper(email) = 'GUEST7@EXAMPLE.COM'",
    "visits-of-half-an-hour": "SELECT machine, amount FROM visits"
    " WHERE lower(during) < '2026-06-03 09:30+00' AND upper(during) > '2026-06-03 09:00+00'",
    "worth-of-six-vouchers": "SELECT code, worth FROM vouchers"
    " WHERE code BETWEEN 'GIFT-00700' AND 'GIFT-00705' AND left(email, 1) = 'G'",
}


@pytest.mark.parametrize(("slug", "sql"), WITHOUT_INDEX.items(), ids=WITHOUT_INDEX)
def test_right_rows_without_the_index_are_not_enough(slug: str, sql: str) -> None:
    checked = answered(sql, slug)
    assert BY_SLUG[slug].index in sentence(checked)
    assert checked.result.plan
    assert checked.difference is not None
    assert checked.difference.lacks_index
    assert checked.compared[0][1] == ()
