"""Helpers that several tests of the search share."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any
from unicodedata import category, normalize
from urllib.parse import parse_qs, urlsplit

from django.db import connection
from django.test import Client
from hypothesis import strategies as st

from ledger.db.queries.work import RecordedQuery
from transactions import services
from transactions.models import Transaction
from transactions.scope import Scope
from transactions.search.engine import SearchResult, find
from transactions.services import Draft

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)

ROLES = st.sampled_from(
    ["-", '"', ":", " or ", "meta.", "has:meta.", "amount:", "date:", "is:", "..", ">", "\x00",
     "\ud800", "2026-", "a", "'", "\\", "&", "|", "!", "(", "<->", "*", "\ue000", "é", "中"]
)  # fmt: skip


SEARCH = "/search/"
LEFT_OUT = "The results are for the rest of your search."  # of a mistake


def context_of(client: Client, **query: Any) -> Any:
    response = client.get(SEARCH, query)
    assert response.status_code == 200
    return response.context["page"]


def parameters_of(url: str) -> dict[str, str]:
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


def pay(
    number: int, amount: str, description: str, sender: Any = None, to: Any = None, **more: Any
) -> Draft:
    """A payment on the `number`th day after 10 March 2026, at noon."""
    return Draft(
        from_account=sender,
        to_account=to,
        amount=Decimal(amount),
        description=description,
        created_at=NOON + timedelta(days=number),
        **more,
    )


def booked(*drafts: Draft) -> list[Transaction]:
    """The drafts as rows, all of them."""
    return [row for row in services.post_batch(list(drafts)) if isinstance(row, Transaction)]


def names_of(found: SearchResult, books: dict[str, Transaction]) -> list[str]:
    """The found rows by the names the books have for them."""
    by_id = {row.pk: name for name, row in books.items()}
    return [by_id[row.pk] for row in found.rows]


def search_for(scope: Scope, text: str, books: dict[str, Transaction], **more: Any) -> list[str]:
    """What a query finds, in the order of the books."""
    found = names_of(find(scope, text, **more), books)
    return sorted(found, key=list(books).index)


def words_in(text: str) -> list[str]:
    """The runs of letters, digits and combining marks."""
    signs = [c if category(c)[0] in "LNM" else " " for c in normalize("NFC", text)]
    return "".join(signs).split()
