"""The rules for SQL that a migration runs by itself."""

import re
from collections.abc import Iterator
from typing import Any

from tests.migration_rules.context import Context

BODY = re.compile(r"(\$\w*\$).*?\1", re.DOTALL)
COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
DATA = re.compile(r"(?:^|;)\s*(?:WITH\b|INSERT\b|UPDATE\b|DELETE\b|MERGE\b|COPY\b)", re.IGNORECASE)
NAME = r"(?:ONLY\s+)?\"?(?:public\.)?\"?(\w+)"
INDEX = re.compile(
    rf"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)(?:\w+\s+)*?ON\s+{NAME}", re.IGNORECASE
)
ALTER = re.compile(rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?{NAME}([^;]*)", re.IGNORECASE)
ADDED = re.compile(r"ADD\s+CONSTRAINT\s+(\w+)([^;]*)", re.IGNORECASE)
LONG_LOCKS = re.compile(
    r"\b(LOCK\s+TABLE|CLUSTER|VACUUM\s+FULL|TRUNCATE|REINDEX(?!\s+\w+\s+CONCURRENTLY))\b",
    re.IGNORECASE,
)
REWRITES = re.compile(
    r"\b(SET\s+NOT\s+NULL|TYPE\s+\w+|SET\s+TABLESPACE|SET\s+LOGGED|SET\s+UNLOGGED)", re.IGNORECASE
)
OLD_NAMES = re.compile(r"\b(RENAME|DROP\s+COLUMN)\b", re.IGNORECASE)
DROPS = re.compile(r"(?:^|;)\s*DROP\s+(TABLE|VIEW)\b", re.IGNORECASE)
SEQUENCES = re.compile(r"\b(\w*SERIAL|AS\s+IDENTITY|CREATE\s+SEQUENCE|nextval)\b", re.IGNORECASE)
DEFERRABLE = re.compile(r"(?<!NOT )\bDEFERRABLE\b", re.IGNORECASE)
SESSION = re.compile(
    r"(?:^|;|\bPERFORM\b|\bSELECT\b)\s*(LISTEN\b|NOTIFY\b|pg_notify\b|pg_(?:try_)?advisory_lock\w*)",
    re.IGNORECASE,
)


def text_of(operation: Any) -> str:
    """The SQL of a RunSQL, without comments. It may be a list, with parameters."""
    found = operation.sql
    if not isinstance(found, str):
        found = ";\n".join(each if isinstance(each, str) else each[0] for each in found)
    return COMMENTS.sub("", found)


def changes_rows(text: str) -> bool:
    """Whether it runs INSERT, UPDATE or the like; in a function's body they only stand."""
    return bool(DATA.search(BODY.sub("", text)))


def broken_by(text: str, context: Context) -> Iterator[tuple[str, str]]:
    """The rules that this SQL breaks. Tables that the same migration makes are free."""
    yield from not_to_spread(text)
    outside = BODY.sub("", text)
    new = context.new | set(re.findall(rf"CREATE\s+TABLE\s+{NAME}", outside, re.IGNORECASE))
    for table in INDEX.findall(outside):
        if table not in new:
            yield "index-concurrently", f"an index of {table} is built while nobody may write"
    for table, change in ALTER.findall(outside):
        if table not in new:
            yield from _of_change(table, change)
    for found in LONG_LOCKS.findall(outside):
        yield "no-long-locks", f"{found} shuts everybody out"
    for found in DROPS.findall(outside):
        yield "old-code-works", f"old code still asks for the {found.lower()}"


def _of_change(table: str, change: str) -> Iterator[tuple[str, str]]:
    for name, rest in ADDED.findall(change):
        is_index = re.match(r"\s*(UNIQUE|PRIMARY|EXCLUDE)", rest, re.IGNORECASE)
        if is_index and not re.search(r"USING\s+INDEX", rest, re.IGNORECASE):
            yield "index-concurrently", f"{name} is built while nobody may write"
        elif not is_index and not re.search(r"NOT\s+VALID", rest, re.IGNORECASE):
            yield "validate-later", f"{name} reads each row while nobody may write"
    for found in REWRITES.findall(change):
        yield "rewrites", f"{found} on {table} reads or writes each row while nobody may write"
    for found in OLD_NAMES.findall(change):
        yield "old-code-works", f"{found} on {table}: old code still asks for it"


def not_to_spread(text: str) -> Iterator[tuple[str, str]]:
    """What cannot be spread over machines, also in the body of a function."""
    if found := SEQUENCES.search(text):
        yield "no-sequences", f"{found[1]} numbers by one sequence"
    if found := DEFERRABLE.search(text):
        yield "no-deferrable", "DEFERRABLE: it is checked at COMMIT"
    if found := SESSION.search(text):
        yield "no-session-state", f"{found[1]} needs one session on one server"
