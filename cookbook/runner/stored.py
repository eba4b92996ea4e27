"""The stored results of the recipes that run in a throw-away database.

Where such a recipe cannot run, its page shows the statements, plans and results of an earlier run.
`manage.py orm_to_sql` writes the file, and a test compares it with new runs.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cookbook.recipe import Recipe
from cookbook.runner.rendering import RenderedTable
from cookbook.runner.steps import Trace
from ledger.db.queries.work import QueryLog, RecordedQuery

EXPLANATION = "The page shows the statements, plans and results of an earlier run."
FILE = Path(__file__).with_name("stored.json")


def read() -> dict[str, dict[str, Any]]:
    """Returns a dict from the slug of each recipe to its stored run."""
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def load(recipe: Recipe) -> tuple[Trace, list[RenderedTable]]:
    """Returns the statements and the tables of the stored run of a recipe."""
    found = read()[recipe.slug]
    queries = [RecordedQuery(statement=query["text"], **query) for query in found["queries"]]
    spans = [(title, start, end) for title, start, end in found["spans"]]
    return Trace(QueryLog(queries), spans), [RenderedTable(**table) for table in found["tables"]]


def as_json(trace: Trace, tables: Iterable[RenderedTable]) -> dict[str, Any]:
    """Returns the data of a run that is stored as JSON: the statements, the plans, the errors, the
    times, and the tables.
    """
    queries = [
        {
            "text": each.sql,
            "seconds": round(each.seconds, 5),
            "plan": each.plan,
            "error": each.error,
        }
        for each in trace.work.queries
    ]
    return {"queries": queries, "spans": trace.spans, "tables": [asdict(each) for each in tables]}


def texts(run: dict[str, Any]) -> list[str]:
    """Returns the steps, statements, errors and results of a stored run."""
    return [
        *(title for title, _start, _end in run["spans"]),
        *(f"{query['text']} {query['error']}" for query in run["queries"]),
        *(json.dumps([table["title"], table["columns"], table["rows"]]) for table in run["tables"]),
    ]


def write(runs: dict[str, dict[str, Any]]) -> None:
    """Writes the stored runs into the file. The keys of `runs` are the slugs of the recipes."""
    FILE.write_text(json.dumps(runs, indent=1, ensure_ascii=False) + "\n")
