"""The rules for SQL that a migration runs by itself."""

from collections.abc import Iterator
from typing import Any

from tests.migration_rules import unique
from tests.migration_rules.context import Context
from tests.migration_rules.tokens import (
    Token,
    begins,
    codes,
    executed,
    has,
    in_brackets,
    split,
    statements,
    tokens_of,
)

Broken = Iterator[tuple[str, str]]
CHANGES = ("INSERT", "UPDATE", "DELETE", "MERGE", "COPY")
LONG_LOCKS = ("LOCK", "CLUSTER", "TRUNCATE", "REINDEX")
REWRITES = [("SET", "NOT", "NULL"), ("SET", "TABLESPACE"), ("SET", "LOGGED"), ("SET", "UNLOGGED")]
SERIAL = ("SMALLSERIAL", "SERIAL", "BIGSERIAL", "SERIAL2", "SERIAL4", "SERIAL8")
# Functions that leave something in the session, or need it.
OF_SESSION = ("pg_notify", "pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock",
              "pg_try_advisory_lock_shared", "pg_advisory_unlock", "pg_advisory_unlock_shared",
              "pg_advisory_unlock_all")  # fmt: skip
# Statements that do.
STATEMENTS_OF_SESSION = ("LISTEN", "NOTIFY", "UNLISTEN", "RESET", "DISCARD", "PREPARE")
TEMPORARY = ("TEMP", "TEMPORARY")


def text_of(operation: Any) -> str:
    """The SQL of a RunSQL. It may be a list, with parameters."""
    found = operation.sql
    if not isinstance(found, str):
        found = ";\n".join(each if isinstance(each, str) else each[0] for each in found)
    return str(found)


def changes_rows(text: str) -> bool:
    """Whether it runs INSERT, UPDATE or the like; in a function's body they only stand."""
    return any(_changes_rows(each) for each in executed(tokens_of(text)))


def _changes_rows(statement: list[Token]) -> bool:
    is_with = begins(statement, "WITH") and any(has(statement, change) for change in CHANGES)
    return is_with or any(begins(statement, change) for change in CHANGES)


def broken_by(text: str, context: Context) -> Broken:
    """The rules that this SQL breaks. Tables that the same migration makes are free."""
    yield from not_to_spread(text)
    found = list(executed(tokens_of(text)))
    new = context.new | {table for table in map(unique.table_made, found) if table}
    for statement in found:
        yield from unique.broken_by(statement, context)
        yield from _of_statement(statement, new)


def _of_statement(statement: list[Token], new: set[str]) -> Broken:
    if index := unique.index_in(statement):
        if index.table not in new and not index.is_concurrent:
            yield "index-concurrently", f"an index of {index.table} is built while nobody may write"
    elif begins(statement, "ALTER", "TABLE"):
        table, actions = unique.altered(statement)
        for action in actions if table not in new else ():
            yield from _of_action(table, action)
    elif begins(statement, "VACUUM") and has(statement, "FULL"):
        yield "no-long-locks", "VACUUM FULL shuts everybody out"
    elif any(begins(statement, word) for word in LONG_LOCKS):
        if not has(statement, "CONCURRENTLY"):
            yield "no-long-locks", f"{statement[0].text} shuts everybody out"
    elif begins(statement, "DROP", "TABLE") or begins(statement, "DROP", "VIEW"):
        yield "old-code-works", f"old code still asks for the {statement[1].name}"


def _of_action(table: str, action: list[Token]) -> Broken:
    """What one action of ALTER TABLE breaks on a table that has rows."""
    if begins(action, "ADD"):
        yield from _of_addition(table, action[1:])
    if any(has(action, *words) for words in REWRITES) or _changes_type(action):
        detail = " ".join(token.text for token in action[:5])
        yield "rewrites", f"{detail} on {table} reads or writes each row while nobody may write"
    if begins(action, "RENAME") or _drops_column(action):
        yield "old-code-works", f"{action[0].text} on {table}: old code still asks for it"


def _of_addition(table: str, added: list[Token]) -> Broken:
    is_index = unique.is_unique(added)
    if unique.is_constraint(added):
        if is_index and not has(added, "USING", "INDEX"):
            yield "index-concurrently", f"a key of {table} is built while nobody may write"
        elif not is_index and not has(added, "NOT", "VALID"):
            yield "validate-later", f"a constraint of {table} reads each row while nobody may write"
        return
    if is_index:
        yield "index-concurrently", f"a key of {table} is built while nobody may write"
    if has(added, "STORED"):
        yield "rewrites", f"a column of {table} is computed for each row while nobody may write"
    if has(added, "NOT", "NULL") and not (has(added, "DEFAULT") or has(added, "STORED")):
        yield "old-code-works", f"a column of {table} is NOT NULL without default"


def _changes_type(action: list[Token]) -> bool:
    return begins(action, "ALTER") and has(action, "TYPE")


def _drops_column(action: list[Token]) -> bool:
    return begins(action, "DROP") and not begins(action, "DROP", "CONSTRAINT")


def not_to_spread(text: str) -> Broken:
    """What cannot be spread over machines, also in the body of a function."""
    for code in codes(tokens_of(text)):
        yield from _of_words(code)
        for statement in statements(code):
            yield from _of_session(statement)


def _of_words(code: list[Token]) -> Broken:
    for i, token in enumerate(code):
        is_name = token.kind in ("word", "name")
        called = token.name if is_name and code[i + 1 : i + 2] == [Token("sign", "(")] else ""
        if (
            token.is_word(*SERIAL)
            or begins(code[i:], "AS", "IDENTITY")
            or begins(code[i:], "INCLUDING", "IDENTITY")
            or (begins(code[i:], "CREATE", "SEQUENCE") or called == "nextval")
        ):
            yield "no-sequences", f"{token.text} numbers by one sequence"
        elif token.is_word("DEFERRABLE") and not (i and code[i - 1].is_word("NOT")):
            yield "no-deferrable", "DEFERRABLE: it is checked at COMMIT"
        elif called in OF_SESSION:
            yield "no-session-state", f"{called} needs one session on one server"
        elif called == "set_config":
            given = list(split(in_brackets(code, i)))
            if len(given) != 3 or not begins(given[2], "TRUE"):
                yield "no-session-state", "set_config without true stays in the session"


def _of_session(statement: list[Token]) -> Broken:
    if any(begins(statement, word) for word in STATEMENTS_OF_SESSION):
        yield "no-session-state", f"{statement[0].text} needs one session on one server"
    if _is_temporary(statement) or has(statement, "CURSOR", "WITH", "HOLD"):
        yield "no-session-state", "it stays in the session, which another may get"
    stays = begins(statement, "SET") and not any(
        begins(statement, "SET", word) for word in ("LOCAL", "CONSTRAINTS", "TRANSACTION")
    )
    if stays:
        yield "no-session-state", "SET without LOCAL stays in the session"


def _is_temporary(statement: list[Token]) -> bool:
    """Whether it makes something in the session that the end of the transaction does not drop."""
    is_made = begins(statement, "CREATE") and any(
        token.is_word(*TEMPORARY) for token in statement[1:4]
    )
    is_made = is_made or any(has(statement, "INTO", word) for word in TEMPORARY)
    return is_made and not has(statement, "ON", "COMMIT", "DROP")
