"""The tree that pages draw from the text of EXPLAIN."""

import json
from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template

from ledger.db.queries.plan_tree import MAX_NODES, PlanNode, tree_of

MEASURED = """\
Limit  (cost=0.29..8.31 rows=10 width=40) (actual time=0.020..0.040 rows=10 loops=1)
  Buffers: shared hit=7 read=1
  CTE tree
    ->  Seq Scan on users  (cost=0.00..8.31 rows=1 width=40) (actual time=0.01..0.02 rows=9.5 loops=1)
          Filter: (name <> '<b>'::text)
          Buffers: shared read=1 written=2
  InitPlan 2 (returns $1)
    ->  Result  (cost=0.00..0.01 rows=1 width=4) (never executed)
  ->  CTE Scan on tree t  (cost=0.00..8.31 rows=10 width=40) (actual time=0.012..0.015 rows=10 loops=2)
Planning:
  Buffers: shared hit=99
Planning Time: 0.1 ms
"""  # noqa: E501 - as Postgres prints it
QUERIES = (
    "SELECT 1",
    "SELECT count(*) FROM users JOIN accounts ON accounts.user_id = users.id GROUP BY currency",
    "WITH old AS MATERIALIZED (SELECT * FROM users LIMIT 5) SELECT * FROM old, old AS other",
    ("SELECT (SELECT max(name) FROM users), EXISTS (SELECT FROM accounts WHERE user_id = u.id)"
    " FROM users AS u WHERE id IN (SELECT user_id FROM accounts) ORDER BY email LIMIT 3"),
    "SELECT id FROM users UNION ALL (SELECT id FROM accounts ORDER BY id)",
)  # fmt: skip


def test_each_node_has_its_own_part_of_the_time() -> None:
    tree = tree_of(f"A line before the plan\n{MEASURED}")
    assert tree is not None
    assert tree.was_run
    limit, users, result, scan = tree.root.all()
    assert limit.children == [users, result, scan]
    # A CTE scan contains the time of its CTE, so the limit has 0.04 ms less 0.015 ms in two loops.
    assert [round(node.own, 3) for node in (limit, users, result, scan)] == [0.01, 0.02, 0, 0.01]
    assert [round(node.share) for node in (limit, users, result, scan)] == [25, 50, 0, 25]
    assert (users.heading, users.operation, users.target) == ("CTE tree", "Seq Scan", "on users")
    assert (limit.hit, limit.read, users.hit, users.read) == (7, 1, 0, 1)
    assert users.details[0] == "Filter: (name <> '<b>'::text)"
    assert "written=2" in users.details[1]
    assert (result.loops, scan.loops, scan.rows) == (0, 2, 10)


@pytest.mark.parametrize(
    ("estimate", "rows", "is_wrong"), [(1, 9, False), (1, 10, True), (500, 50, True), (9, 0, False)]
)
def test_a_wrong_estimate_is_marked(estimate: int, rows: int, is_wrong: bool) -> None:
    line = f"Result  (cost=0.00..1.00 rows={estimate} width=4) (actual rows={rows} loops=1)"
    tree = tree_of(line)
    assert tree is not None
    assert tree.root.is_wrong is is_wrong


def test_a_cte_with_spaces_in_its_name_has_its_time_once() -> None:
    quoted = MEASURED.replace("CTE tree", 'CTE a "b"').replace("on tree t", 'on "a ""b""" t')
    tree, same = tree_of(quoted), tree_of(MEASURED)
    assert tree is not None
    assert same is not None
    assert [node.own for node in tree.root.all()] == [node.own for node in same.root.all()]


# A value of the query could look like a node.
BROKEN = """\
Seq Scan on users  (cost=0.00..8.31 rows=1 width=40)
  Filter: (name <> '
  ->  Result  (cost=0.00..9.99 rows=1 width=4)'::text)
"""


@pytest.mark.parametrize(
    "text", ["", "The rows took so long.", "Aggregate\n  ->  Result\n", BROKEN]
)
def test_other_text_has_no_tree(text: str) -> None:
    assert tree_of(text) is None


def test_a_large_plan_has_no_tree() -> None:
    node = "  ->  Result  (cost=0.00..0.01 rows=1 width=4)\n"
    assert tree_of(node[6:] + node * (MAX_NODES - 1)) is not None
    assert tree_of(node[6:] + node * MAX_NODES) is None
    assert tree_of("".join(f"{' ' * depth}{node}" for depth in range(0, 200, 6))) is None


@pytest.mark.django_db
@pytest.mark.parametrize("query", QUERIES)
def test_the_tree_is_that_of_explains_json(query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {query}")
        text = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute(f"EXPLAIN (FORMAT JSON) {query}")
        ((found,),) = cursor.fetchall()
    (plan,) = json.loads(found) if isinstance(found, str) else found
    tree = tree_of(text)
    assert tree is not None
    assert not tree.was_run
    assert _shape(tree.root) == _shape_of_json(plan["Plan"])


def _shape(node: PlanNode) -> tuple[Any, ...]:
    return node.estimate, node.total, [_shape(child) for child in node.children]


def _shape_of_json(plan: dict[str, Any]) -> tuple[Any, ...]:
    children = [_shape_of_json(each) for each in plan.get("Plans", [])]
    return plan["Plan Rows"], plan["Total Cost"], children


def test_a_page_escapes_the_plan_and_shows_its_text() -> None:
    shown = Template("{% load code %}{% query_plan plan %}").render(Context({"plan": MEASURED}))
    assert "<b>Seq Scan</b> on users" in shown
    assert "'<b>'" not in shown
    assert shown.count('class="plan-node"') == 4
    assert "Planning Time:" in shown
