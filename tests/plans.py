"""The executed plan of a query, as a list of nodes."""

import json
from typing import Any

from django.db import connection
from django.db.models import QuerySet


def nodes_of(queryset: QuerySet[Any, Any]) -> list[dict[str, Any]]:
    """Returns all nodes of a queryset's executed plan."""
    (root,) = json.loads(queryset.explain(format="json", analyze=True))
    return flat(root)


def nodes_of_sql(sql: str, params: Any) -> list[dict[str, Any]]:
    """Returns all nodes of the executed plan of a SQL query."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        (plan,) = cursor.fetchone()
    (root,) = json.loads(plan) if isinstance(plan, str) else plan
    return flat(root)


def flat(root: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the root of the plan and all nodes below it."""
    nodes, left = [], [root["Plan"]]
    while left:
        node = left.pop()
        nodes.append(node)
        left += node.get("Plans", [])
    return nodes
