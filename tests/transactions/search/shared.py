"""What several tests of the search share."""

from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.db import connection
from django.test import Client
from hypothesis import strategies as st

from ledger.db.work import RecordedQuery

PARTS = st.sampled_from(
    ["-", '"', ":", " or ", "meta.", "has:meta.", "amount:", "date:", "is:", "..", ">", "\x00",
     "\ud800", "2026-", "a", "'", "\\", "&", "|", "!", "(", "<->", "*", "\ue000", "é", "中"]
)  # fmt: skip


SEARCH = "/search/"


def context_of(client: Client, **query: Any) -> Any:
    response = client.get(SEARCH, query)
    assert response.status_code == 200
    return response.context["page"]


def asked(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(unescape(url)).query).items()}


def scans_of(query: RecordedQuery) -> list[dict[str, Any]]:
    """The nodes of a plan that read transactions or an index of theirs."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.statement}", query.params)
        (root,) = cursor.fetchone()[0]
    nodes, left = [], [root["Plan"]]
    while left:
        node = left.pop()
        nodes.append(node)
        left += node.get("Plans", [])
    return [
        node
        for node in nodes
        if node.get("Relation Name") == "transactions"
        or str(node.get("Index Name", "")).startswith("transactions")
    ]
