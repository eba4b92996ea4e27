"""Tells the database who a write is from, where and why, for the rows of its history.

Note [Facts of a write]: the triggers of the history read the setting `ledger.facts`.
Before a write to a recorded table, the connection sets it for the transaction alone, so it works
behind a transaction pooler too. Reads, payments and all other writes are sent as they are, without
another query. The setting is signed, see Note [Signed facts]: the history marks what injected SQL
could have set instead. The triggers also store what it cannot choose: the role and the session.
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
# The tables whose writes have a history; apps add theirs.
recorded: set[str] = set()

Facts = Callable[[], dict[str, str | None]]
_facts: ContextVar[Facts | None] = ContextVar("facts", default=None)
_reason: ContextVar[str] = ContextVar("reason", default="")


@contextmanager
def told(facts: Facts) -> Iterator[None]:
    """Within the block, writes to recorded tables carry these facts: `person` (an id), `address`,
    `path` and `request`. They are read when such a write comes.
    """
    before, reason = _facts.set(facts), _reason.set("")
    try:
        yield
    finally:
        _facts.reset(before)
        _reason.reset(reason)


@contextmanager
def untold() -> Iterator[None]:
    """Within the block, no write carries facts: for tables beside the real ones."""
    before = _facts.set(None)
    try:
        yield
    finally:
        _facts.reset(before)


def because(reason: str) -> None:
    """States why the writes that follow in this request are made."""
    _reason.set(reason)


def tell(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """An execute wrapper of Django: sets the facts before a write to a recorded table."""
    facts = _facts.get()
    if facts is None or not isinstance(sql, str) or sql[:6] not in ("INSERT", "UPDATE", "DELETE"):
        return execute(sql, params, many, context)
    found = WRITE.match(sql)
    if found is None or found[1] not in recorded:
        return execute(sql, params, many, context)
    database = context["connection"]
    alone = not database.in_atomic_block and database.get_autocommit()
    with db_transaction.atomic(using=database.alias) if alone else nullcontext():
        with database.prepared_cursor() as cursor:
            cursor.execute(SEND, [signed(_as_text(facts()))])
        return execute(sql, params, many, context)


def _as_text(facts: dict[str, str | None]) -> str:
    given = {name: value[:SHORT] for name, value in facts.items() if value}
    given["reason"] = _reason.get()[:LONG]
    # Postgres stores no U+0000. A backslash that was typed stays.
    return json.dumps({name: value.replace("\0", "") for name, value in given.items()})
