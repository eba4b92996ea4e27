"""Sends the facts that the history records about a write: who wrote a row, from where and why.

Note [Facts of a write]: the triggers of the history read the setting `ledger.facts`. Only a write
to a recorded table sends this setting, in an extra query before the write. The setting is valid
only for the transaction. Therefore it also works behind a transaction pooler. The setting is signed
(Note [Signed facts]), so that the history can detect facts from injected SQL. The triggers also
store the role and the session, which injected SQL cannot choose.
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
# Tables whose writes are recorded in a history. Apps add their tables.
recorded: set[str] = set()

Facts = Callable[[], dict[str, str | None]]
_facts: ContextVar[Facts | None] = ContextVar("facts", default=None)
_reason: ContextVar[str] = ContextVar("reason", default="")


@contextmanager
def with_facts(facts: Facts) -> Iterator[None]:
    """Makes the history record facts about each write to a recorded table inside the block: the
    user, the IP address, the page and the request. For each write, calls the function `facts`,
    which returns a dict with `person` (an id), `address`, `path` and `request`.
    """
    before, reason = _facts.set(facts), _reason.set("")
    try:
        yield
    finally:
        _facts.reset(before)
        _reason.reset(reason)


@contextmanager
def without_facts() -> Iterator[None]:
    """Makes the history record no facts about the writes inside the block. Use this for tables
    outside the bank, such as the tables of the practice bank.
    """
    before = _facts.set(None)
    try:
        yield
    finally:
        _facts.reset(before)


def set_reason(reason: str) -> None:
    """Sets the reason that the history records for the next writes of this request."""
    _reason.set(reason)


def send_facts(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Runs a SQL statement and returns its result. If the statement writes to a recorded table
    inside `with_facts`, first sends the facts about the write: see Note [Facts of a write]. This
    function is a Django execute wrapper.
    """
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
    # Postgres does not store U+0000, so it is removed. A backslash that a user typed is kept.
    return json.dumps({name: value.replace("\0", "") for name, value in kept.items()})
