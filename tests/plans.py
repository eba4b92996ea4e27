"""What Postgres did to answer a query."""

import json
from typing import Any

from django.db import connection
from django.db.models import QuerySet


def nodes_of(queryset: QuerySet[Any, Any]) -> list[dict[str, Any]]:
    """Every node of the executed plan of a queryset, the tree laid flat."""
    (root,) = json.loads(queryset.explain(format="json", analyze=True))
    return flat(root)


def nodes_of_sql(sql: str, params: Any) -> list[dict[str, Any]]:
    """The same of a query written in SQL."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        (answer,) = cursor.fetchone()
    (root,) = json.loads(answer) if isinstance(answer, str) else answer
    return flat(root)


def flat(root: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes below and with the root of a plan."""
    nodes, left = [], [root["Plan"]]
    while left:
        node = left.pop()
        nodes.append(node)
        left += node.get("Plans", [])
    return nodes
