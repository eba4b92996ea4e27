"""The facts of a write for the history: who wrote a row, from where and why.

Note [Facts of a write]: the triggers of the history read the setting `ledger.facts`. Before a write
to a recorded table, the connection sets it only for the transaction, so it also works behind a
transaction pooler. Reads, payments and all other writes need no extra query. The setting is signed
(Note [Signed facts]), so the history marks facts that injected SQL has set. The triggers also store
the role and the session, which injected SQL cannot choose.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from django.db import transaction as db_transaction

from ledger.db.history.signed_facts import signed

SETTING = "ledger.facts"
SEND = f"SELECT set_config('{SETTING}', %s, true)"
SHORT, LONG = 200, 500
WRITE = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)')
# The tables whose writes are recorded in a history. Apps add their tables.
recorded: set[str] = set()

Facts = Callable[[], dict[str, str | None]]
_facts: ContextVar[Facts | None] = ContextVar("facts", default=None)
_reason: ContextVar[str] = ContextVar("reason", default="")


@contextmanager
def with_facts(facts: Facts) -> Iterator[None]:
    """Attaches these facts to writes to recorded tables in the block: `person` (an id), `address`,
    `path` and `request`. `facts` is called when such a write happens.
    """
    before, reason = _facts.set(facts), _reason.set("")
    try:
        yield
    finally:
        _facts.reset(before)
        _reason.reset(reason)


@contextmanager
def without_facts() -> Iterator[None]:
    """Removes the facts from all writes in the block. For tables that are not part of the bank's
    books, such as those of the practice bank.
    """
    before = _facts.set(None)
    try:
        yield
    finally:
        _facts.reset(before)


def set_reason(reason: str) -> None:
    """Sets the reason that the history records for the following writes of this request."""
    _reason.set(reason)


def send_facts(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Sets the facts before a write to a recorded table, as an execute wrapper of Django."""
    facts = _facts.get()
    if facts is None or not isinstance(sql, str) or sql[:6] not in ("INSERT", "UPDATE", "DELETE"):
        return execute(sql, params, many, context)
    found = WRITE.match(sql)
    if found is None or found[1] not in recorded:
        return execute(sql, params, many, context)
    database = context["connection"]
    commits_itself = not database.in_atomic_block and database.get_autocommit()
    with db_transaction.atomic(using=database.alias) if commits_itself else nullcontext():
        with database.prepared_cursor() as cursor:
            cursor.execute(SEND, [signed(_as_text(facts()))])
        return execute(sql, params, many, context)


def _as_text(facts: dict[str, str | None]) -> str:
    kept = {name: value[:SHORT] for name, value in facts.items() if value}
    kept["reason"] = _reason.get()[:LONG]
    # Postgres does not store U+0000. A backslash that a user typed stays.
    return json.dumps({name: value.replace("\0", "") for name, value in kept.items()})
